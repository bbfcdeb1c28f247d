"""JSON: what is written is what the schema says, and reading it gives the same reports."""

import json

import pytest

from unrolled.check.output.json import from_json, report_from, report_to, schema, to_json
from unrolled.errors import DataError


def faults(value, rule, root, where="$"):
    """Where `value` breaks `rule`, for the keywords that this schema uses; any other keyword is a fault itself."""
    found = []
    rule = {key: word for key, word in rule.items() if key not in ("$schema", "$defs", "title", "description")}
    for key, word in rule.items():
        match key:
            case "$ref":
                found += faults(value, root["$defs"][word.removeprefix("#/$defs/")], root, where)
            case "type":
                kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": None}
                names = [word] if isinstance(word, str) else word
                allowed = tuple(type(None) if kinds[name] is None else kinds[name] for name in names)
                if not isinstance(value, allowed) or (isinstance(value, bool) and "boolean" not in names):
                    found.append(f"{where}: {value!r} is no {names}")
            case "const" | "enum":
                if value not in (word if key == "enum" else [word]):
                    found.append(f"{where}: {value!r} is not {word!r}")
            case "minimum":
                if isinstance(value, int) and value < word:
                    found.append(f"{where}: {value} < {word}")
            case "required":
                found += [f"{where}: no {name}" for name in word if name not in value]
            case "properties":
                found += [f"{where}: {name} has no rule" for name in value if name not in word]
                for name in word.keys() & value.keys():
                    found += faults(value[name], word[name], root, f"{where}.{name}")
            case "items":
                for at, item in enumerate(value):
                    found += faults(item, word, root, f"{where}[{at}]")
            case _:
                found.append(f"{where}: this test does not know {key!r}")
    return found


def test_every_report_fits_the_schema_and_has_no_field_that_it_does_not_name(right, mixed, empty, hostile):
    document = json.loads(to_json([right, mixed, empty, hostile]))
    assert faults(document, schema(), schema()) == []
    assert (document["version"], len(document["files"])) == (1, 4)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda d: d.update(version=2), r"version: 2 is not"),
        (lambda d: d["files"][0].pop("functions"), "no functions"),
        (lambda d: d["files"][0]["functions"][1].update(verdict="perhaps"), "'perhaps' is not"),
        (lambda d: d["files"][0]["functions"][1]["findings"][0].update(line=0), "0 < 1"),
        (lambda d: d["files"][0]["functions"][1]["findings"][0].update(line="41"), "'41' is no"),
    ],
)
def test_a_document_that_does_not_fit_is_noticed(mixed, spoil, fault):
    document = json.loads(to_json([mixed]))
    spoil(document)
    assert any(fault in found for found in faults(document, schema(), schema()))


def test_reading_gives_the_same_reports(right, mixed, empty, hostile):
    reports = [right, mixed, empty, hostile]
    assert from_json(to_json(reports)) == reports
    assert report_from(json.loads(json.dumps(report_to(mixed)))) == mixed


def test_a_finding_has_its_equation_line_message_and_certainty(mixed):
    function = json.loads(to_json([mixed]))["files"][0]["functions"][1]
    assert (function["found_as"], function["cell"], function["line"]) == ("LSTM.step_back", 7, 1)
    assert function["outputs"] == {"right": ["dWi", "dbi"], "wrong": ["dWf", "dbf", "dxt", "da_prev"]}
    finding = function["findings"][0]
    assert (finding["equation"], finding["symbol"], finding["cell"], finding["line"]) == ("lstm.10", "dft", 7, 41)
    assert finding["certainty"] == "explained"
    assert "c_next where c_prev belongs" in finding["message"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "no"])
def test_another_text_is_no_report(text):
    with pytest.raises(DataError, match="is not a JSON report, expected what `unrolled check --format json` writes"):
        from_json(text)


def test_another_version_is_named():
    with pytest.raises(DataError, match="has version 7, expected 1; check the files again"):
        from_json('{"version": 7, "files": []}')
