// The tanh RNN's one gate function for one register of hidden units, forward and backward; no loop over time.
//
// The numbers are the course's, as in steps/rnn.py.
#pragma once

#include "activations.hpp"

namespace unrolled {
namespace {

struct Rnn {
  static constexpr int gates = 1;
  static constexpr bool has_cell = false;
  static constexpr bool keeps_gates = false;  // the gate is h itself, which y keeps

  template <typename T> static UNROLLED_INLINE void forward(Vec<T> (&z)[1], Vec<T>&, Vec<T>& h) {
    h = tanh(z[0]);  // a = tanh(Waa a_prev + Wax xt + ba)
  }

  template <typename T>
  static UNROLLED_INLINE void backward(Vec<T> dh, Vec<T>&, const Vec<T> (&)[1], Vec<T>, Vec<T>, Vec<T> h, Vec<T> (&dz)[1]) {
    dz[0] = dh * (broadcast(T(1)) - h * h);  // (0)
  }
};

}  // namespace
}  // namespace unrolled
