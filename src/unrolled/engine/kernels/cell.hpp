// What the loop over time hands to a cell and takes from it, one register of hidden units at a time.
#pragma once

#include "activations.hpp"

namespace unrolled {
namespace {

// Some of the vectors that are numbered as `slots`: [begin, end) and [begin2, end2).
template <int Begin, int End, int Begin2 = 0, int End2 = 0> struct Segments {
  static constexpr int begin = Begin, end = End, begin2 = Begin2, end2 = End2, size = End - Begin;
  static constexpr bool has(int slot) { return (slot >= begin && slot < end) || (slot >= begin2 && slot < end2); }
};

// A step of a cell is one phase, or two where one product needs rows that another has made. Forward, a phase is a product of rows, those
// of `source`, with its gates' part of weight_hh, and then the cell's function of the sums; backward, it is the product that gives the
// gradient of those rows, and then the cell's function of that. So the phases follow each other in the same order both ways.
//
// A phase also says which dz are gradients of its product (`Recurrent`), what forward leaves in `kept` (`Keeps`), and what backward
// leaves in `dz` (`Fills`).
constexpr int kHBefore = -1;  // a source: h of the step before; else it is a slot that an earlier phase keeps
template <int FirstGate, int LastGate, int Source> struct Phase {
  static constexpr int first_gate = FirstGate, gates = LastGate - FirstGate, source = Source;
  static constexpr bool is_first = Source == kHBefore;
  static constexpr bool is_last(int all_gates) { return LastGate == all_gates; }
};

// The phase of a cell that has only one.
template <typename Cell> struct WholeStep : Phase<0, Cell::gates, kHBefore> {
  using Recurrent = typename Cell::RecurrentGradients;
  using Keeps = Segments<0, Cell::slots>;
  using Fills = Segments<0, Cell::slots>;
  template <typename Units> static UNROLLED_INLINE void forward(Units& u) { Cell::forward(u); }
  template <typename Units> static UNROLLED_INLINE void backward(Units& u) { Cell::backward(u); }
};

template <typename... Each> struct Phases {
  static constexpr int count = sizeof...(Each);
  // Calls use(phase) for each in turn, until one returns false.
  template <typename Use> static UNROLLED_INLINE bool all(Use use) { return (use(Each()) && ...); }
};

// Forward: comes with the gates' two products, x = W_ih x_t + b and h = W_hh h_prev, which a GRU's candidate must keep apart; a later
// phase comes with what the earlier have kept.
template <typename T, int Gates, int Slots> struct ForwardUnits {
  Vec<T> x[Gates], h[Gates];
  Vec<T> h_prev, c_prev;
  Vec<T> bias_hn;      // where the cell has one
  Vec<T> h_new, c;     // filled
  Vec<T> kept[Slots];  // filled: what backward will want
};

// Backward: comes with dh (a later phase: with ds, the gradient of its source), what the forward step kept, and a carry from the step after; leaves dz, the gradients of the products.
// The first `gates` of dz always belong to the product with x.
template <typename T, int Slots> struct BackwardUnits {
  Vec<T> dh, ds;
  Vec<T> kept[Slots];
  Vec<T> h, h_prev, c, c_prev;
  Vec<T> carry;      // changed
  Vec<T> dz[Slots];  // filled
};

}  // namespace
}  // namespace unrolled
