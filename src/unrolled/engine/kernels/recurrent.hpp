// The loop over time, forward and backward, written once for every cell; the cells' equations are in lstm.hpp and rnn.hpp.
//
// Threads share the batch where every one gets a tile's worth of rows: then none waits for another inside the forward loop. Where
// the batch is small they share the hidden units, with a barrier a step. Both give the same bits: every number is one chain of fma.
#pragma once

#include "lstm.hpp"
#include "products.hpp"
#include "rnn.hpp"

namespace unrolled {
namespace {

// What one thread computes of each step: rows [n0, n1), and of those the panels [panel0, panel1).
struct Part {
  Index n0, n1, panel0, panel1;
  bool shares_units;
};
inline Part part_of(Index batch, Index panels, int rank, int size) {
  if (size == 1) return {0, batch, 0, panels, false};
  if (batch >= Index(size) * kTileRows || panels < size) {
    const Range rows = share(batch, rank, size);
    return {rows.first, rows.last, 0, panels, false};
  }
  const Range mine = share(panels, rank, size);
  return {0, batch, mine.first, mine.last, true};
}

template <typename Cell, typename T> struct Loop {
  static constexpr int G = Cell::gates;
  static constexpr int W = Vec<T>::width;
  using Units = Panels<T, G>;  // forward: the gates of a few vectors of units
  using Flat = Panels<T, 1>;   // backward: plain columns

  // One tile of one step forward: z = pre + W_hh h_prev, then the cell.
  template <int R>
  static UNROLLED_INLINE void forward_tile(const ForwardCall<T>& call, Index t, Index n, Index panel, const T* h_prev, T* h, T* gates,
                                           const T* c_prev, T* c) {
    const Index H = call.H;
    Vec<T> acc[R][kTileVectors];
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < kTileVectors; ++v) acc[r][v] = broadcast(T(0));
    multiply(acc, h_prev + n * H, H, Index(1), Units::at(call.panels_hh, panel, H), H);
    for (int r = 0; r < R; ++r) {
      const Index row = n + r;
      // what the input adds to the gates: a row of the token table, or of the product merged over time
      const T* pre = call.tokens ? call.token_table + Index(call.tokens[t * call.N + row]) * G * H : gates + row * G * H;
      for (int u = 0; u < Units::unit_vectors; ++u) {
        const Index unit = panel * Units::units_per_panel + u * W, lanes = least(W, H - unit);
        if (lanes <= 0) break;
        Vec<T> z[G];
        for (int k = 0; k < G; ++k) z[k] = acc[r][u * G + k] + load_lanes(pre + k * H + unit, lanes);
        Vec<T> c_new{}, h_new;
        if (Cell::has_cell) c_new = load_lanes(c_prev + row * H + unit, lanes);
        Cell::forward(z, c_new, h_new);
        if (Cell::has_cell) store_lanes(c + row * H + unit, c_new, lanes);
        if (Cell::keeps_gates && call.keep)
          for (int k = 0; k < G; ++k) store_lanes(gates + row * G * H + k * H + unit, z[k], lanes);
        store_lanes(h + row * H + unit, h_new, lanes);
      }
    }
  }

  static void forward(const ForwardCall<T>& call, Team* team, int rank, int size) {
    const Index N = call.N, H = call.H, steps = call.T_;
    const Part part = part_of(N, Units::count(H), rank, size);
    // Steps whose input products are made at once: enough rows to use each panel well, few enough to stay in cache.
    const Index chunk = least(call.ring, most(1, ceil_div(128, most(1, part.n1 - part.n0))));
    for (Index t0 = 0; t0 < steps; t0 += chunk) {
      if (!team_goes_on(team, rank)) return;
      const Index t1 = least(steps, t0 + chunk);
      if (!call.tokens) project_inputs(call, part, t0, t1);
      for (Index t = t0; t < t1; ++t) {
        const T* h_prev = t ? call.y + (t - 1) * N * H : call.h0;
        T* gates = call.gates + (t % call.ring) * N * G * H;
        T* c = call.keep ? call.c + t * N * H : call.c;
        const T* c_prev = !t ? call.c0 : call.keep ? c - N * H : c;
        for (Index panel = part.panel0; panel < part.panel1; ++panel)
          for_tiles(part.n0, part.n1, [=](auto rows, Index n) UNROLLED_LAMBDA {
            forward_tile<decltype(rows)::count>(call, t, n, panel, h_prev, call.y + t * N * H, gates, c_prev, c);
          });
        if (part.shares_units && !team_barrier(team)) return;
      }
    }
  }

