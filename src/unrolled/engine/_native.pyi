# What bindings.cpp offers; arrays are float32 or float64, C-contiguous, all of one dtype.
import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array

def packed_size(like: Array, gates: int, units: int, depth: int) -> int: ...
def pack(packed: Array, gates: int, units: int, depth: int, source: Array, transposed: bool) -> None: ...
def rows_product(a: Array, rows: int, panels: Array, units: int, depth: int, bias: Array | None, c: Array) -> None: ...
def outer_product(
    a: Array,
    b: Array,
    rows: int,
    columns_a: int,
    columns_b: int,
    c: Array,
    column_sum: Array | None,
    scratch: Array,
) -> None: ...
def outer_scratch(like: Array, rows: int, columns_a: int, columns_b: int) -> int: ...
def softmax_cross_entropy(
    logits: Array, targets: NDArray[np.int32], rows: int, classes: int, losses: Array, dlogits: Array
) -> None: ...
def activation(name: str, x: Array, y: Array) -> None: ...

class Step32:
    def run(self, x: Array, h: Array, c: Array | None, h_new: Array, c_new: Array | None) -> None: ...

class Step64:
    def run(self, x: Array, h: Array, c: Array | None, h_new: Array, c_new: Array | None) -> None: ...

def step(
    cell: int,
    N: int,
    I: int,
    H: int,
    panels_ih: list[Array],
    panels_hh: list[Array],
    bias: list[Array],
    bias_hn: list[Array],
) -> Step32 | Step64: ...
def fma_rate(like: Array, seconds: float) -> float: ...

class Forward32:
    def run(self) -> None: ...

class Forward64:
    def run(self) -> None: ...

def forward(
    cell: int,
    T: int,
    N: int,
    I: int,
    H: int,
    reverse: bool,
    lengths: NDArray[np.int32] | None,
    order: NDArray[np.int32] | None,
    running: NDArray[np.int32] | None,
    x: Array | None,
    tokens: NDArray[np.int32] | None,
    token_table: Array | None,
    panels_ih: Array | None,
    panels_hh: Array,
    bias: Array | None,
    bias_hn: Array | None,
    h0: Array,
    c0: Array | None,
    y: Array,
    c: Array | None,
    keep_c: bool,
    gates: Array,
    keep_gates: bool,
    chunk: int,
    checkpoints: Array | None,
    chunk_starts: NDArray[np.int64] | None,
) -> Forward32 | Forward64: ...
def backward(
    forward: Forward32 | Forward64,
    panels_hh: Array,
    panels_ih: Array | None,
    dy: Array | None,
    dh_last: Array | None,
    carry: Array | None,
    dh0: Array,
    dx: Array | None,
    dweight_ih: Array | None,
    dweight_hh: Array,
    dbias: Array | None,
    dbias_hn: Array | None,
    dtoken_table: Array | None,
    scratch: Array,
    chunk_starts: NDArray[np.int64],
    chunk_rows: int,
) -> None: ...
def backward_scratch(forward: Forward32 | Forward64, chunk_rows: int) -> int: ...
def empty(size: int) -> NDArray[np.uint8]: ...
def release_memory() -> int: ...
def thread_limit() -> int: ...
def set_thread_limit(threads: int) -> None: ...
def instruction_set() -> str: ...
def usable_instruction_sets() -> list[str]: ...
def choose_instruction_set(name: str) -> bool: ...
