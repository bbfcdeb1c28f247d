// The GRU's gate functions for one register of hidden units, forward and backward; no loop over time.
//
// The form with the reset gate after the recurrent product, as in steps/gru.py with reset="after"; r, z, n stand for Gamma_r,
// 1 - Gamma_u, c~ there: PyTorch's sense of the update gate.
#pragma once

#include "cell.hpp"

namespace unrolled {
namespace {

struct Gru {
  static constexpr int gates = 3;  // r, z, n
  static constexpr int slots = 4;  // kept: r, z, n, and q = W_hn h_prev + b_hn
  static constexpr bool has_cell = false, has_carry = true;
  using RecurrentGradients = Segments<0, 2, 3, 4>;  // dr, dz, and dq

  template <typename T> static UNROLLED_INLINE void forward(ForwardUnits<T, 3, 4>& u) {
    const Vec<T> r = sigmoid(u.x[0] + u.h[0]);
    const Vec<T> z = sigmoid(u.x[1] + u.h[1]);
    const Vec<T> q = u.h[2] + u.bias_hn;
    const Vec<T> n = tanh(fma(r, q, u.x[2]));
    u.h_new = fma(z, u.h_prev - n, n);  // h = (1 - z) n + z h_prev
    u.kept[0] = r, u.kept[1] = z, u.kept[2] = n, u.kept[3] = q;
  }

  // The carry is what reaches h_prev past the gates, through z h_prev.
  template <typename T> static UNROLLED_INLINE void backward(BackwardUnits<T, 4>& u) {
    const Vec<T> one = broadcast(T(1));
    const Vec<T> r = u.kept[0], z = u.kept[1], n = u.kept[2], q = u.kept[3];
    const Vec<T> dh = u.dh + u.carry;
    // forward: h = (1 - z) n + z h_prev
    u.dz[1] = dh * (u.h_prev - n) * z * (one - z);
    u.carry = dh * z;
    // forward: n = tanh(x_n + r q)
    u.dz[2] = dh * (one - z) * (one - n * n);
    u.dz[0] = u.dz[2] * q * r * (one - r);
    u.dz[3] = u.dz[2] * r;
  }
};

}  // namespace
}  // namespace unrolled
