// The loop over time, forward, written once for every cell; the cells' equations are in lstm.hpp, gru.hpp and rnn.hpp.
#pragma once

#include "batch.hpp"
#include "gru.hpp"
#include "lstm.hpp"
#include "products.hpp"
#include "rnn.hpp"

namespace unrolled {
namespace {

// From so many products of a gate's on, tens of microseconds, each step asks whether the call goes on; else each run of steps does.
constexpr Index kLongStep = 1000000;

template <typename Cell, typename T> struct ForwardLoop {
  static constexpr int G = Cell::gates, S = Cell::slots;
  static constexpr int W = Vec<T>::width;
  using Call = ForwardCall<T>;
  template <typename Phase> using Packed = Panels<T, Phase::gates>;

  static constexpr Index kRowsAtOnce = 8 * kTileRows;  // of one step: each panel meets all of them while it is near

  // A weight (G H, depth) is packed phase by phase: where a phase's panels begin, behind those of the earlier gates.
  template <typename Phase> static UNROLLED_INLINE const T* panels_of(const T* packed, Index units, Index depth) {
    if constexpr (Phase::first_gate == 0) return packed;
    else return packed + Panels<T, Phase::first_gate>::size(units, depth);
  }
  static int64_t packed_size(int64_t units, int64_t depth) {
    int64_t numbers = 0;
    Cell::Steps::all([&](auto phase) { return numbers += Packed<decltype(phase)>::size(units, depth), true; });
    return numbers;
  }

  static void pack(T* packed, int64_t units, int64_t depth, const T* weight, int rank, int size) {
    Cell::Steps::all([&](auto phase) {
      using Phase = decltype(phase);
      const Range mine = share(Packed<Phase>::count(units), rank, size);
      T* to = packed + (panels_of<Phase>(packed, units, depth) - packed);
      return Packed<Phase>::pack(to, units, depth, weight + Phase::first_gate * units * depth, depth, 1, mine.first, mine.last), true;
    });
  }

  static UNROLLED_INLINE Part part_of(const Call& call, int rank, int size) {
    return unrolled::part_of(call.batch, Panels<T, G>::count(call.H), rank, size);
  }

  // Where one row of a tile finds what it needs and leaves what it makes.
  struct Row {
    const T* h_prev;
    const T* pre;     // W_ih x + b: a row of the token table, or of the product merged over time
    const T* c_prev;
    T* c;
    T* gates;         // null when they are not kept, nor wanted by a later phase
    T* h;             // null when it is known already
  };

  static UNROLLED_INLINE const T* h_before(const Call& call, const Place& p) {
    return p.s ? call.y + row_of(call.batch, p.s - 1, p.n) * call.y_stride : call.h0 + p.n * call.H;
  }

  // A phase of z = pre + W_hh h_prev for the rows of one tile, the panel's `number`-th, and one panel of units, then the cell.
  template <typename Phase>
  static UNROLLED_INLINE void tile(const Call& call, const Row* rows, int height, const Turn<Packed<Phase>>& turn, Index number) {
    using P = Packed<Phase>;
    const Index H = call.H;
    const auto& panel = turn.panel;
    const int NV = panel.vectors;
    Sums<T> sums;
    TileCall<T> product;
    for (int r = 0; r < height; ++r) product.row[r] = Phase::is_first ? rows[r].h_prev : rows[r].gates + Phase::source * H;
    product.row_step = 1, product.depth = H, product.adds = false;
    const T* weights = panels_of<Phase>(call.panels_hh, H, H);
    product.template multiply<P>({weights}, panel, H, 0);
    product.fetch_panel(P::at(weights, turn.after, H), turn.after.vectors * W * H, number);
    tile_product_for<T>(height, NV)(product, sums.at);
    for (int v = 0; v < panel.unit_vectors(); ++v) {
      const Index unit = panel.unit0 + v * W, lanes = least(W, H - unit);
      for (int r = 0; r < height; ++r) {
        ForwardUnits<T, Phase::gates, S> u;
        for (int k = 0; k < Phase::gates; ++k) {
          u.x[k] = load_lanes(rows[r].pre + (Phase::first_gate + k) * H + unit, lanes);
          u.h[k] = load(sums.at + (r * NV + v * Phase::gates + k) * W);
        }
        if (Cell::has_bias_hn) u.bias_hn = load_lanes(call.bias_hn + unit, lanes);
        if (Cell::has_cell) u.c_prev = load_lanes(rows[r].c_prev + unit, lanes);
        else if (Cell::has_carry) u.h_prev = load_lanes(rows[r].h_prev + unit, lanes);
        if (!Phase::is_first)
          for (int k = 0; k < S; ++k) u.kept[k] = load_lanes(rows[r].gates + k * H + unit, lanes);
        Phase::forward(u);
        if (Cell::has_cell) store_lanes(rows[r].c + unit, u.c, lanes);
        if (rows[r].gates)
          for (int k = 0; k < S; ++k)
            if (Phase::Keeps::has(k)) store_lanes(rows[r].gates + k * H + unit, u.kept[k], lanes);
        if (Phase::is_last(G) && rows[r].h) store_lanes(rows[r].h + unit, u.h_new, lanes);
      }
    }
  }

  // A phase's gates of pre = x W_ih' + bias for a part's rows of the steps [s0, s1); `to(place)` is where a row of pre goes.
  template <typename Phase, typename To>
  static UNROLLED_INLINE void project_inputs(const Call& call, const Part& part, Index s0, Index rows, To to) {
    using P = Packed<Phase>;
    const Index first = Phase::first_gate * call.H;
    const auto start = [&]() {
      return [&, walk = Walk(call.batch, part, s0)]() mutable {
        const Place p = walk.next();
        return RowPair<T>{call.x + row_of(call.batch, p.s, p.n) * call.I, to(p) + first};
      };
    };
    const Range panels = part.panels(P::count(call.H));
    const Matrix<T> weights{panels_of<Phase>(call.panels_ih, call.H, call.I)};
    rows_times_panels<P>(rows, start, weights, call.H, call.I, panels.first, panels.last, call.bias + first, call.keep_gates);
  }

  static void run(const Call& call, Team* team, int rank, int size) {
    const Batch& batch = call.batch;
    const Index H = call.H, N = batch.size, slots = S * H;
    const Part part = part_of(call, rank, size);
    const bool long_steps = N * H * H > kLongStep;
    Index checkpoint = call.chunks - 1;
    while (checkpoint >= 0 && call.chunk_starts[checkpoint] < call.first) --checkpoint;
    for (Index s0 = call.first; s0 < call.last;) {
      if (!team_goes_on(team, rank)) return;
      // Steps whose input products are made at once: enough rows to use each panel well, few enough to stay in cache.
      Index s1 = s0, rows = 0;
      while (s1 < call.last && s1 - s0 < call.chunk && (s1 == s0 || rows < 128)) rows += part.running(batch, s1++);
      const auto gates_at = [&](const Place& p) UNROLLED_LAMBDA {
        return call.gates + (call.keep_gates ? row_of(batch, p.s, p.n) : (p.s - s0) * N + p.j) * slots;
      };
      if (!call.tokens)
        Cell::Steps::all([&](auto phase) UNROLLED_LAMBDA { return project_inputs<decltype(phase)>(call, part, s0, rows, gates_at), true; });

      for (Index s = s0; s < s1; ++s) {
        if (long_steps && !team_goes_on(team, rank)) return;
        const Index running = part.running(batch, s);
        if (call.checkpoints && checkpoint >= 0 && s == call.chunk_starts[checkpoint]) {
          save_cells(call, part, call.checkpoints + checkpoint * N * H);
          --checkpoint;
        }
        const bool goes_on = Cell::Steps::all([&](auto phase) UNROLLED_LAMBDA {
          using Phase = decltype(phase);
          const Range panels = part.panels(Packed<Phase>::count(H));
          Index pass = s * ceil_div(running, kRowsAtOnce);
          for (Index first = 0; first < running; first += kRowsAtOnce) {
            const Index count = least(kRowsAtOnce, running - first);
            Row rows_[kRowsAtOnce];
            for (Index i = 0; i < count; ++i) {
              const Index j = part.first + part.stride * (first + i), n = sequence(batch, j);
              const Place p{s, n, j, 0};
              const Index row = row_of(batch, s, n);
              T* gates = gates_at(p);
              T* c = Cell::has_cell ? call.c + (call.keep_c ? row : n) * H : nullptr;
              const T* c_prev = !Cell::has_cell ? nullptr
                                : !s            ? call.c0 + n * H
                                : call.keep_c   ? call.c + row_of(batch, s - 1, n) * H
                                                : c;
              const T* pre = call.tokens ? call.token_table + Index(call.tokens[row]) * G * H : gates;
              T* kept = call.keep_gates || Cell::Steps::count > 1 ? gates : nullptr;
              rows_[i] = {h_before(call, p), pre, c_prev, c, kept, call.y + row * call.y_stride};
            }
            for_panels<Packed<Phase>>(panels, H, pass++, [&](const auto& turn) UNROLLED_LAMBDA {
              for_tiles(count, [&](int height, Index i) { tile<Phase>(call, rows_ + i, height, turn, i / kTileRows); });
            });
          }
          return !part.shares_units || team_step_barrier(team);
        });
        if (!goes_on) return;
      }
      s0 = s1;
    }
  }

  // This part's running cell states, as they stand between two steps.
  static void save_cells(const Call& call, const Part& part, T* to) {
    using P = Panels<T, G>;
    const Range panels = part.panels(P::count(call.H));
    const Index H = call.H, unit0 = P::panel(panels.first, H).unit0;
    const Index units = (panels.last < P::count(H) ? P::panel(panels.last, H).unit0 : H) - unit0;
    for (Index j = part.first; j < part.last; j += part.stride) {
      const Index at = sequence(call.batch, j) * H + unit0;
      memcpy(to + at, call.c + at, units * sizeof(T));
    }
  }
};

}  // namespace
}  // namespace unrolled
