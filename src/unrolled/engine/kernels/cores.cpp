// A thread's own core: asked for, claimed, and moved to. Linux only; elsewhere the system is left to place threads.
#include "cores.hpp"

#include <cstring>

#if defined(__linux__)
#include <sched.h>
#include <unistd.h>
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
  for (int step = 1; step < kMost; ++step) {
    const int core = (here + step) % kMost;
    if (!CPU_ISSET(core, &allowed) || !claim(core)) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(core, &only);
    if (sched_setaffinity(0, sizeof only, &only)) return;
    if (CPU_COUNT(&allowed) == sysconf(_SC_NPROCESSORS_ONLN)) memset(&allowed, 0xff, sizeof allowed);  // and those that are added later
    sched_setaffinity(0, sizeof allowed, &allowed);
    return;
  }
}

#else

void Cores::take() {}

#endif

}  // namespace unrolled
