# What bindings.cpp offers; arrays are float32 or float64, C-contiguous, all of one dtype.
import numpy as np
from numpy.typing import NDArray

from unrolled.shapes import Array

def packed_size(like: Array, units: int, depth: int) -> int: ...
def pack(packed: Array, units: int, depth: int, source: Array, transposed: bool) -> None: ...
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

class NetworkRun32:
    version: int
    bytes: int
    def kept(self, index: int, slots: int) -> tuple[Array, Array | None, Array | None]: ...

class Network32:
    packings: int
    def __init__(
        self,
        cell: int,
        I: int,
        H: int,
        layers: int,
        directions: int,
        weight_ih: list[Array],
        weight_hh: list[Array],
        bias: list[Array],
        bias_hn: list[Array],
    ) -> None: ...
    def forward(
        self,
        version: int,
        T: int,
        N: int,
        x: Array | None,
        tokens: NDArray[np.int32] | None,
        tables: list[Array],
        lengths: NDArray[np.int32] | None,
        order: NDArray[np.int32] | None,
        running: NDArray[np.int32] | None,
        h0: Array,
        c0: Array | None,
        y: Array,
        h_n: Array,
        c_n: Array | None,
        keep: int,
    ) -> NetworkRun32: ...
    def backward(
        self,
        run: NetworkRun32 | NetworkRun64,
        dy: Array | None,
        dh_n: Array | None,
        dc_n: Array | None,
        gradients: Array,
        dx: Array | None,
        dh0: Array,
        dc0: Array | None,
        dtables: list[Array],
    ) -> None: ...
    def step(self, version: int, N: int) -> Step32: ...

class Step64(Step32): ...
class NetworkRun64(NetworkRun32): ...
class Network64(Network32): ...

class VariantRun32:
    def kept(self) -> tuple[Array, int, int] | None: ...

class Variant32:
    packings: int
    def __init__(self, cell: int, I: int, H: int, R: int, parameters: list[Array | None]) -> None: ...
    def forward(
        self,
        version: int | None,
        T: int,
        N: int,
        x: Array,
        lengths: NDArray[np.int32] | None,
        order: NDArray[np.int32] | None,
        running: NDArray[np.int32] | None,
        reverse: bool,
        h0: Array,
        c0: Array | None,
        mask: Array | None,
        masks_h: Array | None,
        rate_h: float,
        masks_c: Array | None,
        rate_c: float,
        y: Array,
        h_n: Array,
        c_n: Array | None,
        keep: bool,
    ) -> VariantRun32: ...
    def backward(
        self,
        run: VariantRun32 | VariantRun64,
        dy: Array | None,
        dh_n: Array | None,
        dc_n: Array | None,
        gradients: list[Array | None],
        dx: Array | None,
        dh0: Array,
        dc0: Array | None,
    ) -> None: ...

class VariantRun64(VariantRun32): ...
class Variant64(Variant32): ...

def fma_rate(like: Array, seconds: float) -> float: ...
def empty(size: int) -> NDArray[np.uint8]: ...
def release_memory() -> int: ...
def cores_are_crowded() -> bool: ...
def notice_crowds(on: bool) -> None: ...
def thread_limit() -> int: ...
def set_thread_limit(threads: int) -> None: ...
def instruction_set() -> str: ...
def usable_instruction_sets() -> list[str]: ...
def choose_instruction_set(name: str) -> bool: ...
