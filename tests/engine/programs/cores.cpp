// Threads that begin on one core: where each is after it has taken one, and which cores it may use then.
#include "cores.hpp"

#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <thread>

namespace {

cpu_set_t only(std::initializer_list<int> cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int core : cores) CPU_SET(core, &set);
  return set;
}
void allow(std::initializer_list<int> cores) {
  const cpu_set_t set = only(cores);
  if (sched_setaffinity(0, sizeof set, &set)) std::exit(1);
}

// A thread that runs on `here`, which is among those it is `allowed`, takes a core.
void take(unrolled::Cores& cores, const char* name, int here, std::initializer_list<int> allowed) {
  std::thread([&] {
    allow({here});
    allow(allowed);
    cores.take();
    cpu_set_t left;
    sched_getaffinity(0, sizeof left, &left);
    const cpu_set_t expected = only(allowed);
    std::printf("%s: core %d, affinity %s\n", name, sched_getcpu(), CPU_EQUAL(&left, &expected) ? "kept" : "changed");
  }).join();
}

}  // namespace

int main(int, char** argv) {
  const int a = std::atoi(argv[1]), b = std::atoi(argv[2]);
  unrolled::Cores cores;
  take(cores, "first", a, {a});
  take(cores, "second", a, {a, b});
  take(cores, "third, where none is left", a, {a, b});
  unrolled::Cores others;
  take(others, "first of the next call", b, {b});
  take(others, "second, bound to its core", b, {b});
  take(others, "third, on a free core", a, {a, b});
}
