"""Adam as the course writes it and as its paper does: names, keys and the place of epsilon are free."""

import pytest

from check.judge.judging import judged

PAPER = """
import numpy as np

def initialize_adam(params):
    m = {k: np.zeros_like(p) for k, p in params.items()}
    v = {k: np.zeros_like(p) for k, p in params.items()}
    return m, v

def update_parameters_with_adam(params, grads, m, v, t, lr=0.01, b1=0.9, b2=0.999, eps=1e-8):
    for k in params:
        g = grads["d" + k]
        m[k] = b1 * m[k] + (1 - b1) * g
        v[k] = b2 * v[k] + (1 - b2) * g ** 2
        m_hat = m[k] / (1 - b1 ** t)
        v_hat = v[k] / (1 - b2 ** t)
        params[k] = params[k] - lr * m_hat / (np.sqrt(v_hat) + eps)
    return params, m, v
"""
UPDATE = "update_parameters_with_adam"
OWN_KEYS = "v and s have the parameters' own keys"


def changed(*edits: tuple[str, str]) -> str:
    text = PAPER
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


INSIDE = ("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)")
RATE = (
    "lr * m_hat / (np.sqrt(v_hat) + eps)",
    "lr * np.sqrt(1 - b2 ** t) / (1 - b1 ** t) * m[k] / (np.sqrt(v[k]) + eps)",
)
GRADIENTS_KEYS = (("m[k]", 'm["d" + k]'), ("v[k]", 'v["d" + k]'), ("{k: np", '{"d" + k: np'))
SECOND_IS_S = (
    ("m, v", "v, s"),
    ("v[k]", "s[k]"),
    ("m[k]", "v[k]"),
    ("    v = {", "    s = {"),
    ("    m = {", "    v = {"),
)


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ((), ["epsilon is added outside the root", OWN_KEYS]),
        ((INSIDE,), [OWN_KEYS]),
        ((RATE,), ["the learning rate bears both corrections", OWN_KEYS]),
        (GRADIENTS_KEYS, ["epsilon is added outside the root"]),
        ((RATE, *GRADIENTS_KEYS), ["the learning rate bears both corrections"]),
        ((INSIDE, *SECOND_IS_S), [OWN_KEYS]),
        ((*GRADIENTS_KEYS, INSIDE), []),
    ],
)
def test_adam_is_right_in_the_papers_names_keys_and_forms(edits, told):
    said = judged(changed(*edits), "initialize_adam", UPDATE)
    assert {name: report.verdict for name, report in said.items()} == {"initialize_adam": "correct", UPDATE: "correct"}
    reasons = said[UPDATE].convention.split("; ")
    assert len(reasons) == max(1, len(told))
    assert all(reason.startswith(words) for reason, words in zip(reasons, told, strict=False))
    assert (OWN_KEYS in said["initialize_adam"].convention) == (OWN_KEYS in told)


@pytest.mark.parametrize(
    ("edit", "equation"),
    [
        ((" / (1 - b2 ** t)", ""), "adam.correct"),
        (("b1 * m[k] + (1 - b1) * g", "b1 * m[k] + b1 * g"), "adam.v"),
        (("(1 - b2) * g ** 2", "(1 - b2) * g"), "adam.s"),
        (("params[k] - lr", "params[k] + lr"), "adam.update"),
    ],
)
@pytest.mark.parametrize("keys", [(), GRADIENTS_KEYS])
def test_a_mistake_in_adam_is_named_whatever_its_keys(edit, equation, keys):
    report = judged(changed(edit, INSIDE, *keys), UPDATE)[UPDATE]
    assert report.verdict == "wrong"
    assert {finding.equation for finding in report.findings} == {equation}


@pytest.mark.parametrize("keys", [(), GRADIENTS_KEYS])
def test_moments_that_do_not_start_at_zero_are_named_by_their_own_key(keys):
    text = changed(("v = {k: np.zeros_like(p)", "v = {k: np.ones_like(p)"), *keys)
    (finding, *_) = judged(text, "initialize_adam")["initialize_adam"].findings
    key = "dW1" if keys else "W1"
    assert (finding.equation, finding.message) == ("adam.init", f"your s['{key}'] is not zero in the shape of W1")
