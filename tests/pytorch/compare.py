"""The same layers computed by PyTorch, result by result under our names; and numbers that no version of NumPy changes.

PyTorch is imported only where it computes. It has two biases where we have one: theirs are drawn so that they add up to
ours, and the gradient of either equals ours.
"""
# ruff: noqa: E741 - an axis is I, as in the equations

from typing import Any

import numpy as np

from engine.against_steps import GATES, Arrays, Case, Numbers

# PyTorch has no GRU whose reset gate stands before the product.
CELLS = tuple(cell for cell in GATES if cell != "gru_before")
# What is recorded: every cell, with more than one layer, both directions, and sequences of unequal lengths.
RECORDED = [
    Case(cell, 4, 3, 2, 3, **options)
    for cell in CELLS
    for options in ({}, {"num_layers": 2}, {"bidirectional": True, "padded": True})
]


def numbers(case: Case) -> Numbers:
    """As those of `engine.against_steps`, from raw bits, the same for every version of NumPy; no empty sequence."""
    bits = np.random.PCG64([case.seed, case.T, case.N, case.I, case.H])
    T, N, I, H, G = case.T, case.N, case.I, case.H, GATES[case.cell]
    D, LD = 1 + case.bidirectional, len(case.directions)

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        uniform = bits.random_raw(int(np.prod(shape))).astype(float) / 2**64
        return (scale * (2 * uniform - 1)).astype(case.dtype).astype(float).reshape(shape)

    parameters = {}
    for suffix, layer, _ in case.directions:
        inputs = D * H if layer else I
        parameters[f"weight_ih_{suffix}"] = draw(G * H, inputs, scale=(3 / inputs) ** 0.5)
        parameters[f"weight_hh_{suffix}"] = draw(G * H, H, scale=0.8 * (3 / H) ** 0.5)
        parameters[f"bias_{suffix}"] = draw(G * H)
        if case.cell == "gru":
            parameters[f"bias_hn_{suffix}"] = draw(H)
    x, dy, lengths = draw(T, N, I), draw(T, N, D * H), None
    if case.padded:
        # one of them is full, because PyTorch makes its padded output only as long as the longest
        lengths = np.array([T, *(1 + bits.random_raw(N - 1) % T).astype(int)])[::-1]
        padding = np.arange(T)[:, np.newaxis] >= lengths
        x[padding] = dy[padding] = np.nan
    return Numbers(parameters, lengths, x, draw(LD, N, H), draw(LD, N, H), dy, draw(LD, N, H), draw(LD, N, H))


def by_torch(case: Case, given: Numbers) -> Arrays:
    """Output, last states, and the gradients of everything, by our names."""
    import torch

    lstm = case.cell == "lstm"
    dtype = {"float32": torch.float32, "float64": torch.float64}[case.dtype]
    kind: Any = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(case.cell, torch.nn.RNN)
    options = {} if case.cell in ("lstm", "gru") else {"nonlinearity": case.cell}
    sizes = {"num_layers": case.num_layers, "bidirectional": case.bidirectional, "dtype": dtype}
    layer = kind(case.I, case.H, **sizes, **options)
    with torch.no_grad():
        for name, value in _their_parameters(case, given).items():
            getattr(layer, name).copy_(torch.tensor(value))

    def leaf(array: np.ndarray) -> Any:
        return torch.tensor(array, dtype=dtype, requires_grad=True)

    x, h0, c0 = leaf(given.x), leaf(given.h0), leaf(given.c0)
    sequence = x
    if given.lengths is not None:
        lengths = torch.tensor(given.lengths.copy())
        sequence = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, last = layer(sequence, (h0, c0) if lstm else h0)
    if given.lengths is not None:
        output, _ = torch.nn.utils.rnn.pad_packed_sequence(output)
    last = {"h": last[0], "c": last[1]} if lstm else {"h": last}
    upstream = [torch.tensor(a, dtype=dtype) for a in (given.dy, given.dh, given.dc)[: 1 + len(last)]]
    torch.autograd.backward([output, *last.values()], upstream)

    result = {"output": output.detach(), "dx": x.grad, "dh0": h0.grad}
    result |= {f"{key}_last": array.detach() for key, array in last.items()} | ({"dc0": c0.grad} if lstm else {})
    for suffix, _, _ in case.directions:
        theirs = {
            kind: getattr(layer, f"{kind}_{suffix}").grad for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        result |= {f"d{kind}_{suffix}": theirs[kind] for kind in ("weight_ih", "weight_hh")}
        result[f"dbias_{suffix}"] = theirs["bias_ih"]
        if case.cell == "gru":
            result[f"dbias_hn_{suffix}"] = theirs["bias_hh"][2 * case.H :]
    return {name: array.numpy() for name, array in result.items()}


def _their_parameters(case: Case, given: Numbers) -> Arrays:
    theirs = {name: value for name, value in given.parameters.items() if name.startswith("weight")}
    for suffix, _, _ in case.directions:
        bias = given.parameters[f"bias_{suffix}"]
        of_ih, of_hh = 0.25 * bias, 0.75 * bias
        if case.cell == "gru":  # the candidate's recurrent bias stands inside the reset product
            new = slice(2 * case.H, None)
            of_ih[new], of_hh[new] = bias[new], given.parameters[f"bias_hn_{suffix}"]
        theirs |= {f"bias_ih_{suffix}": of_ih, f"bias_hh_{suffix}": of_hh}
    return theirs
