// The kernels' face to Python: arrays in, pointers out, the GIL released; no mathematics and no choice of algorithm.
//
// Shapes are checked, and errors worded, in engine/*.py; here a wrong number of entries is refused as a last guard of memory.
#include <algorithm>
#include <atomic>
#include <chrono>

#include "arrays.hpp"

using namespace nanobind::literals;

namespace unrolled {
namespace {

// The largest team for which `entries` are room enough. The limit may have changed since the caller made the scratch: another Python
// thread may set it at any time.
template <typename ScratchOf> int team_that_fits(std::int64_t entries, ScratchOf scratch_of) {
  int size = thread_limit();
  while (size > 1 && scratch_of(size) > entries) --size;
  if (scratch_of(size) > entries) refuse("scratch");
  return size;
}

template <typename T> void bind(nb::module_& m) {
  m.def("packed_size", [](const In<T>&, std::int64_t units, std::int64_t depth) { return kernels<T>().packed_size({units, depth}); });
  m.def("pack", [](const Out<T>& packed, std::int64_t units, std::int64_t depth, const In<T>& source, bool transposed) {
    const PanelShape shape{units, depth};
    const auto& k = kernels<T>();
    T* to = pointer(packed, k.packed_size(shape), "packed");
    const T* from = pointer(source, units * depth, "source");
    run(8.0 * units * depth, [&](Team*, int rank, int size) {
      k.pack(to, shape, from, transposed ? depth : 1, transposed ? 1 : units, rank, size);
    });
  });
  m.def("rows_product", [](const In<T>& a, std::int64_t rows, const In<T>& panels, std::int64_t units, std::int64_t depth,
                           const Maybe<In<T>>& bias, const Out<T>& c) {
    const auto& k = kernels<T>();
    const PanelShape shape{units, depth};
    const RowsProduct<T> p{rows,  pointer(a, rows * depth, "a"),    depth, pointer(panels, k.packed_size(shape), "panels"),
                           shape, pointer(bias, units, "bias"), pointer(c, rows * units, "c"), units};
    run(2.0 * rows * units * depth, [&](Team* team, int rank, int size) { k.rows_product(p, team, rank, size); });
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
}

}  // namespace
}  // namespace unrolled

NB_MODULE(_native, m) {
  using namespace unrolled;
  bind<float>(m);
  bind<double>(m);
  bind_network(m);
  bind_variants(m);
  m.def("empty", [](std::int64_t bytes) {
    void* memory = take_memory(static_cast<std::size_t>(bytes));
    const nb::capsule owner(memory, [](void* p) noexcept { give_memory(p); });
    return nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>>(memory, {static_cast<std::size_t>(bytes)}, owner);
  });
  m.def("release_memory", &release_memory);
  m.def("cores_are_crowded", &cores_are_crowded);
  m.def("notice_crowds", &notice_crowds);
  m.def("thread_limit", &thread_limit);
  m.def("set_thread_limit", &set_thread_limit);
  m.def("instruction_set", [] { return std::string(kernel_table().name); });
  m.def("usable_instruction_sets", &usable_instruction_sets);
  m.def("choose_instruction_set", &choose_instruction_set);
}
