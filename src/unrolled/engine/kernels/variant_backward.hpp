// One step of the variants backward, for some rows; the loop over time and the sums over it are variant_sums.hpp's.
#pragma once

#include "variant_forward.hpp"

namespace unrolled {
namespace {

// Where one row of a chunk keeps its gradients, as offsets into a row of `size` numbers.
template <typename Cell, typename T> struct VariantGradients {
  Index dz;     // (G H): of the gates' sums, as x reaches them
  Index dq;     // (G H): as h reaches them, before the norm; the GRU that resets after has another for n
  Index dx;     // (G H): of W_ih x
  Index dh;     // (G H): of W_hh h
  Index dinner; // (H): of gain_c norm(c) + shift_c
  Index u;      // (H): o tanh(c), what the projection takes
  Index dp;     // (R): of the projection
  Index h;      // (R): h of the step before as the weights see it, with a mask
  Index size;   // an odd number of cache lines: with a power of two, a column would sit in a few sets of the cache

  static constexpr bool resets_after = Cell::has_bias_hn;
  explicit VariantGradients(const VariantCall<T>& call) {
    const Index H = call.H, GH = Cell::gates * H, norms = call.layer_norm ? GH : 0, line = 64 / Index(sizeof(T));
    dz = 0;
    dq = resets_after ? GH : dz;
    dx = call.layer_norm ? dq + GH : dz;
    dh = call.layer_norm ? dx + GH : dq;
    dinner = dq + GH + 2 * norms;
    u = dinner + (Cell::has_cell ? H : 0);
    dp = u + (call.panels_hr ? H : 0);
    h = dp + (call.panels_hr ? call.R : 0);
    size = (ceil_div(h + (call.mask ? call.R : 0), line) | 1) * line;
  }
};

template <typename Cell, typename T> struct VariantBackward {
  static constexpr int G = Cell::gates, S = Cell::slots, first_G = first_gates<Cell>();
  using Call = VariantBackCall<T>;
  using Gradients = VariantGradients<Cell, T>;
  using P = Panels<T, 1>;

  // For each thread, rows of one step: dh of what the cell made; the gradient of h as the weights see it; and of c, after its norm.
  static Index room_row(const VariantCall<T>& f) { return 2 * f.H + f.R; }

  struct Row {
    Index n, row;  // the sequence; the row of (T, N)
    const T* record;
    T* gradients;
    const T *h_prev, *c_prev;
    T *dout, *dmasked, *dc_new;
  };

  // dh of what the cell made, or its projection, from all that reaches h; what zoneout passes on stays in dh.
  static void through_zoneout(const Call& call, const Gradients& at, const Row& row) {
    const VariantCall<T>& f = call.forward;
    const Index R = f.R;
    T *dh = call.dh + row.n * R, *dmade = f.panels_hr ? row.gradients + at.dp : row.dout;
    for_vectors<T>(R, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      Vec<T> all = load_lanes(dh + unit, lanes), stays = broadcast(T(0));
      if (call.dy) all = all + load_lanes(call.dy + row.row * R + unit, lanes);
      // forward: h = d h_prev + (1 - d) h_new
      if (f.zoneout_h.on) stays = all * staying(f.zoneout_h, row.row * R + unit, lanes);
      store_lanes(dmade + unit, all - stays, lanes), store_lanes(dh + unit, stays, lanes);
      if (f.mask)
        store_lanes(row.gradients + at.h + unit, load_lanes(f.mask + row.n * R + unit, lanes) * load_lanes(row.h_prev + unit, lanes), lanes);
    });
  }

