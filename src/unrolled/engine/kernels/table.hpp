// What crosses from the Python face to the kernels of one instruction set: plain structs and function pointers, no code.
//
// Arrays are C-contiguous unless a stride is given. `fills` names the arrays that a kernel writes; it reads all others.
#pragma once

#include <stdint.h>

namespace unrolled {

struct Team;

// A matrix packed for the tile: see `Panels` in tile.hpp.
struct PanelShape {
  int64_t gates;   // columns are (gates, units)
  int64_t units;
  int64_t depth;   // length of the sums
};

// Matrix products that have no order in time.
template <typename T> struct RowsProduct {  // C = A B + bias: each row of A against packed columns
  int64_t rows;
  const T* a;      // (rows, depth), rows a_stride apart
  int64_t a_stride;
  const T* panels; // B, packed with `pack`, gates = 1
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

// One layer over a whole sequence. Gate order: i, f, g, o (LSTM).
template <typename T> struct ForwardCall {
  int64_t T_, N, I, H;
  const T* x;              // (T, N, I); null when tokens are given
  const int32_t* tokens;   // (T, N), each in [0, V)
  const T* token_table;    // (V, G H): embedding @ weight_ih' + bias
  const T* panels_ih;      // weight_ih, packed
  const T* panels_hh;      // weight_hh, packed
  const T* bias;           // (G H)
  const T *h0, *c0;        // (N, H)
  T* y;                    // fills (T, N, H): h of every step
  T* c;                    // fills (T, N, H) when kept, else (N, H): the running state
  T* gates;                // fills (T, N, G, H) when kept, else (ring, N, G, H): scratch
  int64_t ring;            // how many steps `gates` holds
  bool keep;               // the gates and cell states of every step are wanted
};

template <typename T> struct BackwardCall {
  int64_t T_, N, I, H;
  const T* x;
  const int32_t* tokens;
  const T *h0, *c0, *y, *c, *gates;  // as the forward call left them
  const T* panels_hh;      // weight_hh transposed, packed: (G H) -> H
  const T* panels_ih;      // weight_ih transposed, packed: (G H) -> I; null when dx is not wanted
  const T* dy;             // (T, N, H) or null
  const T* dh_last;        // (N, H) or null
  T* dc;                   // (N, H): comes with the gradient of the last c, fills with that of c0
  T* dh0;                  // fills (N, H)
  T* dx;                   // fills (T, N, I), or null
  T* dweight_ih;           // fills (G H, I), added to; null with tokens
  T* dweight_hh;           // fills (G H, H), added to
  T* dbias;                // fills (G H), added to
  T* dtoken_table;         // fills (V, G H), added to; null without tokens
  T* scratch;              // backward_scratch(...) numbers
  int64_t chunk;           // steps whose gradients of the gates are held at once
};

template <typename T> struct Cell {
  void (*forward)(const ForwardCall<T>&, Team*, int rank, int size);
  int64_t (*backward_scratch)(const BackwardCall<T>&, int size);
  void (*backward)(const BackwardCall<T>&, Team*, int rank, int size);
};

template <typename T> struct Kernels {
  int64_t (*packed_size)(const PanelShape&);
  // packs source[column * column_stride + k * depth_stride]
  void (*pack)(T* packed, const PanelShape&, const T* source, int64_t column_stride, int64_t depth_stride, int rank, int size);
  void (*rows_product)(const RowsProduct<T>&, int rank, int size);
  int64_t (*outer_scratch)(const OuterProduct<T>&, int size);
  void (*outer_product)(const OuterProduct<T>&, Team*, int rank, int size);
  Cell<T> lstm, rnn;
  void (*softmax_cross_entropy)(int64_t rows, int64_t classes, const T* logits, const int32_t* targets, T* losses, T* dlogits,
                                int rank, int size);
  void (*sigmoid)(int64_t count, const T* x, T* y);
  void (*tanh)(int64_t count, const T* x, T* y);
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
