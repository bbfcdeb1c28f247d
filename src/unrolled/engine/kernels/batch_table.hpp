// The sequences of a batch, and the team that runs them, as they cross to the kernels; plain structs, no code.
#pragma once

#include <stdint.h>

namespace unrolled {

struct Team;

// The sequences of a batch: how long each is, and in which order of time it is read.
//
// Step s of a sequence is its time s, or counted from its own end where `reverse`. With lengths, `order` lists the sequences by
// falling length, so that those which still run at step s are the first `running[s]` of it.
struct Batch {
  int64_t steps, size;
  const int32_t* lengths;  // (N,) or null: all have `steps`
  const int32_t* order;    // (N,), null without lengths
  const int32_t* running;  // (steps,), null without lengths
  bool reverse;
};

}  // namespace unrolled
