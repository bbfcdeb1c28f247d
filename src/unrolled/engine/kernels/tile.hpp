// The register tile: R rows against NV vectors of columns, the inner loop of every product here; and the packing that feeds it.
//
// A matrix B (depth, columns) is packed into panels. One panel holds, for each k, the NV vectors of columns that one tile
// computes, so the tile reads it from first to last byte. Columns are (gates, units): an LSTM's panel holds the four gates of one
// vector of units, so the tile ends with all that the state update needs, in registers. gates = 1 gives a plain matrix.
#pragma once

#include "table.hpp"
#include "vec.hpp"

namespace unrolled {
namespace {

template <typename T, int Gates> struct Panels {
  static constexpr int G = Gates;
  static constexpr int NV = G == 3 ? 3 : kTileVectors;  // vectors of columns in one panel
  static constexpr int width = Vec<T>::width;
  static constexpr int unit_vectors = NV / G;  // vectors of units in one panel
  static constexpr int units_per_panel = unit_vectors * width;

  static Index count(Index units) { return ceil_div(units, units_per_panel); }
  static Index size(Index units, Index depth) { return count(units) * depth * NV * width; }
  static const T* at(const T* packed, Index panel, Index depth) { return packed + panel * depth * NV * width; }

  // Where vector v of a panel lies among the columns, and how many of its lanes do (none or less beyond the last unit).
  struct Columns {
    Index first, lanes;
  };
  static UNROLLED_INLINE Columns columns(Index panel, int v, Index units) {
    const Index unit0 = panel * units_per_panel + (v / G) * width;
    return {(v % G) * units + unit0, least(width, units - unit0)};
  }

  // packed[panel][k][v][lane] = source(column, k), zero beyond the last unit
  static void pack(T* packed, Index units, Index depth, const T* source, Index column_stride, Index depth_stride, Index first,
                   Index last) {
    for (Index panel = first; panel < last; ++panel)
      for (int v = 0; v < NV; ++v) {
        const Columns at = columns(panel, v, units);
        const T* from = source + at.first * column_stride;
        T* out = packed + (panel * depth * NV + v) * width;
        if (column_stride == 1) {
          for (Index k = 0; k < depth; ++k)
            store(out + k * NV * width, at.lanes > 0 ? load_lanes(from + k * depth_stride, at.lanes) : broadcast(T(0)));
        } else {
          // k outside: a vector's sources are read along their lines, and the panel is written along its own
          for (Index k = 0; k < depth; ++k) {
            T lanes[width];
            const T* entry = from + k * depth_stride;
            if (at.lanes == width)
              for (int lane = 0; lane < width; ++lane) lanes[lane] = entry[lane * column_stride];
            else
              for (int lane = 0; lane < width; ++lane) lanes[lane] = lane < at.lanes ? entry[lane * column_stride] : T(0);
            memcpy(out + k * NV * width, lanes, sizeof lanes);
          }
        }
      }
  }
};

// acc[r][v] += sum over k of a(r, k) * panel[k][v]; each sum is one chain of fma in the order of k, so its bits do not depend on R,
// on the thread, or on where the tile lies.
template <int R, int NV, typename T, typename Entry>
UNROLLED_INLINE void multiply_entries(Vec<T> (&acc)[R][NV], Entry a, const T* panel, Index depth) {
  constexpr int width = Vec<T>::width;
  for (Index k = 0; k < depth; ++k) {
    Vec<T> row[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) row[r] = broadcast(a(r, k));
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
      const Vec<T> w = load(panel + v * width);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][v] = fma(row[r], w, acc[r][v]);
    }
    panel += NV * width;
  }
}

// The rows of A wherever they lie: sequences of a batch need not be neighbours.
template <int R, int NV, typename T>
UNROLLED_INLINE void multiply(Vec<T> (&acc)[R][NV], const T* const (&rows)[R], const T* panel, Index depth) {
  multiply_entries(acc, [&](int r, Index k) UNROLLED_LAMBDA { return rows[r][k]; }, panel, depth);
}

template <int R, int NV, typename T> UNROLLED_INLINE void clear(Vec<T> (&acc)[R][NV]) {
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < NV; ++v) acc[r][v] = broadcast(T(0));
}

template <int R> struct Rows {
  static constexpr int count = R;
};

// Cuts `rows` rows into tiles of nearly equal height, none above kTileRows, and calls tile(Rows<R>, first row) for each: 32 rows
// go as 6 6 5 5 5 5, not 6 6 6 6 6 2, because a low tile waits for its own sums.
template <typename Tile> UNROLLED_INLINE void for_tiles(Index rows, Tile tile) {
  if (rows <= 0) return;
  const Index tiles = ceil_div(rows, kTileRows), height = rows / tiles, taller = rows % tiles;
  Index first = 0;
  for (Index i = 0; i < tiles; ++i) {
    const Index r = height + (i < taller);
    switch (r) {
      case 1: tile(Rows<1>(), first); break;
      case 2: tile(Rows<2>(), first); break;
      case 3: tile(Rows<3>(), first); break;
#if defined(__AVX512F__) || defined(__aarch64__)
      case 4: tile(Rows<4>(), first); break;
      case 5: tile(Rows<5>(), first); break;
      case 6: tile(Rows<6>(), first); break;
#endif
    }
    first += r;
  }
}

struct Range {
  Index first, last;
};
// The share of `rank` when `count` things are cut into `size` nearly equal runs.
UNROLLED_INLINE Range share(Index count, int rank, int size) { return {count * rank / size, count * (rank + 1) / size}; }

}  // namespace
}  // namespace unrolled
