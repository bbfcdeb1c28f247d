// The register tile: a few rows against a few vectors of columns, the inner loop of every product here; and the packing that feeds it.
//
// A matrix B (depth, columns) is packed into panels. One panel holds, for each k, the vectors of columns that one tile computes, so
// the tile reads it from first to last byte. Columns are (gates, units): an LSTM's panel holds the four gates of one vector of units,
// so the tile ends with all that the state update needs. One or two gates leave room for more vectors of units: they are cut into
// panels of nearly equal width. gates = 1 gives a plain matrix.
#pragma once

#include "table.hpp"
#include "vec.hpp"

namespace unrolled {
namespace {

struct Range {
  Index first, last;
};
// The share of `rank` when `count` things are cut into `size` nearly equal runs.
UNROLLED_INLINE Range share(Index count, int rank, int size) { return {count * rank / size, count * (rank + 1) / size}; }

template <typename T, int Gates> struct Panels {
  using Number = T;
  static constexpr int G = Gates, width = Vec<T>::width;
  static constexpr int most_units = kTileVectors / G;  // vectors of units in one panel

  struct Panel {
    Index unit0;  // its first unit
    int vectors;  // of columns
    Index before; // vectors of columns in the panels before it
    int unit_vectors() const { return vectors / G; }
  };
  static Index vectors(Index units) { return ceil_div(units, width); }
  static Index count(Index units) { return ceil_div(vectors(units), most_units); }
  static Index size(Index units, Index depth) { return vectors(units) * G * width * depth; }
  static UNROLLED_INLINE Panel panel(Index index, Index units) {
    if (most_units == 1) return {index * width, G, index * G};
    const Range mine = share(vectors(units), static_cast<int>(index), static_cast<int>(count(units)));
    return {mine.first * width, G * static_cast<int>(mine.last - mine.first), G * mine.first};
  }
  static UNROLLED_INLINE const T* at(const T* packed, const Panel& panel, Index depth) { return packed + panel.before * width * depth; }

  // Where vector v of a panel lies among the columns, and how many of its lanes do (beyond the last unit there is none).
  struct Columns {
    Index first, lanes;
  };
  static UNROLLED_INLINE Columns columns(const Panel& panel, int v, Index units) {
    const Index unit = panel.unit0 + v / G * width;
    return {v % G * units + unit, least(width, units - unit)};
  }

  // packed[panel][k][v][lane] = source(column, k), zero beyond the last unit
  static void pack(T* packed, Index units, Index depth, const T* source, Index column_stride, Index depth_stride, Index first,
                   Index last) {
    for (Index index = first; index < last; ++index) {
      const Panel p = panel(index, units);
      const Index step = p.vectors * width;
      for (int v = 0; v < p.vectors; ++v) {
        const Columns at = columns(p, v, units);
        const T* from = source + at.first * column_stride;
        T* out = packed + p.before * width * depth + v * width;
        if (column_stride == 1) {
          for (Index k = 0; k < depth; ++k) store(out + k * step, load_lanes(from + k * depth_stride, at.lanes));
        } else {
          Index k = 0;
          if (at.lanes == width && depth_stride == 1)
            for (; k + width <= depth; k += width) {  // square by square
              Vec<T> square[width];
#pragma GCC unroll 16
              for (int lane = 0; lane < width; ++lane) square[lane] = load(from + lane * column_stride + k);
              transpose_square(square);
#pragma GCC unroll 16
              for (int i = 0; i < width; ++i) store(out + (k + i) * step, square[i]);
            }
          // k outside: a vector's sources are read along their lines, and the panel is written along its own
          for (; k < depth; ++k) {
            T lanes[width];
            const T* entry = from + k * depth_stride;
            if (at.lanes == width)
              for (int lane = 0; lane < width; ++lane) lanes[lane] = entry[lane * column_stride];
            else
              for (int lane = 0; lane < width; ++lane) lanes[lane] = lane < at.lanes ? entry[lane * column_stride] : T(0);
            memcpy(out + k * step, lanes, sizeof lanes);
          }
        }
      }
    }
  }
};

// A panel, and the one to be multiplied after it.
template <typename P> struct Turn {
  typename P::Panel panel, after;
};
// Calls visit(turn) for each of the panels: from the first to the last in even passes, from the last to the first in odd ones. So a pass
// begins with the weights that the one before used last, while they are in a near cache: 4 to 9 % at N = 1.
template <typename P, typename Visit> UNROLLED_INLINE void for_panels(Range panels, Index units, Index pass, Visit visit) {
  const Index step = pass % 2 ? -1 : 1;
  Index index = pass % 2 ? panels.last - 1 : panels.first;
  for (Index left = panels.last - panels.first; left > 0; --left, index += step)
    visit(Turn<P>{P::panel(index, units), P::panel(left > 1 ? index + step : index, units)});
}

// The sums of one tile, row by row, each row `vectors` registers wide; in memory, because what follows needs the registers.
template <typename T> struct Sums {
  alignas(64) T at[kTileRows * kTileVectors * Vec<T>::width];
};

// The second factor of a product, (depth, columns): packed into panels, or, where `line` is not 0, as it lies, its rows so many numbers
// apart; then its columns fill whole vectors.
template <typename T> struct Matrix {
  const T* numbers;
  Index line = 0;
};

// What one tile multiplies: entry k of row r is row[r][k * row_step], that of vector v is b[k * b_step + v * width].
template <typename T> struct TileCall {
  const T* row[kTileRows];
  Index row_step;
  const T* b;
  Index b_step, depth;
  bool adds;  // to what `sums` holds, else the sums start from zero
  // What later tiles will multiply: a line of it is fetched into L2 at each step of k. Where the weights have outgrown L2, a panel's
  // first tile would wait for each line: 5 % at H = 512.
  const T* ahead = nullptr;
  Index ahead_step = 0;

  // A panel of B from row k0 on.
  template <typename P> UNROLLED_INLINE void multiply(const Matrix<T>& B, const typename P::Panel& panel, Index B_depth, Index k0) {
    b_step = B.line ? B.line : panel.vectors * P::width;
    b = (B.line ? B.numbers + panel.unit0 : P::at(B.numbers, panel, B_depth)) + k0 * b_step;
  }

  // The next packed panel: tile number `tile` of this one fetches its part of it, as far as it is that long.
  UNROLLED_INLINE void fetch_panel(const T* next, Index numbers, Index tile) {
    ahead_step = 64 / Index(sizeof(T));
    const Index part = tile * depth * ahead_step;
    ahead = part < numbers ? next + part : nullptr;
  }
  // The next vectors of rows that lie b_step apart: each of the first tiles fetches one of them.
  UNROLLED_INLINE void fetch_rows(const T* next, int vectors, Index tile) {
    ahead_step = b_step;
    ahead = tile < vectors ? next + tile * Vec<T>::width : nullptr;
  }
};

// sums[r][v] (+)= sum over k of row[r][k] * b[k][v]; each sum is one chain of fma in the order of k, so its bits do not depend on R, on
// NV, on the thread, or on where the tile lies.
template <typename T, int R, int NV> void tile_product(const TileCall<T>& call, T* sums) {
  constexpr int width = Vec<T>::width;
  // every loop over a tile is unrolled, so that its sums are registers from first to last
  Vec<T> acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) acc[r][v] = broadcast(T(0));
  if (call.adds)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[r][v] = load(sums + (r * NV + v) * width);
  const T* from[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) from[r] = call.row[r];
  const T* b = call.b;
  const Index row_step = call.row_step, b_step = call.b_step, end = call.depth * row_step;
  const T* ahead = call.ahead ? call.ahead : call.b;
  const Index ahead_step = call.ahead ? call.ahead_step : 0;
  for (Index i = 0; i != end; i += row_step, b += b_step, ahead += ahead_step) {
    fetch_line(ahead);
    Vec<T> row[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) row[r] = broadcast(from[r][i]);
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
      const Vec<T> w = load(b + v * width);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][v] = fma(row[r], w, acc[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) store(sums + (r * NV + v) * width, acc[r][v]);
}

template <typename T> using TileProduct = void (*)(const TileCall<T>&, T* sums);
template <typename T, int R> constexpr TileProduct<T> tile_products_of(int vectors) {
  static_assert(kTileVectors == 4, "one case for each width");
  return vectors == 1 ? tile_product<T, R, 1> : vectors == 2 ? tile_product<T, R, 2> : vectors == 3 ? tile_product<T, R, 3> : tile_product<T, R, 4>;
}
// The kernel for a height and a width.
template <typename T> UNROLLED_INLINE TileProduct<T> tile_product_for(int height, int vectors) {
  switch (height) {
    case 1: return tile_products_of<T, 1>(vectors);
    case 2: return tile_products_of<T, 2>(vectors);
#if defined(__AVX512F__) || defined(__aarch64__)
    case 3: return tile_products_of<T, 3>(vectors);
    case 4: return tile_products_of<T, 4>(vectors);
    case 5: return tile_products_of<T, 5>(vectors);
#endif
    default: return tile_products_of<T, kTileRows>(vectors);
  }
}

// Cuts `rows` rows into tiles of nearly equal height, none above kTileRows, and calls tile(height, first row) for each: 32 rows go as
// 6 6 5 5 5 5, not 6 6 6 6 6 2, because a low tile waits for its own sums.
template <typename Tile> UNROLLED_INLINE void for_tiles(Index rows, Tile tile) {
  if (rows <= 0) return;
  const Index tiles = ceil_div(rows, kTileRows), height = rows / tiles, taller = rows % tiles;
  Index first = 0;
  for (Index i = 0; i < tiles; ++i) {
    const Index r = height + (i < taller);
    tile(static_cast<int>(r), first);
    first += r;
  }
}

}  // namespace
}  // namespace unrolled
