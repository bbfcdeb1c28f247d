// All layers and directions of a recurrent network as one piece of work; no arrays of Python, no equations.
//
// Where a batch is small and a team shared the hidden units of one cell, it would wait at a barrier every step. Two directions, and the
// layers of a stack a piece of time apart (layer 2 reads steps 0 to 31 while layer 1 makes steps 32 to 63: a wavefront), need no such
// barrier: each thread runs one of them alone. The bits are the same either way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "dispatch.hpp"
#include "memory.hpp"
#include "threads.hpp"

namespace unrolled {

// A stretch of numbers that is given back with its owner.
template <typename T> class Block {
 public:
  explicit Block(std::int64_t numbers) : at_(static_cast<T*>(take_memory(static_cast<std::size_t>(numbers) * sizeof(T)))) {}
  Block(Block&& other) noexcept : at_(other.at_) { other.at_ = nullptr; }
  Block& operator=(Block&& other) noexcept {
    std::swap(at_, other.at_);
    return *this;
  }
  ~Block() {
    if (at_) give_memory(at_);
  }
  T* get() const { return at_; }

 private:
  T* at_;
};

// Hands out one stretch piece by piece, each at the start of a cache line; first to count, then to give.
template <typename T> class Cutter {
 public:
  explicit Cutter(T* from = nullptr) : from_(from) {}
  T* take(std::int64_t numbers) {
    constexpr std::int64_t line = 64 / sizeof(T);
    T* here = from_ ? from_ + taken_ : nullptr;
    taken_ += (numbers + line - 1) / line * line;
    return here;
  }
  std::int64_t taken() const { return taken_; }

 private:
  T* from_;
  std::int64_t taken_ = 0;
};

struct NetworkShape {
  CellKind cell;
  std::int64_t I, H, layers, directions;
  std::int64_t count() const { return layers * directions; }
  std::int64_t inputs(std::int64_t index) const { return index < directions ? I : directions * H; }
};

template <typename T> struct DirectionWeights {
  const T *weight_ih, *weight_hh, *bias, *bias_hn;
};

// The packed weights of one version of the parameters; those for the way back are made when first asked for.
template <typename T> class PackedWeights {
 public:
  struct Panels {
    T *ih, *hh;
  };

  PackedWeights(const NetworkShape& shape, const std::vector<DirectionWeights<T>>& weights, const Kernels<T>& kernels)
      : shape_(shape), weights_(weights), kernels_(kernels), forward_(pack(false)) {}

  const std::vector<Panels>& forward() const { return forward_.panels; }
  const std::vector<Panels>& backward() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!backward_) backward_ = std::make_unique<Packed>(pack(true));
    return backward_->panels;
  }

 private:
  struct Packed {
    Block<T> memory;
    std::vector<Panels> panels;
  };

  Packed pack(bool back) const {
    const Cell<T>& cell = kernels_.cells[shape_.cell];
    const std::int64_t H = shape_.H, rows = cell.gates * H;
    const auto cut = [&](T* from, std::vector<Panels>* panels) {
      Cutter<T> cutter(from);
      for (std::int64_t index = 0; index < shape_.count(); ++index) {
        const std::int64_t inputs = shape_.inputs(index);
        T* ih = cutter.take(back ? kernels_.packed_size({inputs, rows}) : cell.packed_size(H, inputs));
        T* hh = cutter.take(back ? kernels_.packed_size({H, rows}) : cell.packed_size(H, H));
        if (panels) panels->push_back({ih, hh});
      }
      return cutter.taken();
    };
    Packed packed{Block<T>(cut(nullptr, nullptr)), {}};
    cut(packed.memory.get(), &packed.panels);
    auto job = [&](Team*, int rank, int size) {
      for (std::int64_t index = 0; index < shape_.count(); ++index) {
        const DirectionWeights<T>& w = weights_[static_cast<std::size_t>(index)];
        const Panels& to = packed.panels[static_cast<std::size_t>(index)];
        const std::int64_t inputs = shape_.inputs(index);
        if (back) {
          kernels_.pack(to.ih, {inputs, rows}, w.weight_ih, 1, inputs, rank, size);
          kernels_.pack(to.hh, {H, rows}, w.weight_hh, 1, H, rank, size);
        } else {
          cell.pack(to.ih, H, inputs, w.weight_ih, rank, size);
          cell.pack(to.hh, H, H, w.weight_hh, rank, size);
        }
      }
    };
    const double work = 8.0 * static_cast<double>(rows * (H + shape_.inputs(shape_.count() - 1)) * shape_.count());
    if (work < 1e6) {
      job(nullptr, 0, 1);
    } else {
      run_team(
          static_cast<int>(std::min(work / 1e6, 1024.0)),
          [](void* context, Team* team, int rank, int size) { (*static_cast<decltype(job)*>(context))(team, rank, size); }, &job, nullptr);
    }
    return packed;
  }

  NetworkShape shape_;
  std::vector<DirectionWeights<T>> weights_;
  const Kernels<T>& kernels_;
  std::mutex mutex_;
  Packed forward_;
  std::unique_ptr<Packed> backward_;
};

