// Matrix products with no order in time: rows against packed columns, and sums of outer products over rows.
#pragma once

#include "threads.hpp"
#include "tile.hpp"

namespace unrolled {
namespace {

// Depth of the slices in which a panel is used: 256 x 4 vectors of 64 bytes are 64 KiB, well inside L2.
constexpr Index kDepthSlice = 256;

// C = A B (+ bias) for `rows` rows, panels [panel0, panel1). `walk()` starts a walk over the rows; each call of the walk gives the
// next row as {const T* a, T* c}. Slices of the depth go through C: the chain of sums is the same as without them.
template <typename P, typename T, typename Walk>
UNROLLED_INLINE void rows_times_panels(Index rows, Walk walk, const T* packed, Index units, Index depth, Index panel0, Index panel1,
                                       const T* bias) {
  constexpr int NV = P::NV;
  for (Index panel = panel0; panel < panel1; ++panel)
    for (Index k0 = 0; k0 == 0 || k0 < depth; k0 += kDepthSlice) {
      const Index slice = least(kDepthSlice, depth - k0);
      const T* w = P::at(packed, panel, depth) + k0 * NV * P::width;
      auto next = walk();
      for_tiles(rows, [&](auto height, Index) UNROLLED_LAMBDA {
        constexpr int R = decltype(height)::count;
        const T* a[R];
        T* c[R];
        for (int r = 0; r < R; ++r) {
          const auto row = next();
          a[r] = row.a + k0, c[r] = row.c;
        }
        Vec<T> acc[R][NV];
        for (int v = 0; v < NV; ++v) {
          const auto at = P::columns(panel, v, units);
          const Vec<T> first = bias && at.lanes > 0 ? load_lanes(bias + at.first, at.lanes) : broadcast(T(0));
          for (int r = 0; r < R; ++r) acc[r][v] = k0 && at.lanes > 0 ? load_lanes(c[r] + at.first, at.lanes) : first;
        }
        multiply(acc, a, w, slice);
        for (int v = 0; v < NV; ++v) {
          const auto at = P::columns(panel, v, units);
          if (at.lanes > 0)
            for (int r = 0; r < R; ++r) store_lanes(c[r] + at.first, acc[r][v], at.lanes);
        }
      });
    }
}

template <typename T> struct RowPair {
  const T* a;
  T* c;
};
// The walk over rows that lie at equal distances.
template <typename T> struct EvenRows {
  const T* a;
  Index a_stride;
  T* c;
  Index c_stride;
  UNROLLED_INLINE RowPair<T> operator()() {
    const RowPair<T> row{a, c};
    a += a_stride, c += c_stride;
    return row;
  }
};

// Tiles of A packed at one time: a run of its columns that is read line by line and is used while it is in L2.
constexpr Index kPackedTiles = 16;
UNROLLED_INLINE Index outer_scratch_numbers(Index rows) { return rows * kPackedTiles * kTileRows; }

// C[m] += sum over rows of A[., column0 + m]' B for m in [m0, m1), over one chunk of rows: `b_packed` is the chunk of B as panels
// (depth = rows), `a_packed` is room for outer_scratch_numbers(rows).
template <typename T>
void add_outer(const T* a, Index a_stride, Index rows, Index m0, Index m1, const T* b_packed, Index n, T* c, Index c_stride,
               T* a_packed) {
  using P = Panels<T, 1>;
  constexpr Index group = kPackedTiles * kTileRows;
  for (Index g0 = m0; g0 < m1; g0 += group) {
    const Index columns = least(group, m1 - g0);
    for (Index k = 0; k < rows; ++k) {  // a_packed[tile][k][r] = a[k][m + r]
      T* to = a_packed;
      const T* from = a + k * a_stride + g0;
      for_tiles(columns, [&](auto height, Index m) UNROLLED_LAMBDA {
        constexpr int R = decltype(height)::count;
        memcpy(to + k * R, from + m, R * sizeof(T));
        to += rows * R;
      });
    }
    for (Index panel = 0; panel < P::count(n); ++panel) {
      const T* from = a_packed;
      for_tiles(columns, [&](auto height, Index m) UNROLLED_LAMBDA {
        constexpr int R = decltype(height)::count;
        T* to = c + (g0 + m) * c_stride;
        Vec<T> acc[R][P::NV];
        for (int v = 0; v < P::NV; ++v) {
          const auto at = P::columns(panel, v, n);
          for (int r = 0; r < R; ++r)
            acc[r][v] = at.lanes > 0 ? load_lanes(to + r * c_stride + at.first, at.lanes) : broadcast(T(0));
        }
        multiply_entries(acc, [&](int r, Index k) UNROLLED_LAMBDA { return from[k * R + r]; }, P::at(b_packed, panel, rows), rows);
        for (int v = 0; v < P::NV; ++v) {
          const auto at = P::columns(panel, v, n);
          if (at.lanes > 0)
            for (int r = 0; r < R; ++r) store_lanes(to + r * c_stride + at.first, acc[r][v], at.lanes);
        }
        from += rows * R;
      });
    }
  }
}

// B's rows, as `next()` gives them, as panels [panel0, panel1) of depth `rows`.
template <typename T, typename Walk>
UNROLLED_INLINE void pack_rows(T* packed, Index columns, Index rows, Walk walk, Index panel0, Index panel1) {
  using P = Panels<T, 1>;
  T* to = packed + panel0 * rows * P::NV * P::width;
  for (Index panel = panel0; panel < panel1; ++panel) {
    auto next = walk();
    for (Index k = 0; k < rows; ++k) {
      const T* from = next();
      for (int v = 0; v < P::NV; ++v, to += P::width) {
        const auto at = P::columns(panel, v, columns);
        store(to, at.lanes > 0 ? load_lanes(from + at.first, at.lanes) : broadcast(T(0)));
      }
    }
  }
}

// sum[m0 ... m1) += the sums of the columns of A
template <typename T> void add_column_sums(const T* a, Index a_stride, Index rows, Index m0, Index m1, T* sum) {
  for (Index m = m0; m < m1; m += Vec<T>::width) {
    const Index lanes = least(Vec<T>::width, m1 - m);
    Vec<T> total = load_lanes(sum + m, lanes);
    for (Index k = 0; k < rows; ++k) total = total + load_lanes(a + k * a_stride + m, lanes);
    store_lanes(sum + m, total, lanes);
  }
}

}  // namespace
}  // namespace unrolled
