"""Tables: what a spreadsheet writes is read, and what cannot be is said with file, line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unrolled.data.tables import read_table
from unrolled.errors import DataError, ParameterError


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_quotes_a_byte_order_mark_and_empty_lines(tmp_path: Path, separator: str, end: str):
    lines = ["a|b c|d", '1|"x, y; z\tw"|2.5', "", '-3|"say ""yes"""| 1e3 ', "|  |"]
    path = written(tmp_path, "\ufeff" + end.join(line.replace("|", separator) for line in lines))
    table = read_table(path)
    assert table.columns == ("a", "b c", "d")
    assert table.cells("b c") == ["x, y; z\tw", 'say "yes"']
    np.testing.assert_array_equal(table.numbers("a", "refuse", ""), [1, -3])
    np.testing.assert_array_equal(table.numbers("d", "refuse", ""), [2.5, 1000])
    assert table.lines == [2, 4]
    assert table.at(1, "d") == f"`{path}`, line 4, column 'd'"


def test_a_decimal_comma_is_read_where_commas_do_not_separate(tmp_path: Path):
    table = read_table(written(tmp_path, "a;b\n1,5;-0,25\n2.5;3\n"))
    np.testing.assert_array_equal(table.numbers("a", "refuse", ""), [1.5, 2.5])
    assert table.is_numeric("b")
    with pytest.raises(DataError, match=r"line 2, column 'a': holds '1,5', expected a number; mend"):
        read_table(written(tmp_path, 'a,b\n"1,5",2\n')).numbers("a", "refuse", "mend")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "latin-1", "utf-8", "utf-8-sig"])
def test_a_table_in_another_encoding_is_read_where_that_is_named(tmp_path: Path, encoding: str):
    table = read_table(written(tmp_path, "Größe,b\n1,café\n".encode(encoding)), encoding)
    assert (table.columns, table.cells("b")) == (("Größe", "b"), ["café"])


def test_an_encoding_that_is_wrong_or_none_is_named(tmp_path: Path):
    path = written(tmp_path, "a,b\n1,é\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"is not in ascii \(byte 0xe9 in line 2\), expected a CSV file in that"):
        read_table(path, "ascii")
    with pytest.raises(DataError, match=r"is not in utf-16 .*perhaps with --encoding utf-8"):
        read_table(written(tmp_path, b"a,b\n1"), "utf-16")
    for name in ("cp1252", "windows-1252"):
        with pytest.raises(
            DataError, match=r"is not in .*1252 .*; name its encoding, with --encoding, or save it as U"
        ):
            read_table(written(tmp_path, b"a,b\n1,\x81\n"), name)
    with pytest.raises(DataError, match=r"is not in cp1252 .*perhaps with --encoding utf-8"):
        read_table(written(tmp_path, "a,b\n1,\u201d\n".encode()), "cp1252")
    path = written(tmp_path, "a,b\n1,é\n".encode("cp1252"))
    for name in ("excel", "base64"):
        with pytest.raises(ParameterError, match=f"--encoding is '{name}', expected one that Python knows, such as"):
            read_table(path, name)


def test_missing_numbers_are_refused_or_nan(tmp_path: Path):
    table = read_table(written(tmp_path, "a,b\n1,\nNA,2\n?,x\n"))
    np.testing.assert_array_equal(table.numbers("a", "mask", ""), [1, np.nan, np.nan])
    with pytest.raises(DataError, match=r"line 3, column 'a': holds 'NA', .* or train with --missing mask"):
        table.numbers("a", "refuse", "")
    with pytest.raises(DataError, match=r"line 2, column 'b': holds '', expected a label; fill it in"):
        table.text("b", "a label")


def test_what_is_no_number_is_none(tmp_path: Path):
    table = read_table(written(tmp_path, "a,b,c,d\n1,1_000,inf,\n2,2,3,\n"))
    assert [table.is_numeric(name) for name in table.columns] == [True, False, False, False]
    with pytest.raises(DataError, match=r"line 2, column 'b': holds '1_000', expected a number"):
        table.numbers("b", "refuse", "")
    with pytest.raises(DataError, match=r"line 2, column 'c': holds 'inf', expected a finite number"):
        table.numbers("c", "mask", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"t.csv` is empty, expected a CSV file with a line that names its columns"),
        (" \n", r"t.csv` is empty"),
        ("a,b\n", r"has no rows below the names of its columns"),
        ("a,b\n1,2\n1,2,3\n", r"t.csv`, line 3: has 3 cells, expected 2, one for each column; quote a cell"),
        ("a,b\n1\n", r"t.csv`, line 2: has 1 cells, expected 2"),
        ('a,b\n1,"2\n3,4\n', r"t.csv`, line 3: is no CSV .*is a quote never closed\?"),
        ("a,b,a\n1,2,3\n", r"t.csv`, line 1: names the column 'a' twice, expected each once; rename"),
        ("1,2\n3,4\n", r"t.csv`, line 1: holds 1, 2, expected the names of the columns; put a line with names first"),
        (",\n3,4\n", r"t.csv`, line 1: holds , , expected the names of the columns"),
        (b"a,b\n1,2\n3,caf\xe9\n", r"t.csv` is not in utf-8 \(byte 0xe9 in line 3\), expected .* --encoding cp1252, "),
        ("a,b\n1,2\n".encode("utf-16"), r"is not in utf-8 .*; name its encoding, perhaps with --encoding utf-16"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises(DataError, match=message):
        read_table(written(tmp_path, text))


def test_what_is_no_file_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="is a folder, expected a CSV file"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="does not exist, expected a CSV file; check the path"):
        read_table(tmp_path / "none.csv")
    secret = written(tmp_path, "a\n1\n")
    secret.chmod(0)
    try:
        secret.read_bytes()
    except OSError:
        with pytest.raises(DataError, match=r"cannot be read .*check its permissions"):
            read_table(secret)
    finally:
        secret.chmod(0o600)


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path):
    with pytest.raises(ParameterError, match=r"--target names the column 'c', expected one that `.*t.csv` has: a, b"):
        read_table(written(tmp_path, "a,b\n1,2\n")).check_column("c", "--target")
