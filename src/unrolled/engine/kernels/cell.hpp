// What the loop over time hands to a cell and takes from it, one register of hidden units at a time.
#pragma once

#include "activations.hpp"

namespace unrolled {
namespace {

// Forward: comes with the gates' two products, x = W_ih x_t + b and h = W_hh h_prev, which a GRU's candidate must keep apart.
template <typename T, int Gates, int Slots> struct ForwardUnits {
  Vec<T> x[Gates], h[Gates];
  Vec<T> h_prev, c_prev;
  Vec<T> bias_hn;      // GRU
  Vec<T> h_new, c;     // filled
  Vec<T> kept[Slots];  // filled: what backward will want
};

// Backward: comes with dh, what the forward step kept, and a carry from the step after; leaves dz, the gradients of the products.
template <typename T, int Slots> struct BackwardUnits {
  Vec<T> dh;
  Vec<T> kept[Slots];
  Vec<T> h, h_prev, c, c_prev;
  Vec<T> carry;      // changed
  Vec<T> dz[Slots];  // filled
};

// Which of the `slots` vectors dz belong to the product with h_prev: [begin, end) and [begin2, end2). The first `gates` of them always
// belong to the product with x.
template <int Begin, int End, int Begin2, int End2> struct Segments {
  static constexpr int begin = Begin, end = End, begin2 = Begin2, end2 = End2;
};

}  // namespace
}  // namespace unrolled
