// Everything of one instruction set gathered into one table; included by each isa_*.cpp and by nothing else.
#pragma once

#include "backward.hpp"
#include "variant_sums.hpp"

extern "C" double log(double);

namespace unrolled {
namespace {

template <typename T> int64_t packed_size(const PanelShape& s) { return Panels<T, 1>::size(s.units, s.depth); }

template <typename T>
void pack(T* packed, const PanelShape& s, const T* source, int64_t column_stride, int64_t depth_stride, int rank, int size) {
  using P = Panels<T, 1>;
  const Range mine = share(P::count(s.units), rank, size);
  P::pack(packed, s.units, s.depth, source, column_stride, depth_stride, mine.first, mine.last);
}

constexpr Index kOuterChunk = 512;  // rows that are used at once

template <typename T> void rows_product(const RowsProduct<T>& p, Team* team, int rank, int size) {
  using P = Panels<T, 1>;
  const Index panels = P::count(p.shape.units);
  const bool by_rows = p.rows >= Index(size) * kTileRows || panels < size;
  const Range rows = by_rows ? share(p.rows, rank, size) : Range{0, p.rows};
  const Range mine = by_rows ? Range{0, panels} : share(panels, rank, size);
  // some hundred rows at a time: the call may be interrupted between
  for (Index first = rows.first; first < rows.last && team_goes_on(team, rank); first += kOuterChunk) {
    const auto start = [&]() { return EvenRows<T>{p.a + first * p.a_stride, p.a_stride, p.c + first * p.c_stride, p.c_stride}; };
    rows_times_panels<P>(least(kOuterChunk, rows.last - first), start, Matrix<T>{p.panels}, p.shape.units, p.shape.depth, mine.first, mine.last,
                         p.bias, true);
  }
}

// Rows of B must be whole vectors long: else a copy of the chunk is used, whose rows are.
template <typename T> Index outer_copy_stride(const OuterProduct<T>& p) {
  return p.n % Vec<T>::width ? ceil_div(p.n, Vec<T>::width) * Vec<T>::width : 0;
}
template <typename T> int64_t outer_scratch(const OuterProduct<T>& p, int size) {
  const Index rows = least(kOuterChunk, p.rows);
  return rows * outer_copy_stride(p) + size * outer_scratch_numbers(rows);
}

template <typename T> void outer_product(const OuterProduct<T>& p, Team* team, int rank, int size) {
  const Range mine = share(p.m, rank, size);
  const Index largest = least(kOuterChunk, p.rows), copy_stride = outer_copy_stride(p);
  T* room = p.scratch + largest * copy_stride + rank * outer_scratch_numbers(largest);
  for (Index k0 = 0; k0 < p.rows; k0 += kOuterChunk) {
    const Index rows = least(kOuterChunk, p.rows - k0);
    if (!team_goes_on(team, rank)) return;
    const T *a = p.a + k0 * p.m, *b = p.b + k0 * p.n;
    if (copy_stride) {
      const Range copied = share(rows, rank, size);
      for (Index k = copied.first; k < copied.last; ++k) memcpy(p.scratch + k * copy_stride, b + k * p.n, p.n * sizeof(T));
      if (!team_barrier(team)) return;
    }
    const auto start = [&]() {
      return [from = a, m = p.m]() mutable {
        const T* row = from;
        from += m;
        return row;
      };
    };
    add_outer(start, rows, mine, p.m, copy_stride ? p.scratch : b, copy_stride ? copy_stride : p.n, {0, p.n, 0}, p.c, p.n, true, room);
    if (p.column_sum) add_column_sums(a, p.m, rows, mine, p.column_sum);
    if (copy_stride && !team_barrier(team)) return;
  }
}

// For each row: loss = log(sum of e^logits) - logit of the target, dlogits = softmax - one_hot(target).
template <typename T>
void softmax_cross_entropy(int64_t rows, int64_t classes, const T* logits, const int32_t* targets, T* losses, T* dlogits, int rank,
                           int size) {
  constexpr int W = Vec<T>::width;
  const Range mine = share(rows, rank, size);
  for (Index row = mine.first; row < mine.last; ++row) {
    const T* z = logits + row * classes;
    T* p = dlogits + row * classes;
    T highest = z[0];
    for (Index k = 1; k < classes; ++k) highest = z[k] > highest ? z[k] : highest;
    Vec<T> sums = broadcast(T(0));
    for (Index k = 0; k < classes; k += W) {
      const Index lanes = least(W, classes - k);
      const Vec<T> e = exp_nonpositive(load_lanes(z + k, lanes) - broadcast(highest));
      store_lanes(p + k, e, lanes);
      sums = sums + (lanes < W ? load_n(p + k, lanes) : e);
    }
    T lane[W], sum = 0;
    store(lane, sums);
    for (int i = 0; i < W; ++i) sum += lane[i];
    losses[row] = static_cast<T>(log(static_cast<double>(sum)) + (static_cast<double>(highest) - static_cast<double>(z[targets[row]])));
    const Vec<T> scale = broadcast(T(1) / sum);
    for (Index k = 0; k < classes; k += W) {
      const Index lanes = least(W, classes - k);
      store_lanes(p + k, load_lanes(p + k, lanes) * scale, lanes);
    }
    p[targets[row]] -= T(1);
  }
}

// y = f(x) for each of an array's numbers.
template <typename T, typename F> UNROLLED_INLINE void map(int64_t count, const T* x, T* y, F f) {
  for (Index i = 0; i < count; i += Vec<T>::width) {
    const Index lanes = least(Vec<T>::width, count - i);
    store_lanes(y + i, f(load_lanes(x + i, lanes)), lanes);
  }
}
// The kernels above need e^y for y <= 0 only. Scaling by 2^n in two factors serves every y, once n is kept from growing beyond a factor:
// the mirror image of the lowest y is far above the last e^y that is finite.
template <typename T> void exp_of(int64_t count, const T* x, T* y) {
  const Vec<T> highest = broadcast(-ExpConstants<T>::lowest);
  map(count, x, y, [&](Vec<T> v) UNROLLED_LAMBDA { return exp_nonpositive(select<T>(v.raw > highest.raw, highest, v)); });
}
template <typename T> void sigmoid_of(int64_t count, const T* x, T* y) {
  map(count, x, y, [](Vec<T> v) UNROLLED_LAMBDA { return sigmoid(v); });
}
template <typename T> void tanh_of(int64_t count, const T* x, T* y) {
  map(count, x, y, [](Vec<T> v) UNROLLED_LAMBDA { return tanh(v); });
}

// As many independent chains as a tile has: the rate of this loop is the processor's peak, which nothing above can pass.
template <typename T> double multiply_add(int64_t rounds) {
  constexpr int chains = kTileRows * kTileVectors;
  Vec<T> acc[chains];
  for (int i = 0; i < chains; ++i) acc[i] = broadcast(T(i));
  const Vec<T> factor = broadcast(T(0.999)), term = broadcast(T(0.001));
  for (int64_t k = 0; k < rounds; ++k)
#pragma GCC unroll 32
    for (int i = 0; i < chains; ++i) acc[i] = fma(acc[i], factor, term);
  Vec<T> sum = acc[0];
  for (int i = 1; i < chains; ++i) sum = sum + acc[i];
  T lanes[Vec<T>::width];
  store(lanes, sum);
  return lanes[0] != T(-1) ? 2.0 * chains * Vec<T>::width * static_cast<double>(rounds) : 0.0;  // the sum must be made
}

template <typename C, typename T> constexpr Cell<T> cell() {
  return {C::gates,
          C::slots,
          &ForwardLoop<C, T>::packed_size,
          &ForwardLoop<C, T>::pack,
          &ForwardLoop<C, T>::run,
          &BackwardLoop<C, T>::scratch_numbers,
          &BackwardLoop<C, T>::run};
}
template <typename C, typename T> constexpr Variant<T> variant() {
  return {first_gates<C>(),
          &record_of<C, T>,
          &VariantForward<C, T>::scratch_numbers,
          &VariantForward<C, T>::run,
          &VariantSums<C, T>::scratch_numbers,
          &VariantSums<C, T>::run};
}
template <typename T> constexpr Kernels<T> kernels() {
  return {kOwnRows,
          kFewRows,
          &packed_size<T>,
          &pack<T>,
          &rows_product<T>,
          &outer_scratch<T>,
          &outer_product<T>,
          {cell<Lstm, T>(), cell<GruAfter, T>(), cell<GruBefore, T>(), cell<RnnTanh, T>(), cell<RnnRelu, T>()},  // as CellKind
          {variant<Lstm, T>(), variant<GruAfter, T>(), variant<GruBefore, T>(), variant<RnnTanh, T>(), variant<RnnRelu, T>()},
          &softmax_cross_entropy<T>,
          &exp_of<T>,
          &sigmoid_of<T>,
          &tanh_of<T>,
          &multiply_add<T>};
}

}  // namespace
}  // namespace unrolled
