"""The network under the forecaster: recurrent layers beside a linear path, several members side by side; no scaling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from unrolled.data.series import WindowBatch
from unrolled.errors import ParameterError
from unrolled.layers import Dense, LSTMState
from unrolled.layers.recurrent import Recurrent
from unrolled.losses import gaussian_nll, mean_absolute_error, mean_squared_error
from unrolled.losses.regression import LOG_VARIANCES
from unrolled.models.named_network import NamedNetwork
from unrolled.models.sequences.network import CELLS, checked_options
from unrolled.shapes import Array

__all__ = ["LOSSES", "RIDGE", "ForecastLoss", "ForecastNetwork", "Prediction"]

LOSSES = {"squared_error": mean_squared_error, "absolute_error": mean_absolute_error, "gaussian": gaussian_nll}
ONE_WAY = ("bidirectional", "merge")  # what the layers take besides, and a window, which is read forwards, does not
RIDGE = 0.1  # of the linear start, where values have a deviation near 1: it decides only where the data do not
LEAST_VARIANCE = 1e-6  # that a fit begins with: a series without noise would begin at minus infinity
ForecastLoss = Literal["squared_error", "absolute_error", "gaussian"]


class Prediction(NamedTuple):
    """What is predicted for each window, in the windows' own units."""

    mean: Array  # (N, h)
    spread: Array  # (N, h): a standard deviation with the Gaussian loss, else 1


class Member:
    """One network: recurrent layers, a dense layer on their last state, and a linear path from the window itself."""

    def __init__(self, recurrent: Recurrent[Any, Any], dense: Dense, linear: Dense | None, by_lag: Array) -> None:
        self.recurrent, self.dense, self.linear, self.by_lag = recurrent, dense, linear, by_lag
        self.layers = {"recurrent": recurrent, "dense": dense} | ({} if linear is None else {"linear": linear})

    def outputs(self, batch: WindowBatch) -> Array:
        """(1) to (3) of `ForecastNetwork`, and nothing kept."""
        _, state = self.recurrent(batch.x)
        y, _ = self.dense(_joined(_last(state), batch.future))
        return y if self.linear is None else y + self.linear(_joined(_window(batch, self.by_lag), batch.future))[0]

    def loss_and_gradients(self, batch: WindowBatch, loss: Any) -> tuple[float, dict[str, Array]]:
        """The loss and its gradients by `layer.parameter`."""
        run = self.recurrent.forward(batch.x)
        top = self.dense.forward(_joined(_last(run.state), batch.future))
        side = None if self.linear is None else self.linear.forward(_joined(_window(batch, self.by_lag), batch.future))
        y = top.output if side is None else top.output + side.output
        value, dy = loss(y, batch.targets, batch.weights)
        back = self.dense.backward(top, dy)
        assert back.x is not None
        # forward: the dense layer saw the last layer's last h, and the covariates behind it
        dh = np.zeros_like(run.state.h if isinstance(run.state, LSTMState) else run.state)
        dh[-1] = back.x[:, : dh.shape[-1]]
        dstate = LSTMState(dh, np.zeros_like(run.state.c)) if isinstance(run.state, LSTMState) else dh
        parts = {"recurrent": self.recurrent.backward(run, None, dstate, need_dx=False).parameters}
        parts["dense"] = back.parameters
        if self.linear is not None and side is not None:
            parts["linear"] = self.linear.backward(side, dy, need_dx=False).parameters
        return value, {f"{layer}.{name}": array for layer, arrays in parts.items() for name, array in arrays.items()}


