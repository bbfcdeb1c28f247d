"""PyTorch's LSTM with `proj_size` on the same numbers, in our names; `python -m steps.variants.torch_projection` in the
folder `tests` records it.

PyTorch is imported only where it computes. Its two biases are drawn so that they add up to ours.
"""

import json
from pathlib import Path

import numpy as np

from helpers import Array
from unrolled import bridge

TARGET = Path(__file__).with_name("torch_projection.json")
T, M, N_X, N_A, N_P = 5, 3, 2, 4, 3
SHAPES = (
    {"Wp": (N_P, N_A)} | {f"W{gate}": (N_A, N_P + N_X) for gate in "fico"} | {f"b{gate}": (N_A, 1) for gate in "fico"}
)


def numbers() -> tuple[dict[str, Array], dict[str, Array]]:
    """Parameters, and inputs, states and upstream gradients, from raw bits, the same for every version of NumPy."""
    bits = np.random.PCG64(14)
    given = {"x": (N_X, M, T), "a0": (N_P, M), "c0": (N_A, M)}
    upstream = {"da": (N_P, M, T), "da_final": (N_P, M), "dc_final": (N_A, M)}

    def draw(shape: tuple[int, ...]) -> Array:
        return (2 * (bits.random_raw(int(np.prod(shape))).astype(float) / 2**64) - 1).reshape(shape)

    return (
        {name: draw(shape) for name, shape in SHAPES.items()},
        {name: draw(shape) for name, shape in {**given, **upstream}.items()},
    )


def by_torch() -> dict[str, Array]:
    """Outputs, last states and the gradients of everything, by our names."""
    import torch

    p, g = numbers()
    engine = bridge.lstm_to_engine(p)
    layer = torch.nn.LSTM(N_X, N_A, proj_size=N_P, dtype=torch.float64)
    parts = {"bias_ih_l0": 0.25 * engine["bias_l0"], "bias_hh_l0": 0.75 * engine["bias_l0"]}
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "weight_hr_l0"):
            getattr(layer, name).copy_(torch.tensor(engine[name]))
        for name, part in parts.items():
            getattr(layer, name).copy_(torch.tensor(part))
    x, a0, c0 = (torch.tensor(bridge.arrays_to_engine(g[name]), requires_grad=True) for name in ("x", "a0", "c0"))
    y, (h_n, c_n) = layer(x, (a0[np.newaxis], c0[np.newaxis]))
    upstream = [torch.tensor(bridge.arrays_to_engine(g[name])) for name in ("da", "da_final", "dc_final")]
    torch.autograd.backward([y, h_n[0], c_n[0]], upstream)

    result = {"a": y.detach(), "c_final": c_n[0].detach(), "dx": x.grad, "da0": a0.grad, "dc0": c0.grad}
    gradients = {name: getattr(layer, name).grad.numpy() for name in ("weight_ih_l0", "weight_hh_l0", "weight_hr_l0")}
    gradients["bias_l0"] = layer.bias_ih_l0.grad.numpy()
    return {name: bridge.arrays_to_course(array.numpy()) for name, array in result.items()} | bridge.lstm_to_course(
        gradients, "d"
    )


if __name__ == "__main__":
    import torch

    about = "torch.nn.LSTM with proj_size on the numbers of tests/steps/variants/torch_projection.py, which wrote this"
    values = {name: array.tolist() for name, array in by_torch().items()}
    TARGET.write_text(
        json.dumps({"about": about, "torch": torch.__version__, "values": values}) + "\n", encoding="utf-8"
    )
