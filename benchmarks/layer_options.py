"""The layers' rarer options, forward and backward with all gradients, beside PyTorch's way of doing the same.

PyTorch's way is `nn.LSTM` where that has the option, else a loop over time as its users write it: the products of x for
all steps at once, one product of h in each step, masks drawn once. The loop is timed as it is, and with its step
through `torch.compile`, which takes a C++ compiler and some seconds for each case. (Compiling the whole loop would
unroll all its steps; that was not tried.) What counts is the ratio to the faster of the two, round by round.

Each side runs in a process of its own and is idle while another is timed. Before anything is timed, outputs and the
gradients of x and of all weights must agree, with the same weights and the same masks, those that PyTorch drew; what
does not agree is named and not timed. While timed, each side draws masks of its own in every call.

    python benchmarks/layer_options.py                      # needs PyTorch: pip install '.[torch]'
    python benchmarks/layer_options.py --threads 1 --option "LSTM zoneout" --size 100x32x64x128
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.bench.cases import parse_size
from unrolled.bench.machine import describe_machine
from unrolled.bench.rounds import PEAK, CaseResult, run_cases, start_worker
from unrolled.bench.serving import serve, timed
from unrolled.bench.statistics import Spread, spread
from unrolled.bench.workers import Worker

SIZES = ((100, 32, 64, 128), (50, 16, 32, 48), (200, 1, 64, 128))
PROJECTED = -2  # a proj_size of H / 2
OPTIONS: dict[str, dict[str, Any]] = {
    "LSTM layer_norm": {"layer_norm": True},
    "GRU layer_norm": {"layer_norm": True},
    "LSTM recurrent_dropout": {"recurrent_dropout": 0.25},
    "GRU recurrent_dropout": {"recurrent_dropout": 0.25},
    "RNN recurrent_dropout": {"recurrent_dropout": 0.25},
    "LSTM zoneout": {"zoneout": 0.1},
    "GRU zoneout": {"zoneout": 0.1},
    "LSTM peepholes": {"peepholes": True},
    "LSTM proj_size": {"proj_size": PROJECTED},
    "LSTM dropout": {"num_layers": 2, "bidirectional": True, "dropout": 0.25},
    "LSTM merge": {"bidirectional": True, "merge": "sum"},
}
OF_PYTORCH = {"num_layers", "bidirectional", "dropout", "proj_size"}  # the options that its nn.LSTM has
THEIRS = ("torch", "compiled")


@dataclass(frozen=True)
class Case:
    option: str
    T: int
    N: int
    I: int  # noqa: E741
    H: int
    threads: int
    masks: str  # a file: what PyTorch drew for the comparison
    dtype: str = "float32"

    def to_record(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def options(self) -> dict[str, Any]:
        own = OPTIONS[self.option]
        return own | {"proj_size": self.H // 2} if "proj_size" in own else own

    def layer(self) -> Any:
        """Ours, whose weights every side takes; none is one or zero, as some would be at first."""
        import unrolled

        layer = getattr(unrolled, self.option.split()[0])(self.I, self.H, seed=0, **self.options)
        rng = np.random.default_rng(1)
        with layer.edit() as own:
            for name, array in own.items():
                if name.startswith("gain_hh"):  # with 1, rounding grows with every step, and no two would agree
                    array /= 2
                array += rng.normal(scale=0.1, size=array.shape)
        return layer

    def arrays(self, output_size: int) -> list[Any]:
        """x and the gradient of y."""
        rng = np.random.default_rng(2)
        return [rng.normal(size=(self.T, self.N, n)).astype(np.float32) for n in (self.I, output_size)]


class Handed:
    """In the place of a layer's generator: its masks are those of a file."""

    def __init__(self, path: str) -> None:
        with np.load(path) as file:
            self.arrays = iter([file[name] for name in file.files])

    def random(self, shape: Sequence[int], dtype: Any) -> Any:
        array = next(self.arrays)
        assert array.shape == tuple(shape)
        return array.astype(dtype)


