// Matrix products with no order in time: rows against packed columns, and sums of outer products over rows.
#pragma once

#include "threads.hpp"
#include "tile.hpp"

namespace unrolled {
namespace {

// Depth of the slices in which a panel is used: 256 x 4 vectors of 64 bytes are 64 KiB, well inside L2.
constexpr Index kDepthSlice = 256;

// Rows [first, last) of C = A B (+ bias), panels [panel0, panel1), the layout of C's columns being (G, units).
// Slices of the depth go through memory: the chain of sums is the same as without them.
template <int G, typename T>
void rows_times_panels(const T* a, Index a_stride, Index first, Index last, const T* packed, Index units, Index depth, Index panel0,
                       Index panel1, const T* bias, T* c, Index c_stride) {
  using P = Panels<T, G>;
  for (Index panel = panel0; panel < panel1; ++panel) {
    for (Index k0 = 0; k0 == 0 || k0 < depth; k0 += kDepthSlice) {
      const Index slice = least(kDepthSlice, depth - k0);
      const T* w = P::at(packed, panel, depth) + k0 * kTileVectors * P::width;
      for_tiles(first, last, [=](auto rows, Index row) UNROLLED_LAMBDA {
        constexpr int R = decltype(rows)::count;
        Vec<T> acc[R][kTileVectors];
        Index column[kTileVectors], lanes[kTileVectors];
        for (int v = 0; v < kTileVectors; ++v) {
          const Index unit0 = panel * P::units_per_panel + (v / G) * P::width;
          lanes[v] = least(P::width, units - unit0);
          column[v] = (v % G) * units + unit0;
        }
        for (int v = 0; v < kTileVectors; ++v)
          for (int r = 0; r < R; ++r) {
            if (lanes[v] <= 0) acc[r][v] = broadcast(T(0));
            else if (k0 > 0) acc[r][v] = load_lanes(c + (row + r) * c_stride + column[v], lanes[v]);
            else acc[r][v] = bias ? load_lanes(bias + column[v], lanes[v]) : broadcast(T(0));
          }
        multiply(acc, a + row * a_stride + k0, a_stride, Index(1), w, slice);
        for (int v = 0; v < kTileVectors; ++v)
          if (lanes[v] > 0)
            for (int r = 0; r < R; ++r) store_lanes(c + (row + r) * c_stride + column[v], acc[r][v], lanes[v]);
      });
    }
  }
}

// Tiles of A packed at one time: a run of its columns that is read line by line and is used while it is in L2.
constexpr Index kPackedTiles = 16;
UNROLLED_INLINE Index outer_scratch_numbers(Index rows) { return rows * kPackedTiles * kTileRows; }

// C += A' B over one chunk of rows, for the rows of C that lie in [m0, m1): `b_packed` is the chunk of B as panels (depth = rows),
// `a_packed` is room for outer_scratch_numbers(rows).
template <typename T>
void add_outer(const T* a, Index a_stride, Index rows, Index m0, Index m1, const T* b_packed, Index n, T* c, Index c_stride,
               T* a_packed) {
  using P = Panels<T, 1>;
  constexpr Index group = kPackedTiles * kTileRows;
  for (Index g0 = m0; g0 < m1; g0 += group) {
    const Index g1 = least(m1, g0 + group);
    for (Index k = 0; k < rows; ++k) {  // a_packed[tile][k][r] = a[k][m + r]
      T* to = a_packed;
      for_tiles(g0, g1, [&](auto height, Index m) UNROLLED_LAMBDA {
        constexpr int R = decltype(height)::count;
        memcpy(to + k * R, a + k * a_stride + m, R * sizeof(T));
        to += rows * R;
      });
    }
    for (Index panel = 0; panel < P::count(n); ++panel) {
      const T* from = a_packed;
      for_tiles(g0, g1, [&](auto height, Index m) UNROLLED_LAMBDA {
        constexpr int R = decltype(height)::count;
        Vec<T> acc[R][kTileVectors];
        for (int v = 0; v < kTileVectors; ++v) {
          const Index column = panel * P::units_per_panel + v * P::width, lanes = least(P::width, n - column);
          for (int r = 0; r < R; ++r) acc[r][v] = lanes > 0 ? load_lanes(c + (m + r) * c_stride + column, lanes) : broadcast(T(0));
        }
        multiply(acc, from, Index(1), Index(R), P::at(b_packed, panel, rows), rows);
        for (int v = 0; v < kTileVectors; ++v) {
          const Index column = panel * P::units_per_panel + v * P::width, lanes = least(P::width, n - column);
          if (lanes > 0)
            for (int r = 0; r < R; ++r) store_lanes(c + (m + r) * c_stride + column, acc[r][v], lanes);
        }
        from += rows * R;
      });
    }
  }
}

// The chunk [row0, row0 + rows) of B (.., n) as panels [panel0, panel1) of depth `depth`, from depth `k0` on.
template <typename T>
void pack_rows(T* packed, const T* b, Index n, Index rows, Index k0, Index depth, Index panel0, Index panel1) {
  using P = Panels<T, 1>;
  for (Index panel = panel0; panel < panel1; ++panel) {
    T* to = packed + (panel * depth + k0) * kTileVectors * P::width;
    for (Index k = 0; k < rows; ++k)
      for (int v = 0; v < kTileVectors; ++v, to += P::width) {
        const Index column = panel * P::units_per_panel + v * P::width, lanes = least(P::width, n - column);
        store(to, lanes > 0 ? load_lanes(b + k * n + column, lanes) : broadcast(T(0)));
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