class ForecastNetwork(NamedNetwork):
    """Members that each read a window and predict the steps behind it; their answers are averaged.

    Equations, for a window of c steps with its inputs x, its values v, and covariates z known in advance for the h
    steps to come:
        (1) s_1..c = cell(x_1..c), each layer over the one below
        (2) y = W [s_c; z] + b
        (3) y = W [s_c; z] + b + A [l_1 v_1, ..., l_c v_c; z] with the linear path: an autoregression that the cell
            corrects; l_i = (c + 1 - i)^-d with the lag decay d, by which older values need larger weights, and the
            ridge of (5) and weight decay hold them back
        (4) over members: mean = mean of y; with the Gaussian loss, variance = mean of (variance + y^2) - mean^2

    Args:
        input_size: features of each step.
        future_size: covariates known in advance, h times as many as each step has.
        context: c.
        horizon: h.
        loss: `"squared_error"`, `"absolute_error"` or `"gaussian"`, which predicts a variance for each step as well.
        cell: `"gru"`, `"lstm"` or `"rnn"`.
        hidden_size: H.
        num_layers: L.
        dropout: between layers.
        recurrent_dropout: of the state, one mask for each window.
        zoneout: the rate at which a unit keeps its old state for a step; of an LSTM also a pair, of h and of c.
        layer_norm: normalise the sums in front of the gates; the LSTM and the GRU have it.
        layer_options: what else the recurrent layers take, such as `peepholes`, `proj_size`, `forget_bias`,
            `initial_state`, `weight_init` or a GRU's `reset`.
        linear: with the linear path (3); see `begin_linear`.
        lag_decay: d, at least 0; with 0 all values are alike.
        members: how many networks, which differ in their first weights only.
        dtype: `"float32"` or `"float64"`.
        seed: of the weights and the masks; `None` differs each time.

    Raises:
        ParameterError: a setting is out of its range, or the cell has no such option.

    Source: (3) as in Lai et al. 2018 (LSTNet), equation 9; its d after the prior of Litterman 1986, who takes 1;
        (4) Lakshminarayanan, Pritzel & Blundell 2017, section 2.4.
    """

    def __init__(
        self,
        input_size: int,
        future_size: int,
        context: int,
        horizon: int,
        *,
        loss: ForecastLoss = "gaussian",
        cell: str = "gru",
        hidden_size: int = 32,
        num_layers: int = 1,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | tuple[float, float] = 0.0,
        layer_norm: bool = False,
        layer_options: Mapping[str, Any] | None = None,
        linear: bool = True,
        lag_decay: float = 0.0,
        members: int = 1,
        dtype: str = "float32",
        seed: int | None = None,
    ) -> None:
        for name, value, known in (("cell", cell, CELLS), ("loss", loss, LOSSES)):
            if value not in known:
                raise ParameterError(f"`{name}` is {value!r}, expected one of {', '.join(known)}; check the spelling")
        if members < 1:
            raise ParameterError(f"`members` is {members}, expected a whole number of at least 1; 5 is usual")
        if not 0 <= lag_decay < np.inf:
            raise ParameterError(f"`lag_decay` is {lag_decay}, expected a number of at least 0; 1 is usual")
        self.loss, self.horizon = loss, horizon
        self._by_lag = (np.arange(context, 0, -1.0) ** -lag_decay).astype(dtype)
        outputs = horizon * (2 if loss == "gaussian" else 1)
        options: dict[str, Any] = {
            "num_layers": num_layers,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "zoneout": zoneout,
            **checked_options(cell, layer_norm, layer_options, ONE_WAY, "a window is read forwards"),
            "dtype": dtype,
        }
        seeds = np.random.SeedSequence(seed).generate_state(2 * members).tolist()
        self.members: list[Member] = []
        for k in range(members):
            path = Dense(context + future_size, outputs, bias=False, dtype=dtype) if linear else None
            if path is not None:
                path.set(weight=np.zeros((outputs, context + future_size), dtype))
            recurrent: Recurrent[Any, Any] = CELLS[cell](input_size, hidden_size, **options, seed=seeds[2 * k])
            dense = Dense(recurrent.state_size + future_size, outputs, dtype=dtype, seed=seeds[2 * k + 1])
            self.members.append(Member(recurrent, dense, path, self._by_lag))
        super().__init__(
            {f"{k}.{name}": layer for k, member in enumerate(self.members) for name, layer in member.layers.items()}
        )

    def begin_linear(self, batches: Iterable[WindowBatch]) -> None:
        """Begins as the least-squares autoregression, where there is a linear path; what training adds corrects it.

        A bounded cell cannot follow a series beyond what it has seen, a line can.

        Equations, for each step ahead, over windows u = [l_1 v_1, ..., l_c v_c; z] and what came after them, t:
            (5) A, b = argmin sum (A u + b - t)^2 + k |A|^2, W = 0
            (6) with the Gaussian loss: log variance = log mean (A u + b - t)^2

        Args:
            batches: the windows to learn from, and no others.

        Source: (5) Hoerl & Kennard 1970, equation 2.1 with k = 0.1; a network over a linear model's errors: Zhang 2003.
        """
        if self.members[0].linear is None:
            return
        rows, targets, there = zip(
            *((_regressors(batch, self._by_lag), batch.targets, _weights(batch)) for batch in batches), strict=True
        )
        X, t, w = (np.concatenate(parts).astype(np.float64) for parts in (rows, targets, there))
        A, b = np.zeros((X.shape[1] - 1, self.horizon)), np.zeros(self.horizon)
        log_variance = np.zeros(self.horizon)
        ridge = np.diag([RIDGE] * (X.shape[1] - 1) + [0.0])
        for j in range(self.horizon):
            Xw = X * w[:, j : j + 1]
            solution = (
                np.linalg.solve(Xw.T @ X + ridge, Xw.T @ t[:, j]) if w[:, j].any() else np.zeros(X.shape[1])
            )  # (5)
            A[:, j], b[j] = solution[:-1], solution[-1]
            mean_square = float((w[:, j] * np.square(X @ solution - t[:, j])).sum() / max(w[:, j].sum(), 1))
            log_variance[j] = np.log(max(mean_square, LEAST_VARIANCE))  # (6)
        of_spread = self.loss == "gaussian"
        weight = np.concatenate([A, np.zeros_like(A)], axis=1).T if of_spread else A.T
        bias = np.concatenate([b, log_variance]) if of_spread else b
        for member in self.members:
            assert member.linear is not None
            member.linear.set(weight=weight)
            member.dense.set(weight=np.zeros(member.dense.parameters["weight"].shape), bias=bias)

    def loss_and_gradients(self, batch: WindowBatch, state: Any) -> tuple[float, dict[str, Array], Any]:
        """Forward and backward over one batch of windows.

        Args:
            batch: windows and what came after them.
            state: not used: each window begins from a state of zeros.

        Returns:
            The mean loss over the members, its gradients by parameter name, and no state.
        """
        total, gradients = 0.0, dict[str, Array]()
        for k, member in enumerate(self.members):
            value, own = member.loss_and_gradients(batch, LOSSES[self.loss])
            total += value / len(self.members)
            gradients |= {f"{k}.{name}": array / len(self.members) for name, array in own.items()}
        return total, gradients, None

    def predict(self, batch: WindowBatch) -> Prediction:
        """(4): what comes after each window."""
        outputs = np.stack([member.outputs(batch) for member in self.members]).astype(np.float64)  # (members, N, .)
        y = outputs[..., : self.horizon]
        mean = y.mean(axis=0)
        if self.loss != "gaussian":
            return Prediction(mean, np.ones_like(mean))
        variance = np.exp(np.clip(outputs[..., self.horizon :], *LOG_VARIANCES))
        return Prediction(mean, np.sqrt((variance + np.square(y - mean)).mean(axis=0)))


def _last(state: Any) -> Array:
    """The last layer's h after the last step, `(N, H)`."""
    return np.ascontiguousarray((state.h if isinstance(state, LSTMState) else state)[-1])


def _window(batch: WindowBatch, by_lag: Array) -> Array:
    """The values of each window, the first feature, times what their lag makes of them, `(N, c)`."""
    return np.ascontiguousarray(batch.x[:, :, 0].T * by_lag)


def _regressors(batch: WindowBatch, by_lag: Array) -> Array:
    """Values, covariates known in advance, and a 1, `(N, c + h C + 1)`."""
    return np.concatenate([_joined(_window(batch, by_lag), batch.future), np.ones((len(batch.targets), 1))], axis=1)


def _weights(batch: WindowBatch) -> Array:
    return np.ones_like(batch.targets) if batch.weights is None else batch.weights


def _joined(array: Array, future: Array | None) -> Array:
    return array if future is None else np.concatenate([array, future], axis=1)