  // gates[t0 ... t1) = x W_ih' + bias for this thread's rows and panels
  static void project_inputs(const ForwardCall<T>& call, const Part& part, Index t0, Index t1) {
    const Index N = call.N, I = call.I, H = call.H, row = G * H;
    const Index slot0 = t0 % call.ring, run = part.n1 - part.n0 == N && slot0 + (t1 - t0) <= call.ring ? t1 - t0 : 1;
    for (Index panel = part.panel0; panel < part.panel1; ++panel)
      for (Index t = t0; t < t1; t += run)
        rows_times_panels<G>(call.x + t * N * I, I, part.n0, part.n0 + (run - 1) * N + part.n1 - part.n0, call.panels_ih, H, I, panel,
                             panel + 1, call.bias, call.gates + (t % call.ring) * N * row, row);
  }

  // One tile of one step backward: dh = dy + dz_next W_hh, then the cell. `dz_next` is null at the last step.
  template <int R>
  static UNROLLED_INLINE void backward_tile(const BackwardCall<T>& call, Index t, Index n, Index panel, Index dz_row, const T* dz_next,
                                            T* dz_out) {
    const Index N = call.N, H = call.H;
    Vec<T> acc[R][kTileVectors];
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < kTileVectors; ++v) acc[r][v] = broadcast(T(0));
    if (dz_next) multiply(acc, dz_next + n * dz_row, dz_row, Index(1), Flat::at(call.panels_hh, panel, G * H), G * H);
    for (int r = 0; r < R; ++r) {
      const Index row = n + r;
      for (int v = 0; v < kTileVectors; ++v) {
        const Index unit = panel * Flat::units_per_panel + v * W, lanes = least(W, H - unit);
        if (lanes <= 0) break;
        const Index at = row * H + unit;
        Vec<T> dh = acc[r][v];
        if (!dz_next && call.dh_last) dh = load_lanes(call.dh_last + at, lanes);
        if (t < 0) {  // before the first step: what is left is the gradient of h0
          store_lanes(call.dh0 + at, dh, lanes);
          continue;
        }
        if (call.dy) dh = dh + load_lanes(call.dy + t * N * H + at, lanes);
        Vec<T> gate[G], dz[G], dc{}, c_prev{}, c{}, h{};
        if (Cell::keeps_gates)
          for (int k = 0; k < G; ++k) gate[k] = load_lanes(call.gates + (t * N + row) * G * H + k * H + unit, lanes);
        else h = load_lanes(call.y + t * N * H + at, lanes);
        if (Cell::has_cell) {
          dc = load_lanes(call.dc + at, lanes);
          c = load_lanes(call.c + t * N * H + at, lanes);
          c_prev = load_lanes((t ? call.c + (t - 1) * N * H : call.c0) + at, lanes);
        }
        Cell::backward(dh, dc, gate, c_prev, c, h, dz);
        if (Cell::has_cell) store_lanes(call.dc + at, dc, lanes);
        for (int k = 0; k < G; ++k) store_lanes(dz_out + row * dz_row + k * H + unit, dz[k], lanes);
      }
    }
  }

  struct Scratch {
    Index row;                            // from one row of dz to the next
    Index dz, x_panels, h_panels, outer;  // numbers in each part; the last once for each thread
    Index total(int size) const { return dz + x_panels + h_panels + outer * size; }
  };
  static Scratch scratch_of(const BackwardCall<T>& call) {
    const Index rows = call.chunk * call.N;
    // An odd number of cache lines from row to row: with a power of two, a column would sit in a few sets of the cache.
    const Index line = 64 / Index(sizeof(T)), row = (ceil_div(G * call.H, line) | 1) * line;
    return {row, (call.chunk + 1) * call.N * row, call.tokens ? 0 : Flat::size(call.I, rows), Flat::size(call.H, rows),
            outer_scratch_numbers(rows)};
  }
  static int64_t backward_scratch(const BackwardCall<T>& call, int size) { return scratch_of(call).total(size); }

