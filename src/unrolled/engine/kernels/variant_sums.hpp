// The variants' way back through all steps, chunk by chunk, each followed by the sums over its rows: the gradients of the parameters, and dx.
#pragma once

#include "variant_backward.hpp"

namespace unrolled {
namespace {

// sum[m] += the sums over rows of a[m] b[m], or of a[m] alone; `next()` gives the rows as {a, b}.
template <typename T> struct Factors {
  const T *a, *b;
};
template <typename T, typename Next> UNROLLED_INLINE void add_products(Next next, Index rows, Range mine, T* sum) {
  for (Index k = 0; k < rows; ++k) {
    const Factors<T> row = next();
    for (Index m = mine.first; m < mine.last; m += Vec<T>::width) {
      const Index lanes = least(Vec<T>::width, mine.last - m);
      const Vec<T> a = load_lanes(row.a + m, lanes), before = load_lanes(sum + m, lanes);
      store_lanes(sum + m, row.b ? fma(a, load_lanes(row.b + m, lanes), before) : before + a, lanes);
    }
  }
}

template <typename Cell, typename T> struct VariantSums {
  static constexpr int G = Cell::gates, first_G = first_gates<Cell>();
  using Call = VariantBackCall<T>;
  using Back = VariantBackward<Cell, T>;
  using Gradients = typename Back::Gradients;
  using P = Panels<T, 1>;

  // One stretch of memory, in this order; the last parts once for each thread.
  struct Scratch {
    Index line, sums, sums_p;          // the sums' rows
    Index gradients, x, h, p, outer, room;  // numbers
    explicit Scratch(const Call& call) {
      const VariantCall<T>& f = call.forward;
      line = 64 / Index(sizeof(T));
      sums = ceil_div(G * f.H, line) * line, sums_p = ceil_div(f.R, line) * line;
      gradients = call.chunk_rows * Gradients(f).size + line;  // add_outer reads up to a vector beyond the last row
      x = f.I * sums, h = f.R * sums, p = f.panels_hr ? f.H * sums_p : 0;
      outer = outer_scratch_numbers(call.chunk_rows), room = ceil_div(kVariantRows * Back::room_row(f), line) * line;
    }
    Index total(int size) const { return gradients + x + h + p + size * (outer + room); }
  };
  static int64_t scratch_numbers(const Call& call, int size) { return Scratch(call).total(size); }

  struct Room {
    T *gradients, *x, *h, *p;  // the last three: the weights' gradients transposed, dW_ih', dW_hh', dW_hr'
    T *outer, *rows;
    Room(const Call& call, const Scratch& size, int rank) {
      gradients = call.scratch, x = gradients + size.gradients, h = x + size.x, p = h + size.h;
      outer = p + size.p + rank * (size.outer + size.room), rows = outer + size.outer;
    }
  };

  struct Chunk {
    Index s0, s1, rows;
  };

  // What a row of the chunk has, for every sum over rows.
  struct Source {
    const Call& call;
    const VariantRecord kept;
    const Gradients at;
    const Room& room;
    UNROLLED_INLINE T* gradients(const Place& p) const { return room.gradients + p.at * at.size; }
    UNROLLED_INLINE T* record(Index s, Index n) const {
      return call.forward.records + row_of(call.forward.batch, s, n) * kept.size;
    }
    UNROLLED_INLINE const T* h_prev(const Place& p) const {
      const VariantCall<T>& f = call.forward;
      return p.s ? f.y + row_of(f.batch, p.s - 1, p.n) * f.R : f.h0 + p.n * f.R;
    }
    UNROLLED_INLINE const T* h_masked(const Place& p) const { return call.forward.mask ? gradients(p) + at.h : h_prev(p); }
    UNROLLED_INLINE const T* c_prev(const Place& p) const {
      return p.s ? record(p.s - 1, p.n) + kept.c : call.forward.c0 + p.n * call.forward.H;
    }
  };

  // A walk over the chunk's rows that gives of each what `of(place)` says; a copy of it starts again.
  template <typename Of> static UNROLLED_INLINE auto walk(const Source& source, const Part& part, Index s0, Of of) {
    return [&source, of, walk = Walk(source.call.forward.batch, part, s0)]() mutable { return of(walk.next()); };
  }

  // The sums of products with weights: threads share the rows of each result, never a sum, so the bits do not depend on their number.
  static void add_weights(const Source& s, const Part& everyone, const Chunk& chunk, const Scratch& size, int rank, int threads) {
    const VariantCall<T>& f = s.call.forward;
    const Index H = f.H, R = f.R, I = f.I, row = s.at.size;
    const Room& room = s.room;
    const bool adds = chunk.s1 < f.batch.steps;
    const auto outer = [&](auto of, Index columns, Index from, Index count, Index to, T* sums, Index stride) UNROLLED_LAMBDA {
      add_outer([&]() { return walk(s, everyone, chunk.s0, of); }, chunk.rows, share(columns, rank, threads), columns, room.gradients, row,
                {from, count, to}, sums, stride, adds, room.outer);
    };
    outer([&](const Place& p) { return f.x + row_of(f.batch, p.s, p.n) * I; }, I, s.at.dx, G * H, 0, room.x, size.sums);
    Cell::Steps::all([&](auto p) UNROLLED_LAMBDA {
      using Phase = decltype(p);
      const auto source = [&](const Place& place) {
        return Phase::is_first ? s.h_masked(place) : s.record(place.s, place.n) + s.kept.gates + Phase::source * H;
      };
      const Index first = Phase::first_gate * H;
      outer(source, R, s.at.dh + first, Phase::gates * H, first, room.h, size.sums);
      return true;
    });
    if (f.panels_hr) outer([&](const Place& p) { return s.gradients(p) + s.at.u; }, H, s.at.dp, R, 0, room.p, size.sums_p);
  }

  // Those of single rows, likewise by columns.
  static void add_vectors(const Source& s, const Part& everyone, const Chunk& chunk, int rank, int threads) {
    const Call& call = s.call;
    const Index H = call.forward.H;
    const auto add = [&](Index columns, T* sum, auto of) UNROLLED_LAMBDA {
      if (sum) add_products(walk(s, everyone, chunk.s0, of), chunk.rows, share(columns, rank, threads), sum);
    };
    const auto gradient = [&s](Index from, Index units = 0) {
      return [&s, at = from + units](const Place& p) { return Factors<T>{s.gradients(p) + at, nullptr}; };
    };
    const auto with_record = [&s](Index from, Index kept) {
      return [&s, from, kept](const Place& p) { return Factors<T>{s.gradients(p) + from, s.record(p.s, p.n) + kept}; };
    };
    const auto with_c_prev = [&s](Index from) {
      return [&s, from](const Place& p) { return Factors<T>{s.gradients(p) + from, s.c_prev(p)}; };
    };
    add(G * H, call.dbias, gradient(s.at.dz));
    add(H, call.dbias_hn, gradient(s.at.dq, 2 * H));
    add(G * H, call.dgain_ih, with_record(s.at.dz, s.kept.x));
    add(G * H, call.dgain_hh, with_record(s.at.dq, s.kept.h));
    add(H, call.dgain_c, with_record(s.at.dinner, s.kept.c_norm));
    add(H, call.dshift_c, gradient(s.at.dinner));
    if (!call.dpeephole) return;
    add(H, call.dpeephole, with_c_prev(s.at.dz));
    add(H, call.dpeephole + H, with_c_prev(s.at.dz + H));
    add(H, call.dpeephole + 2 * H, with_record(s.at.dz + 3 * H, s.kept.c_new));
  }

  static void leave_dx(const Source& s, const Part& everyone, const Chunk& chunk, int rank, int threads) {
    const VariantCall<T>& f = s.call.forward;
    const Range mine = share(chunk.rows, rank, threads);
    const auto start = [&]() {
      Walk walk(f.batch, everyone, chunk.s0);
      walk.skip(mine.first);
      return [&, walk]() mutable {
        const Place p = walk.next();
        return RowPair<T>{s.gradients(p) + s.at.dx, s.call.dx + row_of(f.batch, p.s, p.n) * f.I};
      };
    };
    rows_times_panels<P>(mine.last - mine.first, start, Matrix<T>{s.call.panels_ih}, f.I, G * f.H, 0, P::count(f.I), static_cast<const T*>(nullptr), true);
  }

  static void run(const Call& call, Team* team, int rank, int threads) {
    const VariantCall<T>& f = call.forward;
    const Batch& batch = f.batch;
    const Index H = f.H, R = f.R;
    const Scratch size(call);
    const Room room(call, size, rank);
    const Source source{call, record_of<Cell>(f), Gradients(f), room};
    const Part part = sequences_of(batch, rank, threads), everyone = whole(batch);

    Chunk chunk{batch.steps, 0, 0};
    for (Index k = 0; k < call.chunks; ++k) {
      chunk.s1 = chunk.s0, chunk.s0 = call.chunk_starts[k];
      chunk.rows = rows_of(batch, everyone, chunk.s0, chunk.s1);
      if (!team_goes_on(team, rank)) return;
      Index before = chunk.rows;
      for (Index s = chunk.s1 - 1; s >= chunk.s0; --s) {
        before -= running_at(batch, s);
        for (Index first = 0, running = part.running(batch, s); first < running; first += kVariantRows) {
          const Index count = least(kVariantRows, running - first);
          typename Back::Row rows[kVariantRows];
          for (Index i = 0; i < count; ++i) {
            const Index j = part.first + part.stride * (first + i), n = sequence(batch, j);
            const Place p{s, n, j, before + j};
            T* own = room.rows + i * Back::room_row(f);
            rows[i] = {n,   row_of(batch, s, n), source.record(s, n), source.gradients(p), source.h_prev(p), Cell::has_cell ? source.c_prev(p) : nullptr,
                       own, own + 2 * H,         own + H};
          }
          Back::step(call, source.kept, source.at, rows, count);
        }
      }
      if (!team_barrier(team)) return;
      add_weights(source, everyone, chunk, size, rank, threads);
      add_vectors(source, everyone, chunk, rank, threads);
      if (call.dx) leave_dx(source, everyone, chunk, rank, threads);
      if (!team_barrier(team)) return;
    }
    if (!call.chunks) return;
    const Range mine = share(G * H, rank, threads);
    transpose(call.dweight_ih, f.I, room.x, size.sums, mine);
    transpose(call.dweight_hh, R, room.h, size.sums, mine);
    if (f.panels_hr) transpose(call.dweight_hr, H, room.p, size.sums_p, share(R, rank, threads));
  }
};

}  // namespace
}  // namespace unrolled
