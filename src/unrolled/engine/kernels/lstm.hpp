// The LSTM's gate functions for one register of hidden units, forward and backward; no loop over time.
//
// The numbers are the course's, as in steps/lstm.py; i, f, g, o stand for its Gamma_u, Gamma_f, c~, Gamma_o.
#pragma once

#include "cell.hpp"

namespace unrolled {
namespace {

struct Lstm {
  static constexpr int gates = 4;  // i, f, g, o
  static constexpr int slots = 4;  // kept: i, f, g, o
  static constexpr bool has_cell = true, has_carry = true, has_bias_hn = false;
  using RecurrentGradients = Segments<0, 4>;
  using Steps = Phases<WholeStep<Lstm>>;

  template <typename T> static UNROLLED_INLINE void forward(ForwardUnits<T, 4, 4>& u) {
    const Vec<T> f = sigmoid(u.x[1] + u.h[1]);  // (1)
    const Vec<T> i = sigmoid(u.x[0] + u.h[0]);  // (2)
    const Vec<T> g = tanh(u.x[2] + u.h[2]);     // (3)
    u.c = fma(f, u.c_prev, i * g);              // (4) c = f * c_prev + i * g
    const Vec<T> o = sigmoid(u.x[3] + u.h[3]);  // (5)
    u.h_new = o * tanh(u.c);                    // (6)
    u.kept[0] = i, u.kept[1] = f, u.kept[2] = g, u.kept[3] = o;
  }

  // The carry is dc: it comes from the step after and leaves for the step before.
  template <typename T> static UNROLLED_INLINE void backward(BackwardUnits<T, 4>& u) {
    const Vec<T> one = broadcast(T(1));
    const Vec<T> i = u.kept[0], f = u.kept[1], g = u.kept[2], o = u.kept[3], tanh_c = tanh(u.c);
    // forward (6): h = o * tanh(c)
    u.dz[3] = u.dh * tanh_c * o * (one - o);                          // (7)
    const Vec<T> dc = fma(u.dh * o, one - tanh_c * tanh_c, u.carry);
    // forward (4): c = f * c_prev + i * g
    u.dz[2] = dc * i * (one - g * g);                                 // (8)
    u.dz[0] = dc * g * i * (one - i);                                 // (9)
    u.dz[1] = dc * u.c_prev * f * (one - f);                          // (10)
    u.carry = dc * f;                                                 // (20)
  }
};

}  // namespace
}  // namespace unrolled
