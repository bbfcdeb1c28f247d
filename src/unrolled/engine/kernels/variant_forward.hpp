// The loop over time of the variants, forward; the plain cells' faster one is forward.hpp.
//
// A step is products of rows with packed weights, and between them the cell's functions, each over a row of units: layer norm needs
// whole rows, so the tile's sums go through memory, which stays in the first cache.
#pragma once

#include "variant.hpp"

namespace unrolled {
namespace {

template <typename Cell, typename T> struct VariantForward {
  static constexpr int G = Cell::gates, S = Cell::slots, first_G = first_gates<Cell>();
  using Call = VariantCall<T>;
  using P = Panels<T, 1>;

  // A stretch of memory of each thread's own: rows of one step.
  static Index room_row(const Call& call) { return G * call.H + call.H + 2 * call.R; }
  static int64_t scratch_numbers(const Call& call, int size) { return size * kVariantRows * room_row(call); }

  struct Row {
    Index n, row;       // the sequence; the row of (T, N)
    T* record;
    const T* h_prev;    // h of the step before, and what of it the weights see
    const T* h_masked;
    T* sums;            // (G H): W_hh h, or norm(W_hh h)
    T *out, *projected; // (H), (R): what the cell makes; h before zoneout
  };

  // What reaches gate k from x and from h, in one register of units.
  static UNROLLED_INLINE Vec<T> of_x(const Call& call, const VariantRecord& at, const Row& row, int k, Index unit, Index lanes) {
    const Index column = k * call.H + unit;
    const Vec<T> x = load_lanes(row.record + at.x + column, lanes);
    if (!call.layer_norm) return x;  // W_ih x + b
    return fma(load_lanes(call.gain_ih + column, lanes), x, load_lanes(call.bias + column, lanes));
  }
  static UNROLLED_INLINE Vec<T> of_h(const Call& call, const Row& row, int k, Index unit, Index lanes) {
    const Index column = k * call.H + unit;
    const Vec<T> h = load_lanes(row.sums + column, lanes);
    return call.layer_norm ? load_lanes(call.gain_hh + column, lanes) * h : h;
  }

  static void normalise_sums(const Call& call, const VariantRecord& at, const Row& row) {
    for_norms<Cell>(call.H, [&](int number, Index first, Index count) UNROLLED_LAMBDA {
      row.record[at.scales + kScalesX + number] = normalise(row.record + at.x + first, count);
      row.record[at.scales + kScalesH + number] = normalise(row.sums + first, count);
    });
  }

  // The numbers are those of lstm.hpp. c_new is (4)'s c, before zoneout.
  static void lstm(const Call& call, const VariantRecord& at, const Row& row) {
    const Index H = call.H;
    T *gates = row.record + at.gates, *c_new = row.record + at.c_new, *c_norm = row.record + at.c_norm, *c = call.c + row.n * H;
    const auto z = [&](int k, Index unit, Index lanes) UNROLLED_LAMBDA {
      return of_x(call, at, row, k, unit, lanes) + of_h(call, row, k, unit, lanes);
    };
    for_vectors<T>(H, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      const Vec<T> c_prev = load_lanes(c + unit, lanes);
      Vec<T> z_i = z(0, unit, lanes), z_f = z(1, unit, lanes);
      if (call.peephole) {
        z_i = fma(load_lanes(call.peephole + unit, lanes), c_prev, z_i);
        z_f = fma(load_lanes(call.peephole + H + unit, lanes), c_prev, z_f);
      }
      const Vec<T> f = sigmoid(z_f), i = sigmoid(z_i), g = tanh(z(2, unit, lanes));  // (1) (2) (3)
      store_lanes(c_new + unit, fma(f, c_prev, i * g), lanes);                       // (4)
      store_lanes(gates + unit, i, lanes), store_lanes(gates + H + unit, f, lanes), store_lanes(gates + 2 * H + unit, g, lanes);
    });
    if (call.layer_norm) {
      memcpy(c_norm, c_new, H * sizeof(T));
      row.record[at.scales + kScaleC] = normalise(c_norm, H);
    }
    for_vectors<T>(H, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      const Vec<T> made = load_lanes(c_new + unit, lanes), c_prev = load_lanes(c + unit, lanes);
      Vec<T> z_o = z(3, unit, lanes), inner = made, left = made;
      if (call.peephole) z_o = fma(load_lanes(call.peephole + 2 * H + unit, lanes), made, z_o);
      if (call.layer_norm)
        inner = fma(load_lanes(call.gain_c + unit, lanes), load_lanes(c_norm + unit, lanes), load_lanes(call.shift_c + unit, lanes));
      const Vec<T> o = sigmoid(z_o);                               // (5)
      store_lanes(row.out + unit, o * tanh(inner), lanes);         // (6)
      if (call.zoneout_c.on) left = fma(staying(call.zoneout_c, row.row * H + unit, lanes), c_prev - made, made);
      store_lanes(gates + 3 * H + unit, o, lanes);
      store_lanes(row.record + at.c + unit, left, lanes), store_lanes(c + unit, left, lanes);
    });
  }

