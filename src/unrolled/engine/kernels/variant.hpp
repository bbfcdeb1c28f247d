// What the variants add to the cells, row by row: layer norm, zoneout, and where each step keeps what; no loop over time.
#pragma once

#include "batch.hpp"
#include "gru.hpp"
#include "lstm.hpp"
#include "products.hpp"
#include "rnn.hpp"

namespace unrolled {
namespace {

// Calls use(unit, lanes) for each register of n numbers.
template <typename T, typename Use> UNROLLED_INLINE void for_vectors(Index n, Use use) {
  for (Index unit = 0; unit < n; unit += Vec<T>::width) use(unit, least(Vec<T>::width, n - unit));
}

// The lanes' sum, always in the same order.
template <typename T> UNROLLED_INLINE T sum_of(Vec<T> v) {
  T lane[Vec<T>::width], sum = 0;
  store(lane, v);
  for (int i = 0; i < Vec<T>::width; ++i) sum += lane[i];
  return sum;
}

// v becomes norm(v) = (v - mean) / sqrt(var + 1e-5); returns 1 / sqrt(var + 1e-5).
template <typename T> T normalise(T* v, Index n) {
  Vec<T> sum = broadcast(T(0)), squares = broadcast(T(0));
  for_vectors<T>(n, [&](Index k, Index lanes) UNROLLED_LAMBDA { sum = sum + load_lanes(v + k, lanes); });
  const Vec<T> mean = broadcast(sum_of(sum) / T(n));
  for_vectors<T>(n, [&](Index k, Index lanes) UNROLLED_LAMBDA {
    store_lanes(v + k, load_lanes(v + k, lanes) - mean, lanes);
    const Vec<T> centred = load_lanes(v + k, lanes);  // again: lanes beyond the last are 0
    squares = fma(centred, centred, squares);
  });
  const T scale = static_cast<T>(1 / __builtin_sqrt(static_cast<double>(sum_of(squares)) / static_cast<double>(n) + 1e-5));
  for_vectors<T>(n, [&](Index k, Index lanes) UNROLLED_LAMBDA { store_lanes(v + k, load_lanes(v + k, lanes) * broadcast(scale), lanes); });
  return scale;
}

// forward: a = gain * norm(v). From da to dv, with norm(v) and its scale.
template <typename T> void normalise_back(const T* da, const T* gain, const T* norm, T scale, Index n, T* dv) {
  Vec<T> sum = broadcast(T(0)), sum_norm = broadcast(T(0));
  for_vectors<T>(n, [&](Index k, Index lanes) UNROLLED_LAMBDA {
    const Vec<T> dnorm = load_lanes(da + k, lanes) * load_lanes(gain + k, lanes);
    sum = sum + dnorm;
    sum_norm = fma(dnorm, load_lanes(norm + k, lanes), sum_norm);
  });
  const Vec<T> mean = broadcast(sum_of(sum) / T(n)), mean_norm = broadcast(sum_of(sum_norm) / T(n));
  for_vectors<T>(n, [&](Index k, Index lanes) UNROLLED_LAMBDA {
    const Vec<T> dnorm = load_lanes(da + k, lanes) * load_lanes(gain + k, lanes);
    const Vec<T> along = mean_norm * load_lanes(norm + k, lanes);
    store_lanes(dv + k, (dnorm - mean - along) * broadcast(scale), lanes);
  });
}

// The gates whose sums are normalised together: all of an LSTM; of a GRU r and z, then n. Calls use(number, first, count).
template <typename Cell, typename Use> UNROLLED_INLINE void for_norms(Index H, Use use) {
  if (Cell::has_cell) return use(0, Index(0), 4 * H);
  use(0, Index(0), 2 * H);
  use(1, 2 * H, H);
}
// Where a record has the scales: of x's norms, of h's, and of c's.
constexpr int kScalesX = 0, kScalesH = 2, kScaleC = 4, kScales = 5;

template <typename Cell, typename T> VariantRecord record_of(const VariantCall<T>& call) {
  const Index H = call.H, norms = call.layer_norm ? Cell::gates * H : 0;
  VariantRecord at;
  at.x = 0;
  at.gates = norms;
  at.h = at.gates + Cell::slots * H;
  at.c = at.h + norms;
  at.c_new = at.c + (call.zoneout_c.on ? H : 0);
  at.c_norm = at.c_new + (Cell::has_cell ? H : 0);
  at.scales = at.c_norm + (Cell::has_cell && call.layer_norm ? H : 0);
  at.size = at.scales + (call.layer_norm ? kScales : 0);
  return at;
}

// How much of the old state stays in one register of units; `at` counts the units of (T, N, .).
template <typename T> UNROLLED_INLINE Vec<T> staying(const Zoneout<T>& zoneout, Index at, Index lanes) {
  return zoneout.masks ? load_lanes(zoneout.masks + at, lanes) : broadcast(zoneout.rate);
}

// Everyone has sequences of his own, and waits for nobody inside the loop over time.
UNROLLED_INLINE Part sequences_of(const Batch& b, int rank, int size) {
  if (b.order) return {rank, size, b.size, false, rank, size};
  const Range mine = share(b.size, rank, size);
  return {mine.first, 1, mine.last, false, rank, size};
}

constexpr Index kVariantRows = 8 * kTileRows;  // of one step, that meet each panel of the weights while it is near

// c = a B for some rows of one step.
template <typename T> void multiply(const RowPair<T>* rows, Index count, const T* packed, Index units, Index depth) {
  using P = Panels<T, 1>;
  const auto start = [&]() { return [next = rows]() mutable { return *next++; }; };
  rows_times_panels<P>(count, start, Matrix<T>{packed}, units, depth, 0, P::count(units), static_cast<const T*>(nullptr), false);
}

// The gates of a cell's first phase: weight_hh is packed as their (first_gates H, R), and behind it what is left of (G H, R).
template <typename Cell> constexpr int first_gates() { return Cell::Steps::count > 1 ? Cell::gates - 1 : Cell::gates; }

}  // namespace
}  // namespace unrolled
