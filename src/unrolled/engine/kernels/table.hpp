// What crosses from the Python face to the kernels of one instruction set: plain structs and function pointers, no code.
//
// Arrays are C-contiguous unless a stride is given. `fills` names the arrays that a kernel writes; it reads all others.
#pragma once

#include <stdint.h>

#include "variant_table.hpp"

namespace unrolled {

// A matrix packed for the tile: see `Panels` in tile.hpp.
struct PanelShape {
  int64_t units;   // columns
  int64_t depth;   // length of the sums
};

// Matrix products that have no order in time.
template <typename T> struct RowsProduct {  // C = A B + bias: each row of A against packed columns
  int64_t rows;
  const T* a;      // (rows, depth), rows a_stride apart
  int64_t a_stride;
  const T* panels; // B, packed with `pack`
  PanelShape shape;
  const T* bias;   // (units,) or null
  T* c;            // fills (rows, units), rows c_stride apart
  int64_t c_stride;
};

template <typename T> struct OuterProduct {  // C += A' B, column_sum += sums over rows of A; in chunks of rows
  int64_t rows, m, n;
  const T* a;      // (rows, m)
  const T* b;      // (rows, n)
  T* c;            // fills (m, n), added to
  T* column_sum;   // fills (m,), added to; or null
  T* scratch;      // outer_scratch(...) numbers
};

// One direction of one layer over a whole batch. Gate order: i, f, g, o (LSTM); r, z, n (GRU).
template <typename T> struct ForwardCall {
  Batch batch;
  int64_t I, H;
  const T* x;                // (T, N, I); null when tokens are given
  const int32_t* tokens;     // (T, N), each in [0, V)
  const T* token_table;      // (V, G H): embedding @ weight_ih' + bias
  const T* panels_ih;        // weight_ih, packed phase by phase (cell.hpp)
  const T* panels_hh;        // weight_hh, likewise
  const T* bias;             // (G H)
  const T* bias_hn;          // (H): GRU, reset after
  const T *h0, *c0;          // (N, H)
  T* y;                      // fills (T, N, H), rows y_stride apart: h of every step; padding is left as it is
  int64_t y_stride;
  T* c;                      // LSTM: fills (T, N, H) when kept, else (N, H): comes with c0, ends with each sequence's last c
  bool keep_c;
  T* gates;                  // fills (T, N, slots, H) when kept, else room for (chunk, N, slots, H)
  bool keep_gates;
  int64_t chunk;             // steps whose input products are made at once, at most
  T* checkpoints;            // fills (chunks, N, H), or null: c before each step of chunk_starts
  const int64_t* chunk_starts;  // (chunks,), falling
  int64_t chunks;
  int64_t first, last;       // the steps to be run now: [first, last); those before have been
};

template <typename T> struct BackwardCall {
  ForwardCall<T> forward;    // as the forward call had it; what was not kept is computed again
  const T* panels_hh;        // weight_hh transposed, packed: (G H) -> H
  const T* panels_ih;        // weight_ih transposed, packed: (G H) -> I; null when dx is not wanted
  bool as_they_lie;          // both are the weights themselves: for few rows, packing would take longer than the products
  const T* dy;               // (T, N, H), rows dy_stride apart, or null
  int64_t dy_stride;
  const T* dh_last;          // (N, H) or null
  T* carry;                  // (N, H); LSTM: comes with the gradient of the last c, ends with that of c0. GRU: comes zero
  T* dh0;                    // fills (N, H)
  T* dx;                     // fills (T, N, I) but for padding, or null
  T* dweight_ih;             // (G H, I), added to; null with tokens
  T* dweight_hh;             // (G H, H), added to
  T* dbias;                  // (G H), added to; null with tokens
  T* dbias_hn;               // (H), added to: GRU, reset after
  T* dtoken_table;           // (V, G H), added to; null without tokens
  T* scratch;                // backward_scratch(...) numbers
  const int64_t* chunk_starts;  // (chunks,), falling: where the runs of steps begin whose gate gradients are held at once
  int64_t chunks;
  int64_t chunk_rows;        // the most rows, steps times running sequences, of one chunk
  int64_t first, last;       // the chunks to be run now: [first, last); those before have been, with the same scratch
};

enum CellKind { kLstm, kGruAfter, kGruBefore, kRnnTanh, kRnnRelu, kCells };

template <typename T> struct Cell {
  int64_t gates, slots;  // of the weights' rows; of what is kept of each unit and step
  // A weight (G H, depth) packed for the forward loop, phase by phase.
  int64_t (*packed_size)(int64_t units, int64_t depth);
  void (*pack)(T* packed, int64_t units, int64_t depth, const T* weight, int rank, int size);
  void (*forward)(const ForwardCall<T>&, Team*, int rank, int size);
  int64_t (*backward_scratch)(const BackwardCall<T>&, int size);
  void (*backward)(const BackwardCall<T>&, Team*, int rank, int size);
};

template <typename T> struct Kernels {
  int64_t own_rows;   // with fewer sequences to a thread, a team shares the hidden units instead
  int64_t few_rows;   // to carry back no more rows than these, weights whose columns fill whole vectors need not be packed
  int64_t (*packed_size)(const PanelShape&);
  // packs source[column * column_stride + k * depth_stride]
  void (*pack)(T* packed, const PanelShape&, const T* source, int64_t column_stride, int64_t depth_stride, int rank, int size);
  void (*rows_product)(const RowsProduct<T>&, Team* team, int rank, int size);
  int64_t (*outer_scratch)(const OuterProduct<T>&, int size);
  void (*outer_product)(const OuterProduct<T>&, Team*, int rank, int size);
  Cell<T> cells[kCells];
  Variant<T> variants[kCells];
  void (*softmax_cross_entropy)(int64_t rows, int64_t classes, const T* logits, const int32_t* targets, T* losses, T* dlogits,
                                int rank, int size);
  void (*exp)(int64_t count, const T* x, T* y);
  void (*sigmoid)(int64_t count, const T* x, T* y);
  void (*tanh)(int64_t count, const T* x, T* y);
  double (*multiply_add)(int64_t rounds);  // does nothing but fused multiply-adds; returns how many flops
};

struct KernelTable {
  const char* name;
  Kernels<float> float32;
  Kernels<double> float64;
};

// One for each translation unit isa_*.cpp; the ones of another architecture do not exist.
extern const KernelTable kernel_table_baseline;
extern const KernelTable kernel_table_avx2;
extern const KernelTable kernel_table_avx512;
extern const KernelTable kernel_table_neon;

}  // namespace unrolled
