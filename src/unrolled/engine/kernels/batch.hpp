// Which rows are computed when, and by which thread; no mathematics.
#pragma once

#include "tile.hpp"

namespace unrolled {
namespace {

UNROLLED_INLINE Index running_at(const Batch& b, Index s) { return s >= b.steps ? 0 : b.running ? b.running[s] : b.size; }
UNROLLED_INLINE Index sequence(const Batch& b, Index j) { return b.order ? b.order[j] : j; }

// The row of an array (T, N, .) that holds step s of sequence n.
UNROLLED_INLINE Index row_of(const Batch& b, Index s, Index n) {
  const Index t = b.reverse ? (b.lengths ? b.lengths[n] : b.steps) - 1 - s : s;
  return t * b.size + n;
}

// With this many rows a tile multiplies for as long as it waits for weights from L2.
constexpr Index kOwnRows = kTileRows < 4 ? kTileRows : 4;

// The sequences and panels of one thread. Where every thread gets kOwnRows sequences they are shared out, and no thread waits for
// another inside the loop over time; else the hidden units are, with a barrier after each phase of a step. Both give the same bits.
struct Part {
  Index first, stride, last;  // of the sequences in their order
  bool shares_units;
  int rank, size;

  // which of a product's panels
  UNROLLED_INLINE Range panels(Index count) const { return shares_units ? share(count, rank, size) : Range{0, count}; }

  UNROLLED_INLINE Index sequences() const { return last > first ? ceil_div(last - first, stride) : 0; }

  // how many of this thread's sequences run at step s
  UNROLLED_INLINE Index running(const Batch& b, Index s) const {
    const Index end = least(last, running_at(b, s));
    return end > first ? ceil_div(end - first, stride) : 0;
  }
};
UNROLLED_INLINE Part part_of(const Batch& b, Index panels, int rank, int size) {
  if (size > 1 && b.size < Index(size) * kOwnRows && panels >= size) return {0, 1, b.size, true, rank, size};
  // Sequences of different lengths are dealt out in turn, so that every thread has long and short ones.
  if (b.order) return {rank, size, b.size, false, rank, size};
  const Range mine = share(b.size, rank, size);
  return {mine.first, 1, mine.last, false, rank, size};
}
UNROLLED_INLINE Part whole(const Batch& b) { return {0, 1, b.size, false, 0, 1}; }

// One step of one sequence: `j` counts sequences in their order, `at` counts the running rows of a chunk from its first step on.
struct Place {
  Index s, n, j, at;
};

// Walks over a part's running rows of the steps [s0, s1), step by step.
struct Walk {
  const Batch& batch;
  const Part& part;
  Index s, i, here, before;  // `here`: running at s; `before`: rows of the chunk's earlier steps, all parts together

  UNROLLED_INLINE Walk(const Batch& b, const Part& p, Index s0) : batch(b), part(p), s(s0), i(0), here(p.running(b, s0)), before(0) {}
  UNROLLED_INLINE Place next() {
    while (i >= here) {
      before += running_at(batch, s);
      here = part.running(batch, ++s), i = 0;
    }
    const Index j = part.first + part.stride * i++;
    return {s, sequence(batch, j), j, before + j};
  }
  UNROLLED_INLINE void skip(Index rows) {
    while (rows-- > 0) next();
  }
};
UNROLLED_INLINE Index rows_of(const Batch& b, const Part& part, Index s0, Index s1) {
  Index rows = 0;
  for (Index s = s0; s < s1; ++s) rows += part.running(b, s);
  return rows;
}

}  // namespace
}  // namespace unrolled