  static void lstm(const Call& call, const VariantRecord& kept, const Gradients& at, const Row& row) {
    const VariantCall<T>& f = call.forward;
    const Index H = f.H;
    const T *gates = row.record + kept.gates, *c_new = row.record + kept.c_new, *c_norm = row.record + kept.c_norm;
    T *dz = row.gradients + at.dz, *dc = call.dc + row.n * H, *dinner = row.gradients + at.dinner;
    const Vec<T> one = broadcast(T(1));
    for_vectors<T>(H, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      const Vec<T> o = load_lanes(gates + 3 * H + unit, lanes), dout = load_lanes(row.dout + unit, lanes);
      Vec<T> inner = load_lanes(c_new + unit, lanes);
      if (f.layer_norm)
        inner = fma(load_lanes(f.gain_c + unit, lanes), load_lanes(c_norm + unit, lanes), load_lanes(f.shift_c + unit, lanes));
      const Vec<T> squashed = tanh(inner);
      // forward (6): h = o * tanh(c)
      store_lanes(dz + 3 * H + unit, dout * squashed * o * (one - o), lanes);        // (7)
      store_lanes(dinner + unit, dout * o * (one - squashed * squashed), lanes);
      if (f.panels_hr) store_lanes(row.gradients + at.u + unit, o * squashed, lanes);
    });
    const T* dc_new = dinner;
    if (f.layer_norm) normalise_back(dinner, f.gain_c, c_norm, row.record[kept.scales + kScaleC], H, row.dc_new), dc_new = row.dc_new;
    for_vectors<T>(H, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      const Vec<T> i = load_lanes(gates + unit, lanes), f_ = load_lanes(gates + H + unit, lanes), g = load_lanes(gates + 2 * H + unit, lanes);
      const Vec<T> c_prev = load_lanes(row.c_prev + unit, lanes), carried = load_lanes(dc + unit, lanes);
      Vec<T> stays = broadcast(T(0));
      // forward: c = d c_prev + (1 - d) c_new
      if (f.zoneout_c.on) stays = carried * staying(f.zoneout_c, row.row * H + unit, lanes);
      Vec<T> dmade = load_lanes(dc_new + unit, lanes) + (carried - stays);
      if (f.peephole) dmade = fma(load_lanes(f.peephole + 2 * H + unit, lanes), load_lanes(dz + 3 * H + unit, lanes), dmade);
      // forward (4): c_new = f * c_prev + i * g
      const Vec<T> dz_g = dmade * i * (one - g * g);             // (8)
      const Vec<T> dz_i = dmade * g * i * (one - i);             // (9)
      const Vec<T> dz_f = dmade * c_prev * f_ * (one - f_);      // (10)
      Vec<T> dc_prev = fma(dmade, f_, stays);                    // (20)
      if (f.peephole) {
        dc_prev = fma(load_lanes(f.peephole + unit, lanes), dz_i, dc_prev);
        dc_prev = fma(load_lanes(f.peephole + H + unit, lanes), dz_f, dc_prev);
      }
      store_lanes(dz + unit, dz_i, lanes), store_lanes(dz + H + unit, dz_f, lanes), store_lanes(dz + 2 * H + unit, dz_g, lanes);
      store_lanes(dc + unit, dc_prev, lanes);
    });
  }

  // A phase of another cell, by its own function; what passes the products is added to dh, or where the mask stands in its way to dmasked.
  template <typename Phase> static void phase(const Call& call, const VariantRecord& kept, const Gradients& at, const Row& row) {
    const Index H = call.forward.H;
    const T* gates = row.record + kept.gates;
    T *dz = row.gradients + at.dz, *dq = row.gradients + at.dq, *dh = call.dh + row.n * H;
    for_vectors<T>(H, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      BackwardUnits<T, S> u;
      if (Phase::is_first) u.dh = load_lanes(row.dout + unit, lanes);
      else u.ds = load_lanes(row.dmasked + unit, lanes);
      for (int k = 0; k < S; ++k) u.kept[k] = load_lanes(gates + k * H + unit, lanes);
      u.h = u.kept[0], u.carry = broadcast(T(0));
      u.h_prev = load_lanes((Phase::is_first ? row.h_prev : masked(call, at, row)) + unit, lanes);
      Phase::backward(u);
      for (int k = 0; k < G; ++k)
        if (Phase::Fills::has(k)) store_lanes(dz + k * H + unit, u.dz[k], lanes);
      if (Gradients::resets_after) {
        for (int k = 0; k < 2; ++k) store_lanes(dq + k * H + unit, u.dz[k], lanes);
        store_lanes(dq + 2 * H + unit, u.dz[3], lanes);
      }
      if (!Cell::has_carry) return;
      T* to = Phase::is_first ? dh : row.dmasked;
      store_lanes(to + unit, Phase::is_first ? load_lanes(dh + unit, lanes) + u.carry : u.carry, lanes);
    });
  }
  static UNROLLED_INLINE const T* masked(const Call& call, const Gradients& at, const Row& row) {
    return call.forward.mask ? row.gradients + at.h : row.h_prev;
  }

  static void normalise_sums_back(const Call& call, const VariantRecord& kept, const Gradients& at, const Row& row) {
    const VariantCall<T>& f = call.forward;
    T* own = row.gradients;
    for_norms<Cell>(f.H, [&](int number, Index first, Index count) UNROLLED_LAMBDA {
      const T* scales = row.record + kept.scales + number;
      normalise_back(own + at.dz + first, f.gain_ih + first, row.record + kept.x + first, scales[kScalesX], count, own + at.dx + first);
      normalise_back(own + at.dq + first, f.gain_hh + first, row.record + kept.h + first, scales[kScalesH], count, own + at.dh + first);
    });
  }

  // One step of some rows.
  static void step(const Call& call, const VariantRecord& kept, const Gradients& at, const Row* rows, Index count) {
    const VariantCall<T>& f = call.forward;
    const Index H = f.H, R = f.R;
    RowPair<T> pairs[kVariantRows];
    for (Index i = 0; i < count; ++i) through_zoneout(call, at, rows[i]);
    if (f.panels_hr) {
      for (Index i = 0; i < count; ++i) pairs[i] = {rows[i].gradients + at.dp, rows[i].dout};
      multiply(pairs, count, call.panels_hr, H, R);
    }
    Cell::Steps::all([&](auto p) UNROLLED_LAMBDA {
      using Phase = decltype(p);
      if (!Phase::is_first) {  // ds, the gradient of its source
        for (Index i = 0; i < count; ++i) pairs[i] = {rows[i].gradients + at.dz + Phase::first_gate * H, rows[i].dmasked};
        multiply(pairs, count, call.panels_hh + P::size(R, first_G * H), R, Phase::gates * H);
      }
      for (Index i = 0; i < count; ++i) {
        if constexpr (Cell::has_cell) lstm(call, kept, at, rows[i]);
        else phase<Phase>(call, kept, at, rows[i]);
      }
      return true;
    });
    if (f.layer_norm)
      for (Index i = 0; i < count; ++i) normalise_sums_back(call, kept, at, rows[i]);
    // what reaches h through the first phase's weights; a later phase has left there what passes its reset gate
    if (Cell::Steps::count > 1)
      for (Index i = 0; i < count; ++i) add_masked(call, rows[i]);
    for (Index i = 0; i < count; ++i) pairs[i] = {rows[i].gradients + at.dh, rows[i].dmasked};
    multiply(pairs, count, call.panels_hh, R, first_G * H);
    for (Index i = 0; i < count; ++i) add_masked(call, rows[i]);
  }

  // dh += mask * dmasked
  static void add_masked(const Call& call, const Row& row) {
    const Index R = call.forward.R;
    T* dh = call.dh + row.n * R;
    for_vectors<T>(R, [&](Index unit, Index lanes) UNROLLED_LAMBDA {
      Vec<T> more = load_lanes(row.dmasked + unit, lanes);
      if (call.forward.mask) more = more * load_lanes(call.forward.mask + row.n * R + unit, lanes);
      store_lanes(dh + unit, load_lanes(dh + unit, lanes) + more, lanes);
    });
  }
};

}  // namespace
}  // namespace unrolled
