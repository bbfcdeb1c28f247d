"""Beam search: width 1 takes the likeliest token each time, a wide beam finds the best of all sequences."""

import itertools

import numpy as np
import pytest

from helpers import rng
from unrolled.errors import ParameterError
from unrolled.models.pairs.beam import beam_search
from unrolled.models.text.sampling import log_softmax

START, END, V, LONGEST = 1, 2, 6, 3


class Chances:
    """A model whose logits depend on input, place and the two tokens before; it remembers all but the last of these."""

    def __init__(self, seed, N=3):
        self.logits = 2 * rng(seed).normal(size=(N, LONGEST + 2, V, V, V))
        self.N = N

    def step(self, tokens, memory):
        n, t, before = memory
        return self.logits[n, t, before, tokens], (n, t + 1, tokens)

    @staticmethod
    def take(memory, rows):
        return tuple(array[rows] for array in memory)

    def search(self, **how):
        memory = (np.arange(self.N), np.zeros(self.N, int), np.zeros(self.N, int))
        how = {"start": START, "end": END, "max_length": LONGEST} | how
        return beam_search(self.step, self.take, memory, self.N, **how)

    def log_probability(self, n, tokens):
        before = [0, START, *tokens]
        return sum(log_softmax(self.logits[n, t, before[t]])[before[t + 1], token] for t, token in enumerate(tokens))

    def all(self, n):
        """Every sequence that may be written, and its log p and length with its end: `(tokens, log p, length)`."""
        for length in range(LONGEST + 1):
            for tokens in itertools.product(range(3, V), repeat=length):
                yield list(tokens), self.log_probability(n, (*tokens, END)), length + 1


@pytest.mark.parametrize("seed", range(5))
def test_width_one_takes_the_likeliest_token_each_time(seed):
    model = Chances(seed)
    for n, (found,) in enumerate(model.search()):
        tokens = []
        for t in range(LONGEST + 1):
            allowed = model.logits[(n, t, *[0, START, *tokens][-2:])].copy()
            allowed[: START + 1] = -np.inf
            if t == LONGEST:
                allowed[:] = allowed == allowed[END]
            tokens.append(int(allowed.argmax()))
            if tokens[-1] == END:
                break
        log_p = model.log_probability(n, tokens)
        assert found.tokens == [token for token in tokens if token != END]
        assert found.log_probability == pytest.approx(log_p)
        assert found.score == pytest.approx(log_p / len(tokens))


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_as_wide_as_all_sequences_finds_them_in_their_order(seed, penalty):
    model = Chances(seed)
    for n, found in enumerate(model.search(width=130, length_penalty=penalty)):
        every = sorted(model.all(n), key=lambda each: -each[1] / each[2] ** penalty)
        assert [each.tokens for each in found] == [tokens for tokens, _, _ in every]
        np.testing.assert_allclose([each.log_probability for each in found], [each[1] for each in every])
        np.testing.assert_allclose([each.score for each in found], [each[1] / each[2] ** penalty for each in every])


def test_a_wider_beam_finds_what_greed_passes_by():
    model = Chances(0, N=1)
    model.logits[:] = -30
    model.logits[0, 0, :, START, [3, 4]] = np.log([[0.6], [0.4]])
    model.logits[0, 1, :, 3, [3, 4, 5]] = np.log([[0.34], [0.33], [0.33]])
    model.logits[0, 1, :, 4, END] = 0  # 0.4 * 1 is more than 0.6 * 0.34
    model.logits[0, 2, :, :, END] = 0
    assert model.search(length_penalty=0)[0][0].tokens == [3, 3]
    wide = model.search(width=2, length_penalty=0)[0]
    assert [each.tokens for each in wide] == [[4], [3, 3]]
    np.testing.assert_allclose([each.log_probability for each in wide], np.log([0.4, 0.6 * 0.34]))


def test_the_penalty_decides_between_short_and_long():
    model = Chances(0, N=1)
    model.logits[:] = -30
    model.logits[0, 0, :, START, [END, 3]] = np.log([[0.52], [0.48]])
    model.logits[0, 1, :, 3, 3] = model.logits[0, 2, :, 3, END] = 0
    assert [each.tokens for each in model.search(width=2, length_penalty=0)[0]] == [[], [3, 3]]
    assert [each.tokens for each in model.search(width=2, length_penalty=1)[0]] == [[3, 3], []]


def test_inputs_do_not_see_each_other():
    model = Chances(4)
    together = model.search(width=3)
    for n in range(model.N):
        alone = Chances(4)
        alone.logits, alone.N = model.logits[[n]], 1
        assert alone.search(width=3)[0] == together[n]
        assert len(together[n]) == 3


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"width": 0}, "`width` is 0, expected a whole number of at least 1"),
        ({"max_length": 0}, "`max_length` is 0, expected a whole number of at least 1"),
        ({"length_penalty": -1}, "`length_penalty` is -1, expected a finite number of at least 0; 1 compares means"),
        ({"width": 2.5}, "`width` is 2.5, expected a whole number of at least 1"),
        ({"max_length": 2.5}, "`max_length` is 2.5, expected a whole number of at least 1"),
        ({"length_penalty": "x"}, "`length_penalty` is 'x', expected a finite number of at least 0"),
        ({"length_penalty": np.nan}, "`length_penalty` is nan, expected a finite number"),
    ],
)
def test_wrong_wishes_are_named(how, message):
    with pytest.raises(ParameterError, match=message):
        Chances(0).search(**how)
