// How much of a sequence is worked on at once; no work.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "table.hpp"

namespace unrolled {

inline constexpr std::int64_t kForwardRows = 256;  // rows, steps times sequences, whose input products are made at once: one panel serves all from L2
inline constexpr std::int64_t kChunkRows = 512;    // rows of gate gradients held at once: enough for the sums' products, few enough for the cache

// Where the way back's runs of steps begin, the last first, and the most rows of one.
struct Chunks {
  std::vector<std::int64_t> starts;
  std::int64_t rows = 0;
};
inline Chunks chunks_of(const Batch& batch) {
  Chunks chunks;
  const std::int64_t T = batch.steps, N = batch.size;
  if (!batch.running) {
    const std::int64_t steps = std::max<std::int64_t>(1, (kChunkRows + N - 1) / std::max<std::int64_t>(N, 1));
    for (std::int64_t start = T ? (T - 1) / steps * steps : -1; start >= 0; start -= steps) chunks.starts.push_back(start);
    chunks.rows = std::min(steps, T) * N;
    return chunks;
  }
  for (std::int64_t end = T; end > 0;) {
    std::int64_t start = end, rows = 0;
    while (start > 0 && (rows < kChunkRows || start == end)) rows += batch.running[--start];
    chunks.starts.push_back(start);
    chunks.rows = std::max(chunks.rows, rows);
    end = start;
  }
  return chunks;
}

// Steps whose input products are made at once, at most.
inline std::int64_t forward_chunk(std::int64_t steps, std::int64_t size) {
  return std::min(steps, std::max<std::int64_t>(1, (kForwardRows + size - 1) / std::max<std::int64_t>(size, 1)));
}

}  // namespace unrolled