class Side:
    """What a worker answers, as `unrolled.bench.rounds` asks it; a subclass prepares, runs and names the results."""

    run: Callable[[], tuple[Any, Any]]

    def time(self, seconds: float) -> dict[str, float]:
        return timed(self.run, seconds)


class Ours(Side):
    def versions(self) -> dict[str, str]:
        from unrolled.cli.info import version

        return {"unrolled": version()}

    def prepare(self, case: dict[str, Any]) -> None:
        self.case = Case(**case)
        self.layer = self.case.layer()
        self.x, self.dy = self.case.arrays(self.layer.output_size)

    def run(self) -> tuple[Any, Any]:
        run = self.layer.forward(self.x)
        return run.output, self.layer.backward(run, self.dy)

    def save(self, path: str) -> None:
        own, self.layer._masks = self.layer._masks, Handed(self.case.masks)
        y, gradients = self.run()
        self.layer._masks = own
        np.savez(path, y=y, dx=gradients.x, **gradients.parameters)


class Torch(Side):
    """`nn.LSTM`, or the loop over time; `compiled` is for the loop alone."""

    def __init__(self, compiled: bool) -> None:
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no processes of the compiler's beside what is timed
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.torch, self.compiled = torch, compiled

    def versions(self) -> dict[str, str]:
        return {"PyTorch": self.torch.__version__}

    def prepare(self, case: dict[str, Any]) -> str | None:
        torch = self.torch
        self.case = own = Case(**case)
        layer = own.layer()
        built_in = not OF_PYTORCH.isdisjoint(own.options)
        if built_in and self.compiled:
            return "nn.LSTM has it: there is no loop to compile"
        self.x, self.dy = map(torch.from_numpy, own.arrays(layer.output_size))
        self.x.requires_grad_()
        self.masks: list[Any] = []  # of the last run, as numbers: below a rate 0, else 1
        self.weights = {name: torch.tensor(value, requires_grad=True) for name, value in layer.parameters.items()}
        if built_in:
            options = {name: value for name, value in own.options.items() if name in OF_PYTORCH}
            self.module = torch.nn.LSTM(own.I, own.H, **options)
            with torch.no_grad():
                for name, parameter in self.module.named_parameters():
                    first = self.weights.get(name.replace("bias_ih", "bias"))
                    parameter.zero_() if first is None else parameter.copy_(first)  # one bias of its two
            self.weights = {name.replace("bias_ih", "bias"): w for name, w in self.module.named_parameters()}
            self.forward = self.built_in
        else:
            cell = own.option.split()[0]
            step = steps_in_pytorch({name.removesuffix("_l0"): w for name, w in self.weights.items()})[cell]
            if self.compiled:
                torch.compiler.reset()  # or it would compile for the cases before as well, and give up after some
                step = torch.compile(step, dynamic=False)
            self.step = step
            self.forward = self.loop
        return None

    def run(self) -> tuple[Any, Any]:
        y = self.forward()
        return y, self.torch.autograd.grad(y, [self.x, *self.weights.values()], self.dy)

    def built_in(self) -> Any:
        y, _ = self.module(self.x)
        return sum(y.chunk(2, 2)) if "merge" in self.case.options else y

    def loop(self) -> Any:
        torch, options, (T, N, H) = self.torch, self.case.options, (self.case.T, self.case.N, self.case.H)
        states = 2 if self.case.option.startswith("LSTM") else 1
        mask, keep = None, None
        self.masks = []
        if rate := options.get("recurrent_dropout"):
            mask = torch.nn.functional.dropout(torch.ones(N, H), rate)
            self.masks = [mask]
        if rate := options.get("zoneout"):
            drawn = [torch.rand(T, N, H) < rate for _ in range(states)]
            keep = list(zip(*(part.unbind(0) for part in drawn), strict=True))
            self.masks = [~part for part in drawn]
        state, outputs = (torch.zeros(N, H),) * states, []
        of_x = products_of_x(self.x, {name.removesuffix("_l0"): w for name, w in self.weights.items()})
        for t, z in enumerate(of_x.unbind(0)):
            state = self.step(z, state, mask, keep and keep[t])
            outputs.append(state[0])
        return torch.stack(outputs)

    def save(self, path: str) -> None:
        torch, own = self.torch, self.case
        torch.manual_seed(0)
        y, gradients = self.run()
        if own.options.get("dropout"):  # nn.LSTM does not show its mask: the same seed draws it again
            torch.manual_seed(0)
            self.masks = [torch.nn.functional.dropout(torch.ones(own.T, own.N, 2 * own.H), own.options["dropout"])]
        np.savez(own.masks, *((mask != 0).float().numpy() for mask in self.masks))
        named = zip(["dx", *self.weights], gradients, strict=True)
        arrays = {name: gradient.numpy() for name, gradient in named if not name.startswith("bias_hh")}
        np.savez(path, y=y.detach().numpy(), **arrays)


