// The GRU's gate functions, in its two published forms, for one register of hidden units, forward and backward; no loop over time.
//
// The reset gate stands after the candidate's recurrent product or before it, as in steps/gru.py with reset="after" or "before";
// r, z, n stand for Gamma_r, 1 - Gamma_u, c~ there: PyTorch's sense of the update gate.
#pragma once

#include "cell.hpp"

namespace unrolled {
namespace {

struct GruShape {
  static constexpr int gates = 3;  // r, z, n
  static constexpr int slots = 4;  // kept: r, z, n, and q or s
  static constexpr bool has_cell = false, has_carry = true;

  template <typename T> static UNROLLED_INLINE Vec<T> mixed(Vec<T> z, Vec<T> n, Vec<T> h_prev) {
    return fma(z, h_prev - n, n);  // h = (1 - z) n + z h_prev
  }

  // The carry is what reaches h_prev past the recurrent products: here through z h_prev.
  template <typename T> static UNROLLED_INLINE void back_through_mixed(BackwardUnits<T, 4>& u) {
    const Vec<T> one = broadcast(T(1));
    const Vec<T> z = u.kept[1], n = u.kept[2];
    const Vec<T> dh = u.dh + u.carry;
    // forward: h = (1 - z) n + z h_prev
    u.dz[1] = dh * (u.h_prev - n) * z * (one - z);
    u.carry = dh * z;
    // forward: n = tanh(...)
    u.dz[2] = dh * (one - z) * (one - n * n);
  }
};

struct GruAfter : GruShape {
  static constexpr bool has_bias_hn = true;
  using RecurrentGradients = Segments<0, 2, 3, 4>;  // dr, dz, and dq
  using Steps = Phases<WholeStep<GruAfter>>;

  template <typename T> static UNROLLED_INLINE void forward(ForwardUnits<T, 3, 4>& u) {
    const Vec<T> r = sigmoid(u.x[0] + u.h[0]);
    const Vec<T> z = sigmoid(u.x[1] + u.h[1]);
    const Vec<T> q = u.h[2] + u.bias_hn;
    const Vec<T> n = tanh(fma(r, q, u.x[2]));
    u.h_new = mixed(z, n, u.h_prev);
    u.kept[0] = r, u.kept[1] = z, u.kept[2] = n, u.kept[3] = q;
  }

  template <typename T> static UNROLLED_INLINE void backward(BackwardUnits<T, 4>& u) {
    const Vec<T> r = u.kept[0], q = u.kept[3];
    back_through_mixed(u);
    // forward: n = tanh(x_n + r q)
    u.dz[0] = u.dz[2] * q * r * (broadcast(T(1)) - r);
    u.dz[3] = u.dz[2] * r;
  }
};

struct GruBefore : GruShape {
  static constexpr bool has_bias_hn = false;

  // Forward r and z, and s, which the candidate's product takes; backward what dh says.
  struct Gates : Phase<0, 2, kHBefore> {
    using Recurrent = Segments<0, 2>;
    using Keeps = Segments<0, 2, 3, 4>;
    using Fills = Segments<1, 3>;

    template <typename T> static UNROLLED_INLINE void forward(ForwardUnits<T, 2, 4>& u) {
      const Vec<T> r = sigmoid(u.x[0] + u.h[0]), z = sigmoid(u.x[1] + u.h[1]);
      const Vec<T> s = r * u.h_prev;
      u.kept[0] = r, u.kept[1] = z, u.kept[3] = s;
    }
    template <typename T> static UNROLLED_INLINE void backward(BackwardUnits<T, 4>& u) { back_through_mixed(u); }
  };

  // Forward n, of s; backward what ds = W_hn' dz_n says.
  struct Candidate : Phase<2, 3, 3> {
    using Recurrent = Segments<2, 3>;
    using Keeps = Segments<2, 3>;
    using Fills = Segments<0, 1>;

    template <typename T> static UNROLLED_INLINE void forward(ForwardUnits<T, 1, 4>& u) {
      const Vec<T> z = u.kept[1], n = tanh(u.x[0] + u.h[0]);
      u.h_new = mixed(z, n, u.h_prev);
      u.kept[2] = n;
    }
    template <typename T> static UNROLLED_INLINE void backward(BackwardUnits<T, 4>& u) {
      const Vec<T> r = u.kept[0];
      // forward: s = r h_prev
      u.dz[0] = u.ds * u.h_prev * r * (broadcast(T(1)) - r);
      u.carry = fma(u.ds, r, u.carry);
    }
  };

  using Steps = Phases<Gates, Candidate>;
};

}  // namespace
}  // namespace unrolled
