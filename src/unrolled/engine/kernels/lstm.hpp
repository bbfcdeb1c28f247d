// The LSTM's gate functions for one register of hidden units, forward and backward; no loop over time (recurrent.hpp has it).
//
// The numbers are the course's, as in steps/lstm.py; i, f, g, o stand for its Gamma_u, Gamma_f, c~, Gamma_o.
#pragma once

#include "activations.hpp"

namespace unrolled {
namespace {

struct Lstm {
  static constexpr int gates = 4;         // i, f, g, o
  static constexpr bool has_cell = true;  // carries c beside h
  static constexpr bool keeps_gates = true;

  // z: the gates' arguments W [h_prev; x] + b. Leaves the gates in z, the new state in c and h.
  template <typename T> static UNROLLED_INLINE void forward(Vec<T> (&z)[4], Vec<T>& c, Vec<T>& h) {
    const Vec<T> f = sigmoid(z[1]);  // (1)
    const Vec<T> i = sigmoid(z[0]);  // (2)
    const Vec<T> g = tanh(z[2]);     // (3)
    c = fma(f, c, i * g);            // (4) c = f * c_prev + i * g
    const Vec<T> o = sigmoid(z[3]);  // (5)
    h = o * tanh(c);                 // (6)
    z[0] = i, z[1] = f, z[2] = g, z[3] = o;
  }

  // Comes with dh, and dc from the step after; leaves dz, the gradients of the gates' arguments, and in dc that of c_prev.
  template <typename T>
  static UNROLLED_INLINE void backward(Vec<T> dh, Vec<T>& dc, const Vec<T> (&gate)[4], Vec<T> c_prev, Vec<T> c, Vec<T>,
                                       Vec<T> (&dz)[4]) {
    const Vec<T> one = broadcast(T(1));
    const Vec<T> i = gate[0], f = gate[1], g = gate[2], o = gate[3];
    const Vec<T> tanh_c = tanh(c);
    // forward (6): h = o * tanh(c)
    dz[3] = dh * tanh_c * o * (one - o);                 // (7)
    dc = fma(dh * o, one - tanh_c * tanh_c, dc);
    // forward (4): c = f * c_prev + i * g
    dz[2] = dc * i * (one - g * g);                      // (8)
    dz[0] = dc * g * i * (one - i);                      // (9)
    dz[1] = dc * c_prev * f * (one - f);                 // (10)
    dc = dc * f;                                         // (20)
  }
};

}  // namespace
}  // namespace unrolled
