// What crosses to the kernels of the variants: layer norm, peepholes, projection, zoneout, recurrent dropout; plain structs, no code.
//
// One direction of one layer over a whole batch, as in table.hpp. R is the number of units of h: P with a projection, else H.
#pragma once

#include "batch_table.hpp"

namespace unrolled {

// How much of a state stays as it was, old and new mixed as d * old + (1 - d) * new.
template <typename T> struct Zoneout {
  bool on;
  T rate;          // d everywhere
  const T* masks;  // d of each step, sequence and unit, (T, N, .); or null
};

// What one step of one sequence keeps, as offsets into one row of `size` numbers. Parts that a variant has no use for are those before.
struct VariantRecord {
  int64_t x;       // (G H): W_ih x + b, or norm(W_ih x); without layer norm the gates take its place
  int64_t gates;   // (slots, H)
  int64_t h;       // (G H): norm(W_hh h), with layer norm
  int64_t c;       // (H): LSTM
  int64_t c_new;   // (H): before zoneout
  int64_t c_norm;  // (H): norm(c_new), with layer norm
  int64_t scales;  // 1 / sqrt(var + 1e-5) of each norm, with layer norm
  int64_t size;
};

template <typename T> struct VariantCall {
  Batch batch;
  int64_t I, H, R;
  bool layer_norm;
  const T* panels_ih;         // weight_ih (G H, I), packed as a plain matrix
  const T* panels_hh;         // weight_hh (G H, R), likewise; a cell of two phases: the gates of each by themselves
  const T* panels_hr;         // weight_hr (R, H), likewise; or null
  const T* bias;              // (G H)
  const T* bias_hn;           // (H): GRU, reset after
  const T *gain_ih, *gain_hh; // (G H), with layer norm
  const T *gain_c, *shift_c;  // (H), with layer norm: LSTM
  const T* peephole;          // (3, H), or null: of i, f, o
  const T* x;                 // (T, N, I)
  const T *h0, *c0;           // (N, R), (N, H)
  const T* mask;              // (N, R), or null: what h is multiplied with before it meets weight_hh
  Zoneout<T> zoneout_h, zoneout_c;
  T* y;                       // fills (T, N, R); padding is left as it is
  T *h, *c;                   // (N, R), (N, H): come with h0 and c0, end with each sequence's last
  T* records;                 // fills (T, N, record) when kept, else room for (chunk, N, record)
  bool keep;
  int64_t chunk;              // steps whose input products are made at once, at most
  T* scratch;                 // forward_scratch(...) numbers
};

template <typename T> struct VariantBackCall {
  VariantCall<T> forward;     // as the forward call had it, which kept its records
  const T* panels_ih;         // weight_ih transposed, packed: (G H) -> I; null when dx is not wanted
  const T* panels_hh;         // weight_hh transposed, packed: (G H) -> R; a cell of two phases: the gates of each by themselves
  const T* panels_hr;         // weight_hr transposed, packed: R -> H; or null
  const T* dy;                // (T, N, R) or null
  T *dh, *dc;                 // (N, R), (N, H): come with the gradients of the last states, end with those of h0 and c0
  T* dx;                      // fills (T, N, I) but for padding, or null
  // Those of the parameters, of the same shapes, null where there is none; all come zero.
  T *dweight_ih, *dweight_hh, *dbias, *dbias_hn, *dgain_ih, *dgain_hh, *dgain_c, *dshift_c, *dpeephole, *dweight_hr;
  T* scratch;                 // backward_scratch(...) numbers
  const int64_t* chunk_starts;  // (chunks,), falling: where the runs of steps begin whose gradients are held at once
  int64_t chunks;
  int64_t chunk_rows;         // the most rows, steps times running sequences, of one chunk
};

template <typename T> struct Variant {
  int64_t first_gates;  // those of the first phase: all of them, but for the GRU that resets before
  VariantRecord (*record)(const VariantCall<T>&);
  int64_t (*forward_scratch)(const VariantCall<T>&, int size);
  void (*forward)(const VariantCall<T>&, Team*, int rank, int size);
  int64_t (*backward_scratch)(const VariantBackCall<T>&, int size);
  void (*backward)(const VariantBackCall<T>&, Team*, int rank, int size);
};

}  // namespace unrolled
