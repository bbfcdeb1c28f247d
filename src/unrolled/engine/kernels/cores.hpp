// Which cores the threads of one call run on; no mathematics.
#pragma once

#include <atomic>
#include <cstdint>

namespace unrolled {

// One core for each thread of a call. A system that wakes a thread may queue it on the core of its waker and leave it there for
// milliseconds, beside idle cores: Linux does so in a virtual machine whose other cores have slept. Such a thread moves away by itself.
class Cores {
 public:
  // Called in each thread of the call, the calling one first. A thread whose core is another's moves to the next one that no thread of
  // the call has taken, where its affinity allows one, and gets its affinity back.
  void take();

 private:
  static constexpr int kMost = 1024;
  bool claim(int core);  // false: another thread has it

  std::atomic<std::uint64_t> taken_[kMost / 64] = {};
};

}  // namespace unrolled
