// The team: workers that spin briefly between calls and then sleep.
#include "threads.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "cores.hpp"

namespace unrolled {

namespace {

using Clock = std::chrono::steady_clock;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr std::chrono::microseconds kSpin(90);

// Spins while `waiting()`, and where that takes long gives the core away again and again: another program may need it to let us go on.
// Returns how long it took, or 0 where it took a few microseconds.
template <typename Waiting> Clock::duration spin_while(Waiting waiting) {
  for (int i = 0; i < 256; ++i) {
    if (!waiting()) return Clock::duration::zero();
    pause();
  }
  const Clock::time_point start = Clock::now();
  while (waiting()) {
    if (Clock::now() - start > kSpin) std::this_thread::yield();
    for (int i = 0; i < 64 && waiting(); ++i) pause();
  }
  return Clock::now() - start;
}

// Until when the cores count as crowded.
std::atomic<Clock::rep> crowded_until{0};
std::atomic<bool> crowds_are_noticed{true};

}  // namespace

struct Team {
  int size = 1;
  bool (*interrupted)() = nullptr;
  Clock::time_point last_asked = Clock::now();
  std::atomic<bool> stop{false};
  std::atomic<Clock::rep> waited{0};  // by all ranks, after steps of time
  Cores cores;
  alignas(64) std::atomic<int> arrived{0};
  alignas(64) std::atomic<unsigned> phase{0};
};

namespace {

// Returns how long it took, but for a few microseconds.
Clock::duration wait_for_all(Team* team) {
  const unsigned phase = team->phase.load(std::memory_order_relaxed);
  if (team->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == team->size) {
    team->arrived.store(0, std::memory_order_relaxed);
    team->phase.store(phase + 1, std::memory_order_release);
    return Clock::duration::zero();
  }
  // a rank that has left an interrupted call never arrives: then nobody waits for it
  return spin_while([=] { return team->phase.load(std::memory_order_acquire) == phase && !team->stop.load(std::memory_order_relaxed); });
}

}  // namespace

bool team_barrier(Team* team) {
  if (!team) return true;
  if (team->size > 1) wait_for_all(team);
  return !team->stop.load(std::memory_order_relaxed);
}

bool team_step_barrier(Team* team) {
  if (!team) return true;
  if (team->size > 1)
    if (const Clock::duration waited = wait_for_all(team); waited.count()) team->waited.fetch_add(waited.count(), std::memory_order_relaxed);
  return !team->stop.load(std::memory_order_relaxed);
}

void notice_crowds(bool on) { crowds_are_noticed.store(on), crowded_until.store(0); }

bool cores_are_crowded() { return Clock::now().time_since_epoch().count() < crowded_until.load(std::memory_order_relaxed); }

bool team_goes_on(Team* team, int rank) {
  if (!team) return true;
  if (rank == 0 && team->interrupted) {
    const Clock::time_point now = Clock::now();
    if (now - team->last_asked > std::chrono::milliseconds(100)) {
      team->last_asked = now;
      if (team->interrupted()) team->stop.store(true, std::memory_order_relaxed);
    }
  }
  return !team->stop.load(std::memory_order_relaxed);
}

namespace {

class Pool {
 public:
  // False when another caller holds the pool.
  bool run(int size, Job job, void* context, Team* team) {
    std::unique_lock<std::mutex> hold(caller_, std::try_to_lock);
    if (!hold.owns_lock()) return false;
    while (static_cast<int>(workers_) < size - 1) {
      std::thread(&Pool::work, this, workers_ + 1, generation_.load()).detach();
      ++workers_;  // only now: where the system has no thread left, nobody must wait for this one
    }
    job_ = job, context_ = context, team_ = team;
    unfinished_.store(size - 1, std::memory_order_relaxed);
    team->cores.take();
    {
      std::lock_guard<std::mutex> lock(sleep_);
      size_ = size;
      generation_.fetch_add(1, std::memory_order_release);
    }
    if (sleepers_.load() > 0) {
      wake_.notify_all();
      std::this_thread::yield();  // to a worker that woke up on this core, so that it moves away; where another program waits, to that
    }
    job(context, team, 0, size);
    spin_while([this] { return unfinished_.load(std::memory_order_acquire) > 0; });
    return true;
  }

 private:
  void work(int rank, unsigned seen) {
    for (;;) {
      wait_for_call(seen);
      int size;
      {
        // a worker that is not of the team may see the call after the next one has begun; a worker of the team cannot
        std::lock_guard<std::mutex> lock(sleep_);
        seen = generation_.load(std::memory_order_acquire);
        size = size_;
      }
      if (rank >= size) continue;
      team_->cores.take();
      job_(context_, team_, rank, size);
      unfinished_.fetch_sub(1, std::memory_order_release);
    }
  }

  void wait_for_call(unsigned seen) {
    const auto idle = [this, seen] { return generation_.load(std::memory_order_acquire) == seen; };
    // about 50 us: the pause between two calls of a training loop, and no longer
    const Clock::time_point until = Clock::now() + std::chrono::microseconds(50);
    while (idle()) {
      for (int i = 0; i < 64 && idle(); ++i) pause();
      if (Clock::now() > until) break;
    }
    if (!idle()) return;
    std::unique_lock<std::mutex> lock(sleep_);
    ++sleepers_;
    wake_.wait(lock, [&] { return !idle(); });
    --sleepers_;
  }

  std::mutex caller_, sleep_;
  std::condition_variable wake_;
  std::atomic<int> sleepers_{0};
  int workers_ = 0;
  std::atomic<unsigned> generation_{0};
  int size_ = 0;
  std::atomic<int> unfinished_{0};
  Job job_ = nullptr;
  void* context_ = nullptr;
  Team* team_ = nullptr;
};

// Never destroyed: workers may outlive the statics at exit. A forked child has no workers, and gets a pool of its own.
std::atomic<Pool*> the_pool{nullptr};
std::atomic<int> limit{1};

Pool& pool() {
  Pool* p = the_pool.load(std::memory_order_acquire);
  if (!p) {
    static const int registered = pthread_atfork(nullptr, nullptr, [] { the_pool.store(nullptr); });
    (void)registered;
    Pool* fresh = new Pool;
    if (the_pool.compare_exchange_strong(p, fresh)) p = fresh;
    else delete fresh;
  }
  return *p;
}

}  // namespace

bool run_team(int wanted, Job job, void* context, bool (*interrupted)()) {
  Team team;
  team.interrupted = interrupted;
  const int size = wanted < limit.load() ? wanted : limit.load();
  if (size > 1) {
    team.size = size;
    const Clock::time_point start = Clock::now();
    if (pool().run(size, job, context, &team)) {
      // by the mean rank but the last, half of the call or more was waited; more than a worker takes to wake up
      const Clock::duration waited = Clock::duration(team.waited.load()) / (size - 1);
      if (waited > std::chrono::milliseconds(1) && crowds_are_noticed.load()) {
        const Clock::time_point end = Clock::now();
        if (2 * waited > end - start) crowded_until.store((end + 10 * (end - start)).time_since_epoch().count());  // to try again costs little
      }
      return !team.stop.load();
    }
    team.size = 1;
  }
  job(context, &team, 0, 1);
  return !team.stop.load();
}

int thread_limit() { return limit.load(); }
void set_thread_limit(int threads) { limit.store(threads < 1 ? 1 : threads); }

}  // namespace unrolled
