// A thread's own core: asked for, claimed, and moved to. Linux only; elsewhere the system is left to place threads.
#include "cores.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace unrolled {

bool Cores::claim(int core) {
  const std::uint64_t bit = std::uint64_t(1) << core % 64;
  return !(taken_[core / 64].fetch_or(bit, std::memory_order_relaxed) & bit);
}

#if defined(__linux__)

void Cores::take() {
  const int here = sched_getcpu();
  if (here < 0 || here >= kMost || claim(here)) return;
  cpu_set_t allowed;
  static_assert(CPU_SETSIZE == kMost);
  if (sched_getaffinity(0, sizeof allowed, &allowed)) return;
  for (int core = 0; core < kMost; ++core)
    if (CPU_ISSET(core, &allowed) && claim(core)) {
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(core, &only);
      if (!sched_setaffinity(0, sizeof only, &only)) sched_setaffinity(0, sizeof allowed, &allowed);
      return;
    }
}

#else

void Cores::take() {}

#endif

}  // namespace unrolled