def normalised(z: Any, w: dict[str, Any], which: str, bias: Any = None) -> Any:
    """Layer normalisation over all gates, but over a GRU's r and z, and its n, apart."""
    from torch.nn.functional import layer_norm

    gain, G = w[f"gain_{which}"], z.shape[-1]
    if "bias_hn" not in w:
        return layer_norm(z, (G,), gain, bias)
    import torch

    edges = (0, G // 3 * 2, G)
    parts = [slice(low, high) for low, high in itertools.pairwise(edges)]
    each = [layer_norm(z[..., p], gain[p].shape, gain[p], None if bias is None else bias[p]) for p in parts]
    return torch.cat(each, -1)


def products_of_x(x: Any, w: dict[str, Any]) -> Any:
    from torch.nn.functional import linear

    if "gain_ih" in w:
        return normalised(linear(x, w["weight_ih"]), w, "ih", w["bias"])
    return linear(x, w["weight_ih"], w["bias"])


def steps_in_pytorch(w: dict[str, Any]) -> dict[str, Callable[..., tuple[Any, ...]]]:
    """One step of each cell: z of x, the state, the mask of h, and where each part of the state is kept."""
    import torch
    from torch.nn.functional import layer_norm, linear

    def product_of_h(h: Any, mask: Any) -> Any:
        z = linear(h if mask is None else h * mask, w["weight_hh"])
        return normalised(z, w, "hh") if "gain_hh" in w else z

    def lstm(z: Any, state: Any, mask: Any, keep: Any) -> tuple[Any, ...]:
        h, c = state
        i, f, g, o = (z + product_of_h(h, mask)).chunk(4, 1)
        if "peephole" in w:
            i, f = i + w["peephole"][0] * c, f + w["peephole"][1] * c
        c_new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        if "peephole" in w:
            o = o + w["peephole"][2] * c_new
        shown = layer_norm(c_new, c_new.shape[1:], w["gain_c"], w["shift_c"]) if "gain_c" in w else c_new
        h_new = torch.sigmoid(o) * torch.tanh(shown)
        return (h_new, c_new) if keep is None else (torch.where(keep[0], h, h_new), torch.where(keep[1], c, c_new))

    def gru(z: Any, state: Any, mask: Any, keep: Any) -> tuple[Any, ...]:
        (h,), H = state, state[0].shape[1]
        of_h = product_of_h(h, mask)
        r, u = torch.sigmoid(z[:, : 2 * H] + of_h[:, : 2 * H]).chunk(2, 1)
        n = torch.tanh(z[:, 2 * H :] + r * (of_h[:, 2 * H :] + w["bias_hn"]))
        h_new = n + u * (h - n)
        return (h_new,) if keep is None else (torch.where(keep[0], h, h_new),)

    def rnn(z: Any, state: Any, mask: Any, keep: Any) -> tuple[Any, ...]:
        return (torch.tanh(z + product_of_h(state[0], mask)),)

    return {"LSTM": lstm, "GRU": gru, "RNN": rnn}


def times_as_fast(result: CaseResult) -> Spread | None:
    """Of the faster of PyTorch's to ours, between neighbours in time; `None` where either was not timed."""
    ours = result.outcomes["unrolled"].seconds
    theirs = [result.outcomes[peer].seconds for peer in THEIRS if result.outcomes[peer].status == "timed"]
    if result.outcomes["unrolled"].status != "timed" or not theirs:
        return None
    return spread([min(each) / own for own, *each in zip(ours, *theirs, strict=True)])


def record_of(result: CaseResult) -> dict[str, Any]:
    """For JSON: milliseconds of a call with quartiles, or why a side was not timed."""
    sides: dict[str, Any] = {}
    for peer, outcome in result.outcomes.items():
        milliseconds = spread([1e3 * each for each in outcome.seconds])._asdict() if outcome.seconds else None
        sides[peer] = {"status": outcome.status, "reason": outcome.reason, "milliseconds": milliseconds}
    ratio = times_as_fast(result)
    case = {name: value for name, value in result.case.to_record().items() if name != "masks"}
    peak = spread([each / 1e9 for each in result.peaks])._asdict()
    return case | {"sides": sides, "times_as_fast": ratio and ratio._asdict(), "peak_gflops": peak}


def lines(record: dict[str, Any]) -> Iterator[str]:
    """One row of the table, and one for each side that failed or does not agree."""
    cells = [f"{record['option']:23}", f"{(record['T'], record['N'], record['I'], record['H'])!s:19}"]
    for peer in ("unrolled", *THEIRS):
        ms = record["sides"][peer]["milliseconds"]
        cells.append(f"{ms['median']:9.2f} ({ms['low']:.2f} to {ms['high']:.2f})" if ms else f"{'-':>9}")
    ratio = record["times_as_fast"]
    cells.append(f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})" if ratio else "not timed")
    yield " | ".join(cells)
    for peer, side in record["sides"].items():
        if side["status"] in ("disagrees", "failed"):
            yield f"    {peer} {side['status']}: {side['reason']}"


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one side in one round, at the least")
    parser.add_argument(
        "--size", type=parse_size, action="append", help="T x N x I x H (default: three), as 100x32x64x128"
    )
    parser.add_argument("--option", choices=OPTIONS, action="append", help="may be repeated (default: all)")
    parser.add_argument("--json", type=Path, help="where to keep the results")
    parser.add_argument("--worker", choices=("unrolled", *THEIRS), help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.worker is not None:
        serve(Ours() if options.worker == "unrolled" else Torch(options.worker == "compiled"))
        return
    if importlib.util.find_spec("torch") is None:
        raise SystemExit("PyTorch is not installed, expected it to compare with; pip install '.[torch]'")

    def start(name: str, threads: int) -> Worker:
        if name == PEAK:
            return start_worker(name, threads)
        return Worker(name, [sys.executable, __file__, f"--worker={name}"], threads=threads)

    machine, versions, records = describe_machine(), {}, []
    with tempfile.TemporaryDirectory() as folder:
        masks = str(Path(folder, "masks.npz"))
        cases = [
            Case(option, *size, options.threads, masks)
            for option in options.option or OPTIONS
            for size in options.size or SIZES
        ]
        print("option | T, N, I, H | ms of unrolled | of PyTorch | compiled | times as fast as the faster (quartiles)")
        # PyTorch first: ours is handed the masks that it drew
        peers, rounds, seconds = (*THEIRS, "unrolled"), options.rounds, options.seconds
        for result in run_cases(cases, peers, rounds=rounds, seconds=seconds, versions=versions, start=start):
            records.append(record_of(result))
            print(*lines(records[-1]), sep="\n", flush=True)
    ratios = [record["times_as_fast"]["median"] for record in records if record["times_as_fast"]]
    slower = sum(ratio < 1 for ratio in ratios)
    print(f"{len(ratios)} of {len(records)} timed, ours slower than PyTorch's in {slower}")
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        record = {"benchmark": "layer_options", "machine": machine | versions, "rounds": rounds, "cases": records}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
