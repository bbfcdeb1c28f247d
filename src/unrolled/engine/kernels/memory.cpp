#include "memory.hpp"

#include <cstdlib>
#include <list>
#include <mutex>
#include <new>
#include <unordered_map>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace unrolled {

namespace {

constexpr std::size_t kLine = 64, kHuge = std::size_t(2) << 20;
constexpr std::size_t kWorthKeeping = std::size_t(32) << 10;  // below it malloc itself is quick
constexpr std::size_t kMostIdle = std::size_t(256) << 20;

std::size_t rounded(std::size_t bytes) {
  const std::size_t to = bytes >= 2 * kHuge ? kHuge : bytes >= kWorthKeeping ? 4096 : kLine;
  return (bytes + to - 1) / to * to;
}

void* fresh(std::size_t bytes) {
  void* memory = std::aligned_alloc(bytes >= 2 * kHuge ? kHuge : kLine, bytes);
  if (!memory) throw std::bad_alloc();
#if defined(__linux__)
  if (bytes >= 2 * kHuge) madvise(memory, bytes, MADV_HUGEPAGE);  // fewer faults, fewer misses of the address cache
#endif
  return memory;
}

struct Block {
  void* memory;
  std::size_t bytes;
};

struct Store {
  std::mutex mutex;
  std::unordered_map<void*, std::size_t> taken;  // sizes of the blocks that are worth keeping
  std::list<Block> idle;                         // the last given first
  std::size_t idle_bytes = 0;
};
Store& store() {
  static Store* one = new Store;  // never destroyed: arrays may outlive the statics
  return *one;
}

}  // namespace

void* take_memory(std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  // each array a block of its own, no byte longer than asked for: so a step beyond its end, or after its end, is seen
  void* exact = nullptr;
  if (posix_memalign(&exact, kLine, bytes ? bytes : 1)) throw std::bad_alloc();
  return exact;
#endif
  bytes = rounded(bytes ? bytes : 1);
  if (bytes < kWorthKeeping) return fresh(bytes);
  Store& s = store();
  {
    std::lock_guard<std::mutex> lock(s.mutex);
    for (auto block = s.idle.begin(); block != s.idle.end(); ++block)
      if (block->bytes == bytes) {
        void* memory = block->memory;
        s.idle.erase(block);
        s.idle_bytes -= bytes;
        s.taken.emplace(memory, bytes);
        return memory;
      }
  }
  void* memory = fresh(bytes);
  std::lock_guard<std::mutex> lock(s.mutex);
  s.taken.emplace(memory, bytes);
  return memory;
}

void give_memory(void* memory) noexcept {
  Store& s = store();
  std::lock_guard<std::mutex> lock(s.mutex);
  const auto known = s.taken.find(memory);
  if (known == s.taken.end()) {
    std::free(memory);
    return;
  }
  s.idle.push_front({memory, known->second});
  s.idle_bytes += known->second;
  s.taken.erase(known);
  while (s.idle_bytes > kMostIdle) {
    s.idle_bytes -= s.idle.back().bytes;
    std::free(s.idle.back().memory);
    s.idle.pop_back();
  }
}

std::size_t release_memory() {
  Store& s = store();
  std::lock_guard<std::mutex> lock(s.mutex);
  const std::size_t released = s.idle_bytes;
  for (const Block& block : s.idle) std::free(block.memory);
  s.idle.clear();
  s.idle_bytes = 0;
#if defined(__GLIBC__)
  malloc_trim(0);  // else what does not lie at the end of the heap stays resident
#endif
  return released;
}

}  // namespace unrolled
