// The loop over time, backward, written once for every cell: chunk by chunk, each followed by the sums over its rows.
#pragma once

#include "forward.hpp"

namespace unrolled {
namespace {

constexpr Index kNearBytes = Index(1) << 20;  // a core's L2, or about that

template <typename Cell, typename T> struct BackwardLoop {
  static constexpr int G = Cell::gates, S = Cell::slots;
  static constexpr int W = Vec<T>::width;
  using Call = BackwardCall<T>;
  using Forward = ForwardLoop<Cell, T>;
  using P = Panels<T, 1>;
  static constexpr bool keeps_gates = Cell::has_carry;  // an RNN's gate is its y

  // One stretch of memory, in this order; the last part once for each thread.
  struct Scratch {
    Index row;  // from one row of dz to the next
    Index sums;  // likewise of the sums for the weights' gradients
    Index dz, dz_after, zeros, sums_x, sums_h, gates, c, outer;
    Index total(int size) const { return dz + dz_after + zeros + sums_x + sums_h + gates + c + outer * size; }
  };
  static Scratch scratch_of(const Call& call) {
    const ForwardCall<T>& f = call.forward;
    const Index rows = call.chunk_rows, H = f.H;
    // An odd number of cache lines from row to row: with a power of two, a column would sit in a few sets of the cache.
    const Index line = 64 / Index(sizeof(T)), row = (ceil_div(S * H, line) | 1) * line;
    const Index cells = Cell::has_cell && !f.keep_c ? rows * H : 0;
    const Index sums = ceil_div(G * H, line) * line;
    return {row,
            sums,
            rows * row + line,  // add_outer reads up to a vector beyond the last row: not of dz_after, which others write then
            f.batch.size * row,
            row,
            f.tokens ? 0 : (f.I + 1) * sums,
            (H + Cell::has_bias_hn) * sums,
            keeps_gates && !f.keep_gates ? rows * S * H : 0,
            ceil_div(cells, line) * line,
            outer_scratch_numbers(rows)};
  }
  static int64_t scratch_numbers(const Call& call, int size) { return scratch_of(call).total(size); }

  struct Room {
    Index row, sums;
    T *dz, *dz_after, *zeros;
    T *sums_x, *sums_h;  // the weights' gradients transposed: dW_ih' and below it db; dW_hh' and, where there is one, db_hn
    T *gates, *c, *outer;
  };
  static Room room_of(const Call& call, int rank) {
    const Scratch size = scratch_of(call);
    Room room;
    room.row = size.row, room.sums = size.sums;
    T* next = call.scratch;
    const auto take = [&](Index numbers) {
      T* here = next;
      next += numbers;
      return here;
    };
    room.dz = take(size.dz), room.dz_after = take(size.dz_after), room.zeros = take(size.zeros);
    room.sums_x = take(size.sums_x), room.sums_h = take(size.sums_h);
    room.gates = take(size.gates), room.c = take(size.c);
    room.outer = take(size.outer * (rank + 1)) + size.outer * rank;
    return room;
  }

  // The steps [s0, s1) that are held at once.
  struct Chunk {
    Index s0, s1, rows;
    const T* c_before;  // c before step s0, where cells are not kept
    bool far;           // what the forward pass kept is more than the near caches hold
  };

  static UNROLLED_INLINE const T* gates_at(const Call& call, const Room& room, const Place& p) {
    const ForwardCall<T>& f = call.forward;
    return f.keep_gates ? f.gates + row_of(f.batch, p.s, p.n) * S * f.H : room.gates + p.at * S * f.H;
  }
  static UNROLLED_INLINE const T* c_at(const Call& call, const Room& room, const Place& p) {
    const ForwardCall<T>& f = call.forward;
    return f.keep_c ? f.c + row_of(f.batch, p.s, p.n) * f.H : room.c + p.at * f.H;
  }
  static UNROLLED_INLINE const T* c_before(const Call& call, const Room& room, const Chunk& chunk, const Place& p) {
    const ForwardCall<T>& f = call.forward;
    if (f.keep_c) return p.s ? f.c + row_of(f.batch, p.s - 1, p.n) * f.H : f.c0 + p.n * f.H;
    // the rows of the step before lie before this step's rows, all of them running
    return p.s == chunk.s0 ? chunk.c_before + p.n * f.H : room.c + (p.at - running_at(f.batch, p.s - 1)) * f.H;
  }

  // What a tile reads beside its product comes from memory while it multiplies: 5 to 8 % at (500, 128, 16, 96).
  static UNROLLED_INLINE void fetch_kept(const Call& call, const Room& room, const Chunk& chunk, const Place* places, int height,
                                         const typename P::Panel& panel) {
    const ForwardCall<T>& f = call.forward;
    const auto fetch = [&](const T* row) UNROLLED_LAMBDA {
      for (int v = 0; v < panel.vectors; ++v) fetch_line(row + panel.unit0 + v * W);
    };
    for (int r = 0; r < height; ++r) {
      const Place& p = places[r];
      const Index row = row_of(f.batch, p.s, p.n);
      if (keeps_gates)
        for (int k = 0; k < S; ++k) fetch(gates_at(call, room, p) + k * f.H);
      else
        fetch(f.y + row * f.y_stride);
      if (Cell::has_cell) fetch(c_before(call, room, chunk, p));
      else if (Cell::has_carry) fetch(Forward::h_before(f, p));
      if (call.dy) fetch(call.dy + row * call.dy_stride);
    }
  }

  // A phase of one tile of one step: dh = dy + dz_next W_hh, or in a later phase ds = dz W_hh, then the cell. Before the first step
  // (s = -1), what is left is the gradient of h0.
  template <typename Phase>
  static UNROLLED_INLINE void tile(const Call& call, const Room& room, const Chunk& chunk, const Place* places, int height,
                                   const T* dz_next, const Turn<P>& turn, Index number) {
    const ForwardCall<T>& f = call.forward;
    const Index H = f.H, goes_on = running_at(f.batch, places[0].s + 1);
    const auto& panel = turn.panel;
    const int NV = panel.vectors;
    if (Phase::is_first && chunk.far && places[0].s >= 0) fetch_kept(call, room, chunk, places, height, panel);
    Sums<T> sums;
    if (goes_on || !Phase::is_first) {
      using Recurrent = typename Phase::Recurrent;
      TileCall<T> product;
      product.row_step = 1;
      const auto segment = [&](int begin, int end, int gate, bool adds) {
        for (int r = 0; r < height; ++r) {
          const Place& p = places[r];
          const T* dz = !Phase::is_first ? room.dz + p.at * room.row : p.j < goes_on ? dz_next + p.j * room.row : room.zeros;
          product.row[r] = dz + begin * H;
        }
        product.depth = (end - begin) * H, product.adds = adds;
        product.template multiply<P>({call.panels_hh, call.as_they_lie ? H : 0}, panel, G * H, gate * H);
        if (!call.as_they_lie) {
          const Index after = turn.after.vectors * W;  // numbers to a row of its panel
          product.fetch_panel(P::at(call.panels_hh, turn.after, G * H) + gate * H * after, after * product.depth, number);
        }
        tile_product_for<T>(height, NV)(product, sums.at);
      };
      segment(Recurrent::begin, Recurrent::end, Phase::first_gate, false);
      if (Recurrent::end2) segment(Recurrent::begin2, Recurrent::end2, Phase::first_gate + Recurrent::size, true);
    }
    for (int r = 0; r < height; ++r) {
      const Place& p = places[r];
      const Index row = p.s < 0 ? 0 : row_of(f.batch, p.s, p.n);
      for (int v = 0; v < NV; ++v) {
        const Index unit = panel.unit0 + v * W, lanes = least(W, H - unit);
        const Index at = p.n * H + unit;
        BackwardUnits<T, S> u;
        if (Phase::is_first) {
          u.dh = goes_on ? load(sums.at + (r * NV + v) * W) : broadcast(T(0));
          if (p.j >= goes_on && call.dh_last) u.dh = u.dh + load_lanes(call.dh_last + at, lanes);
          if (p.s < 0) {
            if (Cell::has_carry && !Cell::has_cell) u.dh = u.dh + load_lanes(call.carry + at, lanes);
            store_lanes(call.dh0 + at, u.dh, lanes);
            continue;
          }
          if (call.dy) u.dh = u.dh + load_lanes(call.dy + row * call.dy_stride + unit, lanes);
        } else {
          u.ds = load(sums.at + (r * NV + v) * W);
        }
        if (keeps_gates)
          for (int k = 0; k < S; ++k) u.kept[k] = load_lanes(gates_at(call, room, p) + k * H + unit, lanes);
        else
          u.h = load_lanes(f.y + row * f.y_stride + unit, lanes);
        if (Cell::has_cell) {
          u.c = load_lanes(c_at(call, room, p) + unit, lanes);
          u.c_prev = load_lanes(c_before(call, room, chunk, p) + unit, lanes);
        } else if (Cell::has_carry) {
          u.h_prev = load_lanes(Forward::h_before(f, p) + unit, lanes);
        }
        if (Cell::has_carry) u.carry = load_lanes(call.carry + at, lanes);
        Phase::backward(u);
        if (Cell::has_carry) store_lanes(call.carry + at, u.carry, lanes);
        for (int k = 0; k < S; ++k)
          if (Phase::Fills::has(k)) store_lanes(room.dz + p.at * room.row + k * H + unit, u.dz[k], lanes);
      }
    }
  }

  // One step of a part. `before` counts the chunk's rows of earlier steps; `dz_next` holds the rows of the step after. False: the
  // call was interrupted.
  static bool step(const Call& call, const Room& room, const Chunk& chunk, const Part& part, Index s, Index before, const T* dz_next,
                   Team* team) {
    const Batch& batch = call.forward.batch;
    const Index rows = s < 0 ? part.sequences() : part.running(batch, s);
    const Range panels = part.panels(P::count(call.forward.H));
    return Cell::Steps::all([&](auto phase) UNROLLED_LAMBDA {
      using Phase = decltype(phase);
      if (!Phase::is_first && s < 0) return true;
      if (!Phase::is_first && part.shares_units && !team_barrier(team)) return false;
      Index pass = s * ceil_div(rows, Forward::kRowsAtOnce);
      for (Index first = 0; first < rows; first += Forward::kRowsAtOnce) {
        const Index count = least(Forward::kRowsAtOnce, rows - first);
        Place places[Forward::kRowsAtOnce];
        for (Index i = 0; i < count; ++i) {
          const Index j = part.first + part.stride * (first + i);
          places[i] = {s, sequence(batch, j), j, before + j};
        }
        for_panels<P>(panels, call.forward.H, pass++, [&](const Turn<P>& turn) UNROLLED_LAMBDA {
          for_tiles(count, [&](int height, Index i) { tile<Phase>(call, room, chunk, places + i, height, dz_next, turn, i / kTileRows); });
        });
      }
      return true;
    });
  }

  // Gates, and cells, of the chunk from h, which is known: no step waits for another but in c = f * c_prev + i * g. False: the call was
  // interrupted.
  static bool recompute(const Call& call, const Room& room, const Chunk& chunk, Team* team, int rank, int size) {
    const ForwardCall<T>& f = call.forward;
    const Index H = f.H;
    const Part part = Forward::part_of(f, rank, size);
    const Index rows = rows_of(f.batch, part, chunk.s0, chunk.s1);
    return Cell::Steps::all([&](auto phase) UNROLLED_LAMBDA {
      using Phase = decltype(phase);
      if (!Phase::is_first && part.shares_units && !team_barrier(team)) return false;
      if (!f.tokens)
        Forward::template project_inputs<Phase>(f, part, chunk.s0, rows,
                                                [&](const Place& p) UNROLLED_LAMBDA { return room.gates + p.at * S * H; });
      using Packed = typename Forward::template Packed<Phase>;
      for_panels<Packed>(part.panels(Packed::count(H)), H, 0, [&](const Turn<Packed>& turn) {
        Walk walk(f.batch, part, chunk.s0);
        for_tiles(rows, [&](int height, Index) {
          typename Forward::Row tile_rows[kTileRows];
          for (int r = 0; r < height; ++r) {
            const Place p = walk.next();
            T* gates = room.gates + p.at * S * H;
            const T* pre = f.tokens ? f.token_table + Index(f.tokens[row_of(f.batch, p.s, p.n)]) * G * H : gates;
            tile_rows[r] = {Forward::h_before(f, p), pre, nullptr, nullptr, gates, nullptr};
            if (Cell::has_cell) tile_rows[r].c_prev = c_before(call, room, chunk, p), tile_rows[r].c = const_cast<T*>(c_at(call, room, p));
          }
          Forward::template tile<Phase>(f, tile_rows, height, turn, 0);
        });
      });
      return true;
    });
  }

  // With so few rows in all, the weights' gradients are written at once in their own shape.
  static bool of_few_rows(const Call& call) { return call.chunks == 1 && call.chunk_rows <= kFewRows; }

  // The sums over the chunk's rows. Threads share the rows of each result, never a sum: the bits do not depend on their number.
  static void add_sums(const Call& call, const Room& room, const Chunk& chunk, int rank, int size) {
    const ForwardCall<T>& f = call.forward;
    const Index H = f.H, I = f.I;
    const Part everyone = whole(f.batch);
    const bool adds = chunk.s1 < f.batch.steps;
    const Range of_h = share(H + Cell::has_bias_hn, rank, size);
    Cell::Steps::all([&](auto phase) UNROLLED_LAMBDA {
      using Phase = decltype(phase);
      using Recurrent = typename Phase::Recurrent;
      const auto source_rows = [&]() {
        return [&, walk = Walk(f.batch, everyone, chunk.s0)]() mutable {
          const Place p = walk.next();
          return Phase::is_first ? Forward::h_before(f, p) : gates_at(call, room, p) + Phase::source * H;
        };
      };
      const auto h_sums = [&](int begin, int end, Index to) {
        if (of_few_rows(call))
          return outer_of_few(source_rows(), chunk.rows, room.dz + begin * H, room.row, share((end - begin) * H, rank, size),
                              call.dweight_hh + to * H * H, H, Cell::has_bias_hn && to == G - 1 ? call.dbias_hn : nullptr);
        add_outer(source_rows, chunk.rows, of_h, H, room.dz, room.row, {begin * H, (end - begin) * H, to * H}, room.sums_h, room.sums,
                  adds, room.outer);
      };
      h_sums(Recurrent::begin, Recurrent::end, Phase::first_gate);
      if (Recurrent::end2) h_sums(Recurrent::begin2, Recurrent::end2, Phase::first_gate + Recurrent::size);
      return true;
    });
    if (f.tokens) {
      add_token_rows(call, room, chunk, share(G * H, rank, size));
    } else {
      const auto x_rows = [&]() {
        return [&, walk = Walk(f.batch, everyone, chunk.s0)]() mutable {
          const Place p = walk.next();
          return f.x + row_of(f.batch, p.s, p.n) * I;
        };
      };
      if (of_few_rows(call))
        outer_of_few(x_rows(), chunk.rows, room.dz, room.row, share(G * H, rank, size), call.dweight_ih, I, call.dbias);
      else
        add_outer(x_rows, chunk.rows, share(I + 1, rank, size), I, room.dz, room.row, {0, G * H, 0}, room.sums_x, room.sums, adds,
                  room.outer);
    }
    if (call.dx) {
      const Range mine = share(chunk.rows, rank, size);
      const auto start = [&]() {
        Walk walk(f.batch, everyone, chunk.s0);
        walk.skip(mine.first);
        return [&, walk]() mutable {
          const Place p = walk.next();
          return RowPair<T>{room.dz + p.at * room.row, call.dx + row_of(f.batch, p.s, p.n) * I};
        };
      };
      const Matrix<T> weights{call.panels_ih, call.as_they_lie ? I : 0};
      rows_times_panels<P>(mine.last - mine.first, start, weights, I, Index(G * H), 0, P::count(I), static_cast<const T*>(nullptr), true);
    }
  }

  // dtoken_table[token] += dz, row by row: the gradient of a look-up
  static void add_token_rows(const Call& call, const Room& room, const Chunk& chunk, Range mine) {
    const Batch& batch = call.forward.batch;
    const Part everyone = whole(batch);
    Walk walk(batch, everyone, chunk.s0);
    for (Index k = 0; k < chunk.rows; ++k) {
      const Place p = walk.next();
      T* sum = call.dtoken_table + Index(call.forward.tokens[row_of(batch, p.s, p.n)]) * G * call.forward.H;
      const T* dz = room.dz + p.at * room.row;
      for (Index m = mine.first; m < mine.last; m += W) {
        const Index lanes = least(W, mine.last - m);
        store_lanes(sum + m, load_lanes(sum + m, lanes) + load_lanes(dz + m, lanes), lanes);
      }
    }
  }

  static void run(const Call& call, Team* team, int rank, int size) {
    const ForwardCall<T>& f = call.forward;
    const Batch& batch = f.batch;
    const Index H = f.H, I = f.I, N = batch.size;
    const Room room = room_of(call, rank);
    const Part part = part_of(batch, P::count(H), rank, size), everyone = whole(batch);
    if (rank == 0) memset(room.zeros, 0, room.row * sizeof(T));
    const bool again = keeps_gates && !f.keep_gates, long_steps = N * H * H > kLongStep;
    const bool far = !again && batch.steps * N * S * H * Index(sizeof(T)) > kNearBytes;
    Chunk chunk{call.first ? call.chunk_starts[call.first - 1] : batch.steps, 0, 0, nullptr, far};
    for (Index k = call.first; k < call.last; ++k) {
      chunk.s1 = chunk.s0, chunk.s0 = call.chunk_starts[k];
      chunk.rows = rows_of(batch, everyone, chunk.s0, chunk.s1);
      chunk.c_before = !Cell::has_cell || f.keep_c ? nullptr : chunk.s0 ? f.checkpoints + k * N * H : f.c0;
      if (!team_goes_on(team, rank)) return;
      if (again && !recompute(call, room, chunk, team, rank, size)) return;
      if ((again || k == call.first) && !team_barrier(team)) return;

      Index before = chunk.rows;
      for (Index s = chunk.s1 - 1; s >= chunk.s0; --s) {
        const T* dz_next = s + 1 == chunk.s1 ? room.dz_after : room.dz + before * room.row;
        before -= running_at(batch, s);
        if (long_steps && !team_goes_on(team, rank)) return;
        if (!step(call, room, chunk, part, s, before, dz_next, team)) return;
        if (part.shares_units && s > chunk.s0 && !team_step_barrier(team)) return;
      }
      if (!team_barrier(team)) return;

      add_sums(call, room, chunk, rank, size);
      const Range copied = share(running_at(batch, chunk.s0) * room.row, rank, size);
      memcpy(room.dz_after + copied.first, room.dz + copied.first, (copied.last - copied.first) * sizeof(T));
      if (!team_barrier(team)) return;
    }
    if (call.last < call.chunks) return;
    step(call, room, chunk, part, -1, 0, room.dz_after, team);
    if (call.chunks && !of_few_rows(call)) leave_sums(call, room, share(G * H, rank, size));
  }

  // The sums for the weights, which were made transposed because so no packing of dz was needed, in the weights' own shape.
  static void leave_sums(const Call& call, const Room& room, Range mine) {
    const ForwardCall<T>& f = call.forward;
    const Index H = f.H, I = f.I, q = (G - 1) * H;
    transpose(call.dweight_hh, H, room.sums_h, room.sums, mine);
    if (!f.tokens) {
      transpose(call.dweight_ih, I, room.sums_x, room.sums, mine);
      memcpy(call.dbias + mine.first, room.sums_x + I * room.sums + mine.first, (mine.last - mine.first) * sizeof(T));
    }
    if (Cell::has_bias_hn && mine.last == G * H) memcpy(call.dbias_hn, room.sums_h + H * room.sums + q, H * sizeof(T));
  }
};

}  // namespace
}  // namespace unrolled
