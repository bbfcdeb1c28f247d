// Matrix products with no order in time: rows against packed columns, and sums of outer products over rows.
#pragma once

#include "threads.hpp"
#include "tile.hpp"

namespace unrolled {
namespace {

// Depth of the slices in which a panel is used: 256 x 4 vectors of 64 bytes are 64 KiB, well inside L2.
constexpr Index kDepthSlice = 256;

// One tile's part of the rows c of C: its sums start from zero; or, where `call` adds, from `bias`, or if that is null from C itself.
// Rows that are `fresh`, in no cache, come while the tile multiplies: 4 % of training at (500, 128, 16, 96).
template <typename P, typename T = typename P::Number>
UNROLLED_SHARED void tile_of(const TileCall<T>& call, int height, const typename P::Panel& panel, Index units, const typename P::Number* bias,
                             T* const* c, bool fresh) {
  constexpr int W = P::width;
  const int NV = panel.vectors;
  Sums<T> sums;
  for (int v = 0; fresh && v < NV; ++v)
    for (int r = 0; r < height; ++r) fetch_line_to_write(c[r] + P::columns(panel, v, units).first);
  if (call.adds)
    for (int v = 0; v < NV; ++v) {
      const auto at = P::columns(panel, v, units);
      for (int r = 0; r < height; ++r) store(sums.at + (r * NV + v) * W, load_lanes((bias ? bias : c[r]) + at.first, at.lanes));
    }
  tile_product_for<T>(height, NV)(call, sums.at);
  for (int v = 0; v < NV; ++v) {
    const auto at = P::columns(panel, v, units);
    for (int r = 0; r < height; ++r) store_lanes(c[r] + at.first, load(sums.at + (r * NV + v) * W), at.lanes);
  }
}

// C = A B (+ bias) for `rows` rows, panels [panel0, panel1). `walk()` starts a walk over the rows; each call of the walk gives the
// next row as {const T* a, T* c}. Slices of the depth go through C: the chain of sums is the same as without them.
template <typename P, typename T, typename Walk>
UNROLLED_INLINE void rows_times_panels(Index rows, Walk walk, const Matrix<T>& B, Index units, Index depth, Index panel0, Index panel1,
                                       const T* bias, bool fresh) {
  for (Index index = panel0; index < panel1; ++index) {
    const auto panel = P::panel(index, units);
    for (Index k0 = 0; k0 == 0 || k0 < depth; k0 += kDepthSlice) {
      TileCall<T> call;
      call.row_step = 1, call.depth = least(kDepthSlice, depth - k0), call.adds = k0 || bias;
      call.template multiply<P>(B, panel, depth, k0);
      auto next = walk();
      for_tiles(rows, [&](int height, Index) {
        T* c[kTileRows];
        for (int r = 0; r < height; ++r) {
          const auto row = next();
          call.row[r] = row.a + k0, c[r] = row.c;
        }
        tile_of<P>(call, height, panel, units, k0 ? nullptr : bias, c, fresh && !k0);
      });
    }
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

// Columns of A that are packed at one time, as tiles: they stay in L2 while B passes by.
constexpr Index kPackedColumns = 16 * kTileRows;
UNROLLED_INLINE Index outer_scratch_numbers(Index rows) { return rows * kPackedColumns; }

// packed[tile][k][r] = rows[k][first + r], tile after tile, for the `count` rows from k0 on of `depth`; column `ones` of A is 1.
template <typename T, int R>
UNROLLED_INLINE void pack_tile(T* packed, const T* const* rows, Index count, Index first, Index ones) {
  const Index real = most(0, least(R, ones - first));
  if (real == R) {
    for (Index k = 0; k < count; ++k) memcpy(packed + k * R, rows[k] + first, R * sizeof(T));
  } else {
    for (Index k = 0; k < count; ++k)
      for (Index r = 0; r < R; ++r) packed[k * R + r] = r < real ? rows[k][first + r] : T(1);
  }
}
// Those of some tiles, for the `count` rows from k0 on of `depth`.
template <typename T>
UNROLLED_SHARED void pack_tiles(T* packed, const T* const* rows, Index k0, Index count, Index depth, Index first, Index columns, Index ones) {
  for_tiles(columns, [&](int height, Index m) {
    T* to = packed + m * depth + k0 * height;
    switch (height) {
      case 1: return pack_tile<T, 1>(to, rows, count, first + m, ones);
      case 2: return pack_tile<T, 2>(to, rows, count, first + m, ones);
#if defined(__AVX512F__) || defined(__aarch64__)
      case 3: return pack_tile<T, 3>(to, rows, count, first + m, ones);
      case 4: return pack_tile<T, 4>(to, rows, count, first + m, ones);
      case 5: return pack_tile<T, 5>(to, rows, count, first + m, ones);
#endif
      default: return pack_tile<T, kTileRows>(to, rows, count, first + m, ones);
    }
  });
}
template <typename T, typename Next>
UNROLLED_INLINE void pack_columns(T* packed, Next next, Index depth, Index first, Index columns, Index ones) {
  constexpr Index at_once = 32;
  const T* rows[at_once];
  for (Index k0 = 0; k0 < depth; k0 += at_once) {
    const Index count = least(at_once, depth - k0);
    for (Index k = 0; k < count; ++k) rows[k] = next();
    pack_tiles(packed, rows, k0, count, depth, first, columns, ones);
  }
}

// C (+)= A' B for columns of A that `pack_columns` has packed.
template <typename T>
UNROLLED_SHARED void add_packed(const T* packed, Index rows, Index columns, const T* b, Index b_stride, Index b_columns, T* c, Index c_stride,
                                bool adds) {
  using P = Panels<T, 1>;
  for (Index index = 0; index < P::count(b_columns); ++index) {
    const auto panel = P::panel(index, b_columns);
    TileCall<T> call;
    call.b = b + panel.unit0, call.b_step = b_stride, call.depth = rows, call.adds = adds;
    for_tiles(columns, [&](int height, Index m) {
      T* to[kTileRows];
      for (int r = 0; r < height; ++r) call.row[r] = packed + m * rows + r, to[r] = c + (m + r) * c_stride;
      call.row_step = height;
      if (index + 1 < P::count(b_columns)) call.fetch_rows(call.b + panel.vectors * P::width, panel.vectors, m / kTileRows);
      else call.ahead = nullptr;
      tile_of<P>(call, height, panel, b_columns, nullptr, to, false);
    });
  }
}

// Columns of B and where their sums go: C's columns [c0, c0 + columns).
struct Block {
  Index b0, columns, c0;
};

// C[m] (+)= sum over rows of A[., m]' B, for the columns `mine` of A, over one chunk of rows. `walk()` starts a walk that gives A's
// rows, whose column `ones` is 1. B's rows lie b_stride apart, and a whole vector may be read beyond the last column of a block.
// `room` is for outer_scratch_numbers(rows).
template <typename T, typename Walk>
UNROLLED_INLINE void add_outer(Walk walk, Index rows, Range mine, Index ones, const T* b, Index b_stride, const Block& block, T* c,
                               Index c_stride, bool adds, T* room) {
  for (Index g0 = mine.first; g0 < mine.last; g0 += kPackedColumns) {
    const Index columns = least(kPackedColumns, mine.last - g0);
    pack_columns(room, walk(), rows, g0, columns, ones);
    add_packed(room, rows, columns, b + block.b0, b_stride, block.columns, c + g0 * c_stride + block.c0, c_stride, adds);
  }
}

// sum[m] += the sums of the columns of A, m in `mine`
template <typename T> void add_column_sums(const T* a, Index a_stride, Index rows, Range mine, T* sum) {
  for (Index m = mine.first; m < mine.last; m += Vec<T>::width) {
    const Index lanes = least(Vec<T>::width, mine.last - m);
    Vec<T> total = load_lanes(sum + m, lanes);
    for (Index k = 0; k < rows; ++k) total = total + load_lanes(a + k * a_stride + m, lanes);
    store_lanes(sum + m, total, lanes);
  }
}

// to[m][k] = sum over a few rows of b[row][m] * a[row][k], and column_sum[m] that of b[row][m], for m in `mine`: the sums of add_outer,
// without its packing. `next()` gives the rows of A.
constexpr Index kFewRows = 4;
template <typename T, typename Next>
UNROLLED_INLINE void outer_of_few(Next next, Index rows, const T* b, Index b_stride, Range mine, T* to, Index columns, T* column_sum) {
  constexpr int W = Vec<T>::width;
  const T* a[kFewRows];
  for (Index k = 0; k < rows; ++k) a[k] = next();
  for (Index m = mine.first; m < mine.last; ++m) {
    for (Index n = 0; n < columns; n += W) {
      const Index lanes = least(W, columns - n);
      Vec<T> sum = broadcast(T(0));
      for (Index k = 0; k < rows; ++k) sum = fma(broadcast(b[k * b_stride + m]), load_lanes(a[k] + n, lanes), sum);
      store_lanes(to + m * columns + n, sum, lanes);
    }
    if (!column_sum) continue;
    T sum = 0;
    for (Index k = 0; k < rows; ++k) sum += b[k * b_stride + m];
    column_sum[m] = sum;
  }
}

// to[m][k] = from[k][m] for m in `mine`, k in [0, columns)
template <typename T> void transpose(T* to, Index columns, const T* from, Index from_stride, Range mine) {
  constexpr Index W = Vec<T>::width;
  for (Index m0 = mine.first; m0 < mine.last; m0 += W)
    for (Index k0 = 0; k0 < columns; k0 += W) {
      if (m0 + W <= mine.last && k0 + W <= columns) {
        Vec<T> square[W];
        for (Index i = 0; i < W; ++i) square[i] = load(from + (k0 + i) * from_stride + m0);
        transpose_square(square);
        for (Index i = 0; i < W; ++i) store(to + (m0 + i) * columns + k0, square[i]);
      } else {
        for (Index m = m0; m < least(m0 + W, mine.last); ++m)
          for (Index k = k0; k < least(k0 + W, columns); ++k) to[m * columns + k] = from[k * from_stride + m];
      }
    }
}

}  // namespace
}  // namespace unrolled
