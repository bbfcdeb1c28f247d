// The kernels' face to Python: arrays in, pointers out, the GIL released; no mathematics and no choice of algorithm.
//
// Shapes are checked, and errors worded, in engine/*.py; here a wrong number of entries is refused as a last guard of memory.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>

#include "dispatch.hpp"
#include "memory.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace unrolled {
namespace {

template <typename T> using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <typename T> using Out = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <typename A> using Maybe = std::optional<A>;
template <typename T> using Rows = nb::ndarray<T, nb::ndim<2>, nb::device::cpu>;  // rows may lie apart, their entries may not
using Indices = In<std::int32_t>;
using Starts = In<std::int64_t>;

[[noreturn]] void refuse(const char* name) {
  throw std::length_error(std::string("unrolled.engine: internal error: `") + name + "` has an unexpected number of entries");
}
template <typename A> auto* pointer(const A& array, std::int64_t entries, const char* name) {
  if (static_cast<std::int64_t>(array.size()) != entries) refuse(name);
  return array.data();
}
template <typename T> T* pointer(const Rows<T>& array, std::int64_t entries, const char* name) {
  if (static_cast<std::int64_t>(array.size()) != entries || (array.shape(1) > 1 && array.stride(1) != 1)) refuse(name);
  return array.data();
}
template <typename A> auto pointer(const Maybe<A>& array, std::int64_t entries, const char* name) -> decltype(array->data()) {
  return array ? pointer(*array, entries, name) : nullptr;
}

template <typename T> const Kernels<T>& kernels();
template <> const Kernels<float>& kernels<float>() { return kernel_table().float32; }
template <> const Kernels<double>& kernels<double>() { return kernel_table().float64; }

// A forward call with all its arrays, to be run once, or again and again on the same memory; `backward` reads it.
template <typename Call> struct Run {
  CellKind cell;
  Call call;
  std::int64_t gates() const { return kernel_table().float32.cells[cell].gates; }
  std::int64_t slots() const { return kernel_table().float32.cells[cell].slots; }
};

bool interrupted() {
  nb::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

// The largest team for which `entries` are room enough. The limit may have changed since the caller made the scratch: another Python
// thread may set it at any time.
template <typename ScratchOf> int team_that_fits(std::int64_t entries, ScratchOf scratch_of) {
  int size = thread_limit();
  while (size > 1 && scratch_of(size) > entries) --size;
  if (scratch_of(size) > entries) refuse("scratch");
  return size;
}

// Runs `body(team, rank, size)` on a team of at most `largest` without the GIL. Waking a thread takes about as long as a million flops.
template <typename Body> void run(double flops, Body body, int largest = 1024) {
  constexpr double flops_worth_a_thread = 1e6;
  const double worth = flops / flops_worth_a_thread;
  const int wanted = worth < 2 ? 1 : worth < largest ? static_cast<int>(worth) : largest;
  if (flops < 1e5) return body(nullptr, 0, 1);  // releasing the GIL would cost more
  bool finished;
  {
    nb::gil_scoped_release release;
    finished = run_team(
        wanted, [](void* context, Team* team, int rank, int size) { (*static_cast<Body*>(context))(team, rank, size); }, &body,
        interrupted);
  }
  if (!finished) throw nb::python_error();
}

// One step of all layers, to be run again and again: what does not change from step to step is looked up and checked once.
template <typename T> class Step {
 public:
  Step(CellKind cell, std::int64_t N, std::int64_t I, std::int64_t H, const std::vector<In<T>>& panels_ih,
       const std::vector<In<T>>& panels_hh, const std::vector<In<T>>& bias, const std::vector<In<T>>& bias_hn)
      : cell_(cell), N_(N), I_(I), H_(H), weights_{panels_ih, panels_hh, bias, bias_hn} {
    const auto& k = kernels<T>();
    const std::int64_t G = k.cells[cell].gates, slots = k.cells[cell].slots;
    gates_ = N * slots * H;
    for (std::size_t layer = 0; layer < panels_hh.size(); ++layer) {
      const std::int64_t inputs = layer ? H : I;
      ForwardCall<T> call{};
      call.batch.steps = 1, call.batch.size = N, call.I = inputs, call.H = H, call.chunk = 1, call.y_stride = H;
      call.panels_ih = pointer(panels_ih.at(layer), k.cells[cell].packed_size(H, inputs), "panels_ih");
      call.panels_hh = pointer(panels_hh[layer], k.cells[cell].packed_size(H, H), "panels_hh");
      call.bias = pointer(bias.at(layer), G * H, "bias");
      call.bias_hn = bias_hn.empty() ? nullptr : pointer(bias_hn.at(layer), H, "bias_hn");
      calls_.push_back(call);
      flops_ += 2.0 * N * G * H * (H + inputs);
    }
  }

  // h_new and c_new may be h and c.
  void run(const In<T>& x, const In<T>& h, const Maybe<In<T>>& c, const Out<T>& h_new, const Maybe<Out<T>>& c_new) {
    const std::int64_t layer_size = N_ * H_, all = layer_size * static_cast<std::int64_t>(calls_.size());
    const T* input = pointer(x, N_ * I_, "x");
    const T* h_from = pointer(h, all, "h");
    const T* c_from = pointer(c, all, "c");
    T* h_to = pointer(h_new, all, "h_new");
    T* c_to = pointer(c_new, all, "c_new");
    thread_local std::vector<T> h_before, gates;  // grow once; several Python threads may step at the same time
    if (static_cast<std::int64_t>(h_before.size()) < layer_size) h_before.resize(layer_size);
    if (static_cast<std::int64_t>(gates.size()) < gates_) gates.resize(gates_);
    for (std::size_t layer = 0; layer < calls_.size(); ++layer) {
      const std::int64_t at = layer_size * static_cast<std::int64_t>(layer);
      std::copy_n(h_from + at, layer_size, h_before.data());
      ForwardCall<T> call = calls_[layer];
      call.x = input, call.h0 = h_before.data(), call.y = h_to + at, call.gates = gates.data();
      if (c_from) call.c0 = c_from + at, call.c = c_to + at;
      unrolled::run(flops_, [&](Team* team, int rank, int size) { kernels<T>().cells[cell_].forward(call, team, rank, size); });
      input = h_to + at;
    }
  }

 private:
  CellKind cell_;
  std::int64_t N_, I_, H_, gates_;
  std::vector<In<T>> weights_[4];  // held, not read: the calls point into them
  std::vector<ForwardCall<T>> calls_;
  double flops_ = 0;
};

template <typename T> void bind(nb::module_& m) {
  m.def("packed_size", [](const In<T>&, std::int64_t gates, std::int64_t units, std::int64_t depth) {
    return kernels<T>().packed_size({gates, units, depth});
  });
  m.def("pack", [](const Out<T>& packed, std::int64_t gates, std::int64_t units, std::int64_t depth, const In<T>& source, bool transposed) {
    const PanelShape shape{gates, units, depth};
    const auto& k = kernels<T>();
    T* to = pointer(packed, k.packed_size(shape), "packed");
    const T* from = pointer(source, gates * units * depth, "source");
    const std::int64_t columns = gates * units;
    run(8.0 * columns * depth, [&](Team*, int rank, int size) {
      k.pack(to, shape, from, transposed ? depth : 1, transposed ? 1 : columns, rank, size);
    });
  });
  m.def("rows_product", [](const In<T>& a, std::int64_t rows, const In<T>& panels, std::int64_t units, std::int64_t depth,
                           const Maybe<In<T>>& bias, const Out<T>& c) {
    const auto& k = kernels<T>();
    const PanelShape shape{1, units, depth};
    const RowsProduct<T> p{rows,  pointer(a, rows * depth, "a"),    depth, pointer(panels, k.packed_size(shape), "panels"),
                           shape, pointer(bias, units, "bias"), pointer(c, rows * units, "c"), units};
    run(2.0 * rows * units * depth, [&](Team*, int rank, int size) { k.rows_product(p, rank, size); });
  }, "a"_a, "rows"_a, "panels"_a, "units"_a, "depth"_a, "bias"_a.none(), "c"_a);
  m.def("outer_product", [](const In<T>& a, const In<T>& b, std::int64_t rows, std::int64_t columns_a, std::int64_t columns_b, const Out<T>& c,
                            const Maybe<Out<T>>& column_sum, const Out<T>& scratch) {
    const auto& k = kernels<T>();
    OuterProduct<T> p{rows, columns_a, columns_b, pointer(a, rows * columns_a, "a"), pointer(b, rows * columns_b, "b"),
                      pointer(c, columns_a * columns_b, "c"), pointer(column_sum, columns_a, "column_sum"), scratch.data()};
    const int largest = team_that_fits(scratch.size(), [&](int size) { return k.outer_scratch(p, size); });
    run(2.0 * rows * columns_a * columns_b, [&](Team* team, int rank, int size) { k.outer_product(p, team, rank, size); }, largest);
  }, "a"_a, "b"_a, "rows"_a, "columns_a"_a, "columns_b"_a, "c"_a, "column_sum"_a.none(), "scratch"_a);
  m.def("outer_scratch", [](const In<T>&, std::int64_t rows, std::int64_t columns_a, std::int64_t columns_b) {
    OuterProduct<T> p{rows, columns_a, columns_b, nullptr, nullptr, nullptr, nullptr, nullptr};
    return kernels<T>().outer_scratch(p, thread_limit());
  });
  m.def("softmax_cross_entropy", [](const In<T>& logits, const Indices& targets, std::int64_t rows, std::int64_t classes, const Out<T>& losses,
                                    const Out<T>& dlogits) {
    const T* z = pointer(logits, rows * classes, "logits");
    const std::int32_t* target = pointer(targets, rows, "targets");
    T* loss = pointer(losses, rows, "losses");
    T* dz = pointer(dlogits, rows * classes, "dlogits");
    run(50.0 * rows * classes,
        [&](Team*, int rank, int size) { kernels<T>().softmax_cross_entropy(rows, classes, z, target, loss, dz, rank, size); });
  });
  m.def("activation", [](const std::string& name, const In<T>& x, const Out<T>& y) {
    const std::int64_t n = static_cast<std::int64_t>(x.size());
    T* out = pointer(y, n, "y");
    nb::gil_scoped_release release;
    const auto& k = kernels<T>();
    (name == "exp" ? k.exp : name == "sigmoid" ? k.sigmoid : k.tanh)(n, x.data(), out);
  });

  using ForwardRun = Run<ForwardCall<T>>;
  nb::class_<ForwardRun>(m, sizeof(T) == 4 ? "Forward32" : "Forward64").def("run", [](const ForwardRun& self) {
    const ForwardCall<T>& f = self.call;
    run(2.0 * f.batch.steps * f.batch.size * self.gates() * f.H * (f.H + f.I),
        [&](Team* team, int rank, int size) { kernels<T>().cells[self.cell].forward(f, team, rank, size); });
  });

  m.def("fma_rate", [](const In<T>&, double seconds) {
    using Clock = std::chrono::steady_clock;
    std::atomic<double> total{0};
    run(1e12, [&](Team* team, int, int) {
      double flops = 0, elapsed = 0;
      if (!team_barrier(team)) return;
      const Clock::time_point start = Clock::now();
      while (elapsed < seconds) {
        flops += kernels<T>().multiply_add(10000);
        elapsed = std::chrono::duration<double>(Clock::now() - start).count();
      }
      const double rate = flops / elapsed;
      for (double before = total; !total.compare_exchange_weak(before, before + rate);) {
      }
    });
    return total.load();
  });

  using StepRun = Step<T>;
  nb::class_<StepRun>(m, sizeof(T) == 4 ? "Step32" : "Step64").def(
      "run", &StepRun::run, "x"_a.noconvert(), "h"_a.noconvert(), "c"_a.noconvert().none(), "h_new"_a.noconvert(),
      "c_new"_a.noconvert().none());
  m.def("step", [](int cell, std::int64_t N, std::int64_t I, std::int64_t H, const std::vector<In<T>>& panels_ih,
                   const std::vector<In<T>>& panels_hh, const std::vector<In<T>>& bias, const std::vector<In<T>>& bias_hn) {
    return StepRun(static_cast<CellKind>(cell), N, I, H, panels_ih, panels_hh, bias, bias_hn);
  });

  m.def("forward", [](int cell, std::int64_t T_, std::int64_t N, std::int64_t I, std::int64_t H, bool reverse, const Maybe<Indices>& lengths,
                      const Maybe<Indices>& order, const Maybe<Indices>& running, const Maybe<In<T>>& x, const Maybe<Indices>& tokens,
                      const Maybe<In<T>>& token_table, const Maybe<In<T>>& panels_ih, const In<T>& panels_hh, const Maybe<In<T>>& bias,
                      const Maybe<In<T>>& bias_hn, const In<T>& h0, const Maybe<In<T>>& c0, const Rows<T>& y, const Maybe<Out<T>>& c,
                      bool keep_c, const Out<T>& gates, bool keep_gates, std::int64_t chunk, const Maybe<Out<T>>& checkpoints,
                      const Maybe<Starts>& chunk_starts) {
    const auto& k = kernels<T>();
    ForwardRun self{static_cast<CellKind>(cell), {}};
    const std::int64_t G = self.gates(), chunks = chunk_starts ? static_cast<std::int64_t>(chunk_starts->size()) : 0;
    self.call = {{T_, N, pointer(lengths, N, "lengths"), pointer(order, N, "order"), pointer(running, T_, "running"), reverse},
                 I,
                 H,
                 pointer(x, T_ * N * I, "x"),
                 pointer(tokens, T_ * N, "tokens"),
                 token_table ? token_table->data() : nullptr,
                 pointer(panels_ih, k.cells[cell].packed_size(H, I), "panels_ih"),
                 pointer(panels_hh, k.cells[cell].packed_size(H, H), "panels_hh"),
                 pointer(bias, G * H, "bias"),
                 pointer(bias_hn, H, "bias_hn"),
                 pointer(h0, N * H, "h0"),
                 pointer(c0, N * H, "c0"),
                 pointer(y, T_ * N * H, "y"),
                 y.stride(0),
                 pointer(c, (keep_c ? T_ : 1) * N * H, "c"),
                 keep_c,
                 pointer(gates, (keep_gates ? T_ : chunk) * N * self.slots() * H, "gates"),
                 keep_gates,
                 chunk,
                 pointer(checkpoints, chunks * N * H, "checkpoints"),
                 chunk_starts ? chunk_starts->data() : nullptr,
                 chunks};
    return self;
  }, "cell"_a, "T"_a, "N"_a, "I"_a, "H"_a, "reverse"_a, "lengths"_a.none(), "order"_a.none(), "running"_a.none(), "x"_a.none(),
        "tokens"_a.none(), "token_table"_a.none(), "panels_ih"_a.none(), "panels_hh"_a, "bias"_a.none(), "bias_hn"_a.none(), "h0"_a,
        "c0"_a.none(), "y"_a, "c"_a.none(), "keep_c"_a, "gates"_a, "keep_gates"_a, "chunk"_a, "checkpoints"_a.none(),
        "chunk_starts"_a.none(), nb::keep_alive<0, 7>(), nb::keep_alive<0, 8>(), nb::keep_alive<0, 9>(), nb::keep_alive<0, 10>(),
        nb::keep_alive<0, 11>(), nb::keep_alive<0, 12>(), nb::keep_alive<0, 13>(), nb::keep_alive<0, 14>(), nb::keep_alive<0, 15>(),
        nb::keep_alive<0, 16>(), nb::keep_alive<0, 17>(), nb::keep_alive<0, 18>(), nb::keep_alive<0, 19>(), nb::keep_alive<0, 20>(),
        nb::keep_alive<0, 22>(), nb::keep_alive<0, 25>(), nb::keep_alive<0, 26>());

  m.def("backward", [](const ForwardRun& forward, const In<T>& panels_hh, const Maybe<In<T>>& panels_ih, const Maybe<Rows<const T>>& dy,
                       const Maybe<In<T>>& dh_last, const Maybe<Out<T>>& carry, const Out<T>& dh0, const Maybe<Out<T>>& dx,
                       const Maybe<Out<T>>& dweight_ih, const Out<T>& dweight_hh, const Maybe<Out<T>>& dbias, const Maybe<Out<T>>& dbias_hn,
                       const Maybe<Out<T>>& dtoken_table, const Out<T>& scratch, const Starts& chunk_starts, std::int64_t chunk_rows) {
    const auto& k = kernels<T>();
    const ForwardCall<T>& f = forward.call;
    const std::int64_t G = forward.gates(), T_ = f.batch.steps, N = f.batch.size, I = f.I, H = f.H;
    const BackwardCall<T> call{f,
                               pointer(panels_hh, k.packed_size({1, H, G * H}), "panels_hh"),
                               pointer(panels_ih, k.packed_size({1, I, G * H}), "panels_ih"),
                               pointer(dy, T_ * N * H, "dy"),
                               dy ? dy->stride(0) : 0,
                               pointer(dh_last, N * H, "dh_last"),
                               pointer(carry, N * H, "carry"),
                               pointer(dh0, N * H, "dh0"),
                               pointer(dx, T_ * N * I, "dx"),
                               pointer(dweight_ih, G * H * I, "dweight_ih"),
                               pointer(dweight_hh, G * H * H, "dweight_hh"),
                               pointer(dbias, G * H, "dbias"),
                               pointer(dbias_hn, H, "dbias_hn"),
                               dtoken_table ? dtoken_table->data() : nullptr,
                               scratch.data(),
                               chunk_starts.data(),
                               static_cast<std::int64_t>(chunk_starts.size()),
                               chunk_rows};
    const Cell<T>& cell = k.cells[forward.cell];
    const int largest = team_that_fits(scratch.size(), [&](int size) { return cell.backward_scratch(call, size); });
    run(4.0 * T_ * N * G * H * (H + I), [&](Team* team, int rank, int size) { cell.backward(call, team, rank, size); }, largest);
  }, "forward"_a, "panels_hh"_a, "panels_ih"_a.none(), "dy"_a.none(), "dh_last"_a.none(), "carry"_a.none(), "dh0"_a, "dx"_a.none(),
        "dweight_ih"_a.none(), "dweight_hh"_a, "dbias"_a.none(), "dbias_hn"_a.none(), "dtoken_table"_a.none(), "scratch"_a,
        "chunk_starts"_a, "chunk_rows"_a);

  m.def("backward_scratch", [](const ForwardRun& forward, std::int64_t chunk_rows) {
    BackwardCall<T> call{};
    call.forward = forward.call, call.chunk_rows = chunk_rows;
    return kernels<T>().cells[forward.cell].backward_scratch(call, thread_limit());
  });
}

}  // namespace
}  // namespace unrolled

NB_MODULE(_native, m) {
  using namespace unrolled;
  bind<float>(m);
  bind<double>(m);
  m.def("empty", [](std::int64_t bytes) {
    void* memory = take_memory(static_cast<std::size_t>(bytes));
    const nb::capsule owner(memory, [](void* p) noexcept { give_memory(p); });
    return nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>>(memory, {static_cast<std::size_t>(bytes)}, owner);
  });
  m.def("release_memory", &release_memory);
  m.def("thread_limit", &thread_limit);
  m.def("set_thread_limit", &set_thread_limit);
  m.def("instruction_set", [] { return std::string(kernel_table().name); });
  m.def("usable_instruction_sets", &usable_instruction_sets);
  m.def("choose_instruction_set", &choose_instruction_set);
}