  // A phase of another cell, by its own function.
  template <typename Phase> static void phase(const Call& call, const VariantRecord& at, const Row& row) {
    const Index H = call.H;
    T* gates = row.record + at.gates;
    for_vectors<T>(H, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      ForwardUnits<T, Phase::gates, S> u;
      for (int k = 0; k < Phase::gates; ++k) {
        u.x[k] = of_x(call, at, row, Phase::first_gate + k, unit, lanes);
        u.h[k] = of_h(call, row, Phase::first_gate + k, unit, lanes);
      }
      if (Cell::has_bias_hn) u.bias_hn = load_lanes(call.bias_hn + unit, lanes);
      // a phase that is not the last resets h for the weights, the last one mixes h itself
      if (Cell::has_carry) u.h_prev = load_lanes((Phase::is_last(G) ? row.h_prev : row.h_masked) + unit, lanes);
      if (!Phase::is_first)
        for (int k = 0; k < S; ++k) u.kept[k] = load_lanes(gates + k * H + unit, lanes);
      Phase::forward(u);
      if (!Cell::has_carry) u.kept[0] = u.h_new;
      for (int k = 0; k < S; ++k)
        if (Phase::Keeps::has(k)) store_lanes(gates + k * H + unit, u.kept[k], lanes);
      if (Phase::is_last(G)) store_lanes(row.out + unit, u.h_new, lanes);
    });
  }

  // One step of some rows.
  static void step(const Call& call, const VariantRecord& at, Row* rows, Index count) {
    const Index H = call.H, R = call.R;
    RowPair<T> pairs[kVariantRows];
    Cell::Steps::all([&](auto p) UNROLLED_LAMBDA {
      using Phase = decltype(p);
      for (Index i = 0; i < count; ++i)
        pairs[i] = {Phase::is_first ? rows[i].h_masked : rows[i].record + at.gates + Phase::source * H, rows[i].sums + Phase::first_gate * H};
      const T* panels = Phase::is_first ? call.panels_hh : call.panels_hh + P::size(first_G * H, R);
      multiply(pairs, count, panels, Phase::gates * H, R);
      for (Index i = 0; i < count; ++i) {
        if (call.layer_norm) normalise_sums(call, at, rows[i]);
        if constexpr (Cell::has_cell) lstm(call, at, rows[i]);
        else phase<Phase>(call, at, rows[i]);
      }
      return true;
    });
    if (call.panels_hr) {
      for (Index i = 0; i < count; ++i) pairs[i] = {rows[i].out, rows[i].projected};
      multiply(pairs, count, call.panels_hr, R, H);
    }
    for (Index i = 0; i < count; ++i) {
      const Row& row = rows[i];
      const T* made = call.panels_hr ? row.projected : row.out;
      for_vectors<T>(R, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
        Vec<T> h = load_lanes(made + unit, lanes);
        if (call.zoneout_h.on) h = fma(staying(call.zoneout_h, row.row * R + unit, lanes), load_lanes(row.h_prev + unit, lanes) - h, h);
        store_lanes(call.y + row.row * R + unit, h, lanes), store_lanes(call.h + row.n * R + unit, h, lanes);
      });
    }
  }

  static void run(const Call& call, Team* team, int rank, int size) {
    const Batch& batch = call.batch;
    const Index H = call.H, R = call.R, N = batch.size, room = room_row(call);
    const VariantRecord at = record_of<Cell>(call);
    const Part part = sequences_of(batch, rank, size);
    T* scratch = call.scratch + rank * kVariantRows * room;
    for (Index s0 = 0; s0 < batch.steps;) {
      if (!team_goes_on(team, rank)) return;
      // Steps whose input products are made at once: enough rows to use each panel well, few enough to stay in cache.
      Index s1 = s0, rows = 0;
      while (s1 < batch.steps && s1 - s0 < call.chunk && (s1 == s0 || rows < 128)) rows += part.running(batch, s1++);
      const auto record = [&](const Place& p) UNROLLED_LAMBDA {
        return call.records + (call.keep ? row_of(batch, p.s, p.n) : (p.s - s0) * N + p.j) * at.size;
      };
      const auto start = [&]() {
        return [&, walk = Walk(batch, part, s0)]() mutable {
          const Place p = walk.next();
          return RowPair<T>{call.x + row_of(batch, p.s, p.n) * call.I, record(p) + at.x};
        };
      };
      rows_times_panels<P>(rows, start, Matrix<T>{call.panels_ih}, G * H, call.I, 0, P::count(G * H), call.layer_norm ? nullptr : call.bias, true);

      for (Index s = s0; s < s1; ++s)
        for (Index first = 0, running = part.running(batch, s); first < running; first += kVariantRows) {
          const Index count = least(kVariantRows, running - first);
          Row step_rows[kVariantRows];
          for (Index i = 0; i < count; ++i) {
            const Index j = part.first + part.stride * (first + i), n = sequence(batch, j);
            T* own = scratch + i * room;
            T* masked = own + G * H + H + R;
            const T* h_prev = call.h + n * R;
            if (call.mask)
              for_vectors<T>(R, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
                store_lanes(masked + unit, load_lanes(h_prev + unit, lanes) * load_lanes(call.mask + n * R + unit, lanes), lanes);
              });
            T* kept = record({s, n, j, 0});
            step_rows[i] = {n,   row_of(batch, s, n),  kept, h_prev, call.mask ? masked : h_prev, call.layer_norm ? kept + at.h : own,
                            own + G * H, own + G * H + H};
          }
          step(call, at, step_rows, count);
        }
      s0 = s1;
    }
  }
};

}  // namespace
}  // namespace unrolled