// Which steps of time a wave works on, and how many waves there are.
struct Pieces {
  std::int64_t count, length;
};
inline Pieces pieces_of(std::int64_t things) {
  const std::int64_t length = std::max<std::int64_t>((things + 31) / 32, 1);
  return {(things + length - 1) / length, length};
}

// Whether each thread runs a direction, or a layer, by itself.
template <typename T> bool in_waves(const NetworkShape& shape, const Kernels<T>& kernels, std::int64_t N, int size) {
  return size > 1 && N < size * kernels.own_rows && size <= (shape.directions > 1 ? shape.directions : shape.layers);
}

// How many of the threads that the whole work is `worth` are of use. Where they would share the hidden units, there is a barrier after
// every step, as long as 10,000 flops: no more threads than the step has such parts, and one where other programs want the cores; but as
// many as have sequences, a direction, or a layer, to themselves.
template <typename T> int useful_team(const NetworkShape& shape, const Kernels<T>& kernels, std::int64_t N, int worth) {
  if (N >= worth * kernels.own_rows) return worth;
  const std::int64_t parts = cores_are_crowded() ? 1 : 2 * N * kernels.cells[shape.cell].gates * shape.H * shape.H / 10000;
  const std::int64_t apart = std::max(N / kernels.own_rows, shape.directions > 1 ? shape.directions : shape.layers);
  return static_cast<int>(std::clamp<std::int64_t>(std::max(parts, apart), 1, worth));
}

// Calls task(index, piece, team, rank, size; piece is -1 for all of them) for every layer, direction and piece of time, those of a layer
// after those that it reads.
// `layer_at(i)` is the i-th layer in the order of reading; `between(i)` comes when its directions are done.
template <typename LayerAt, typename Task, typename Between>
void in_order(const NetworkShape& shape, bool waves, std::int64_t pieces, LayerAt layer_at, Task task, Between between, Team* team, int rank,
              int size) {
  const std::int64_t L = shape.layers, D = shape.directions;
  if (!waves || size == 1) {
    for (std::int64_t i = 0; i < L; ++i) {
      for (std::int64_t d = 0; d < D; ++d) {
        task(layer_at(i) * D + d, -1, team, rank, size);
        if (!team_barrier(team)) return;  // the next direction begins by writing to the scratch that this one reads to its end
      }
      if (D > 1) {
        between(i, team, rank, size);
        if (!team_barrier(team)) return;
      }
    }
  } else if (D > 1) {
    for (std::int64_t i = 0; i < L; ++i) {
      for (std::int64_t piece = 0; piece < pieces && rank < D; ++piece) {
        if (!team_goes_on(team, rank)) return;
        task(layer_at(i) * D + rank, piece, nullptr, 0, 1);
      }
      if (!team_barrier(team)) return;
      between(i, team, rank, size);
      if (!team_barrier(team)) return;
    }
  } else {
    for (std::int64_t wave = 0; wave < pieces + L - 1; ++wave) {
      if (!team_goes_on(team, rank)) return;
      for (std::int64_t i = rank; i < L; i += size)
        if (wave >= i && wave - i < pieces) task(layer_at(i), wave - i, nullptr, 0, 1);
      if (!team_barrier(team)) return;
    }
  }
}

}  // namespace unrolled