  static void backward(const BackwardCall<T>& call, Team* team, int rank, int size) {
    const Index N = call.N, H = call.H, I = call.I;
    const Scratch sizes = scratch_of(call);
    T* dz = call.scratch;  // (chunk + 1, N, row): the chunk's steps, then a copy of the first step of the chunk after it
    T* x_panels = dz + sizes.dz;
    T* h_panels = x_panels + sizes.x_panels;
    T* outer = h_panels + sizes.h_panels + rank * sizes.outer;
    const Part part = part_of(N, Flat::count(H), rank, size);
    const Index row = sizes.row, step = N * row;

    for (Index t1 = call.T_; t1 > 0; t1 -= call.chunk) {
      const Index t0 = most(0, t1 - call.chunk), rows = (t1 - t0) * N;
      if (!team_goes_on(team, rank)) return;
      // this thread's share of the chunk's h_prev and x, as panels; h_prev of the first step is h0
      const Range of_h = share(Flat::count(H), rank, size), of_x = share(Flat::count(I), rank, size);
      const Index from_h0 = t0 ? 0 : N;
      pack_rows(h_panels, call.h0, H, from_h0, 0, rows, of_h.first, of_h.last);
      pack_rows(h_panels, call.y + (t0 ? t0 - 1 : 0) * N * H, H, rows - from_h0, from_h0, rows, of_h.first, of_h.last);
      if (!call.tokens) pack_rows(x_panels, call.x + t0 * N * I, I, rows, 0, rows, of_x.first, of_x.last);

      for (Index t = t1 - 1; t >= t0; --t) {
        const T* dz_next = t + 1 == call.T_ ? nullptr : dz + (t + 1 == t1 ? call.chunk : t + 1 - t0) * step;
        backward_step(call, part, t, row, dz_next, dz + (t - t0) * step);
        if (part.shares_units && t > t0 && !team_barrier(team)) return;
      }
      if (!team_barrier(team)) return;

      // Sums over the chunk's rows. Threads share the rows of each result, never a sum: the bits do not depend on their number.
      const Range mine = share(G * H, rank, size);
      add_outer(dz, row, rows, mine.first, mine.last, h_panels, H, call.dweight_hh, H, outer);
      if (call.tokens) {
        add_token_rows(call, t0, rows, dz, row, mine);
      } else {
        add_outer(dz, row, rows, mine.first, mine.last, x_panels, I, call.dweight_ih, I, outer);
        add_column_sums(dz, row, rows, mine.first, mine.last, call.dbias);
      }
      if (call.dx) {
        const Range of_rows = share(rows, rank, size);
        rows_times_panels<1>(dz, row, of_rows.first, of_rows.last, call.panels_ih, I, G * H, 0, Flat::count(I),
                             static_cast<const T*>(nullptr), call.dx + t0 * N * I, I);
      }
      const Range copied = share(step, rank, size);
      memcpy(dz + call.chunk * step + copied.first, dz + copied.first, (copied.last - copied.first) * sizeof(T));
      if (!team_barrier(team)) return;
    }
    backward_step(call, part, -1, row, call.T_ ? dz + call.chunk * step : nullptr, nullptr);
  }

  static void backward_step(const BackwardCall<T>& call, const Part& part, Index t, Index dz_row, const T* dz_next, T* dz_out) {
    for (Index panel = part.panel0; panel < part.panel1; ++panel)
      for_tiles(part.n0, part.n1, [=](auto rows, Index n) UNROLLED_LAMBDA {
        backward_tile<decltype(rows)::count>(call, t, n, panel, dz_row, dz_next, dz_out);
      });
  }

  // dtoken_table[token] += dz, row by row: the gradient of a look-up
  static void add_token_rows(const BackwardCall<T>& call, Index t0, Index rows, const T* dz, Index row, Range mine) {
    for (Index k = 0; k < rows; ++k) {
      T* sum = call.dtoken_table + Index(call.tokens[t0 * call.N + k]) * G * call.H;
      for (Index m = mine.first; m < mine.last; m += W) {
        const Index lanes = least(W, mine.last - m);
        store_lanes(sum + m, load_lanes(sum + m, lanes) + load_lanes(dz + k * row + m, lanes), lanes);
      }
    }
  }
};

}  // namespace
}  // namespace unrolled
