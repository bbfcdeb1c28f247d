// The plain RNN's one gate function for one register of hidden units, forward and backward; no loop over time.
//
// The numbers are the course's, as in steps/rnn.py; `Relu` is the same network with max(z, 0) for tanh(z).
#pragma once

#include "cell.hpp"

namespace unrolled {
namespace {

struct RnnShape {
  static constexpr int gates = 1;
  static constexpr int slots = 1;  // nothing is kept: the gate is h itself, which y holds
  static constexpr bool has_cell = false, has_carry = false, has_bias_hn = false;
  using RecurrentGradients = Segments<0, 1>;
};

struct RnnTanh : RnnShape {
  using Steps = Phases<WholeStep<RnnTanh>>;
  template <typename T> static UNROLLED_INLINE void forward(ForwardUnits<T, 1, 1>& u) {
    u.h_new = tanh(u.x[0] + u.h[0]);  // a = tanh(Waa a_prev + Wax xt + ba)
  }
  template <typename T> static UNROLLED_INLINE void backward(BackwardUnits<T, 1>& u) {
    u.dz[0] = u.dh * (broadcast(T(1)) - u.h * u.h);  // (0)
  }
};

struct RnnRelu : RnnShape {
  using Steps = Phases<WholeStep<RnnRelu>>;
  template <typename T> static UNROLLED_INLINE void forward(ForwardUnits<T, 1, 1>& u) {
    const Vec<T> z = u.x[0] + u.h[0], zero = broadcast(T(0));
    u.h_new = select<T>(z.raw < zero.raw, zero, z);  // a NaN stays one
  }
  template <typename T> static UNROLLED_INLINE void backward(BackwardUnits<T, 1>& u) {
    const Vec<T> zero = broadcast(T(0));
    u.dz[0] = select<T>(u.h.raw > zero.raw, u.dh, zero);
  }
};

}  // namespace
}  // namespace unrolled
