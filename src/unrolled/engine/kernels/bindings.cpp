// The kernels' face to Python: arrays in, pointers out, the GIL released; no mathematics and no choice of algorithm.
//
// Shapes are checked, and errors worded, in engine/*.py; here a wrong number of entries is refused as a last guard of memory.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <optional>
#include <stdexcept>

#include "dispatch.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace unrolled {
namespace {

template <typename T> using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <typename T> using Out = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <typename A> using Maybe = std::optional<A>;
using Tokens = In<std::int32_t>;

[[noreturn]] void refuse(const char* name) {
  throw std::length_error(std::string("unrolled.engine: internal error: `") + name + "` has an unexpected number of entries");
}
template <typename A> auto* pointer(const A& array, std::int64_t entries, const char* name) {
  if (static_cast<std::int64_t>(array.size()) != entries) refuse(name);
  return array.data();
}
template <typename A> auto pointer(const Maybe<A>& array, std::int64_t entries, const char* name) -> decltype(array->data()) {
  return array ? pointer(*array, entries, name) : nullptr;
}

template <typename T> const Kernels<T>& kernels();
template <> const Kernels<float>& kernels<float>() { return kernel_table().float32; }
template <> const Kernels<double>& kernels<double>() { return kernel_table().float64; }

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

// Runs `body(team, rank, size)` on a team of at most `largest` without the GIL. Work of a few microseconds is not worth waking one.
template <typename Body> void run(double flops, Body body, int largest = 1024) {
  constexpr double flops_worth_a_thread = 1e5;
  const double worth = flops / flops_worth_a_thread;
  const int wanted = worth < 2 ? 1 : worth < largest ? static_cast<int>(worth) : largest;
  bool finished;
  {
    nb::gil_scoped_release release;
    finished = run_team(
        wanted, [](void* context, Team* team, int rank, int size) { (*static_cast<Body*>(context))(team, rank, size); }, &body,
        interrupted);
  }
  if (!finished) throw nb::python_error();
}

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
    run(16.0 * columns * depth, [&](Team*, int rank, int size) {
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
  m.def("softmax_cross_entropy", [](const In<T>& logits, const Tokens& targets, std::int64_t rows, std::int64_t classes, const Out<T>& losses,
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
    (name == "sigmoid" ? kernels<T>().sigmoid : kernels<T>().tanh)(n, x.data(), out);
  });

  m.def("forward", [](const std::string& cell, std::int64_t T_, std::int64_t N, std::int64_t I, std::int64_t H, const Maybe<In<T>>& x,
                      const Maybe<Tokens>& tokens, const Maybe<In<T>>& token_table, const Maybe<In<T>>& panels_ih, const In<T>& panels_hh,
                      const Maybe<In<T>>& bias, const In<T>& h0, const Maybe<In<T>>& c0, const Out<T>& y, const Maybe<Out<T>>& c,
                      const Out<T>& gates, std::int64_t ring, bool keep) {
    const auto& k = kernels<T>();
    const bool lstm = cell == "lstm";
    const std::int64_t G = lstm ? 4 : 1;
    ForwardCall<T> call{T_, N, I, H,
                        pointer(x, T_ * N * I, "x"),
                        pointer(tokens, T_ * N, "tokens"),
                        token_table ? token_table->data() : nullptr,
                        pointer(panels_ih, k.packed_size({G, H, I}), "panels_ih"),
                        pointer(panels_hh, k.packed_size({G, H, H}), "panels_hh"),
                        pointer(bias, G * H, "bias"),
                        pointer(h0, N * H, "h0"),
                        pointer(c0, N * H, "c0"),
                        pointer(y, T_ * N * H, "y"),
                        pointer(c, (keep ? T_ : 1) * N * H, "c"),
                        pointer(gates, ring * N * G * H, "gates"),
                        ring, keep};
    run(2.0 * T_ * N * G * H * (H + I), [&](Team* team, int rank, int size) { (lstm ? k.lstm : k.rnn).forward(call, team, rank, size); });
  }, "cell"_a, "T"_a, "N"_a, "I"_a, "H"_a, "x"_a.none(), "tokens"_a.none(), "token_table"_a.none(), "panels_ih"_a.none(), "panels_hh"_a,
        "bias"_a.none(), "h0"_a, "c0"_a.none(), "y"_a, "c"_a.none(), "gates"_a, "ring"_a, "keep"_a);

  m.def("backward", [](const std::string& cell, std::int64_t T_, std::int64_t N, std::int64_t I, std::int64_t H, const Maybe<In<T>>& x,
                       const Maybe<Tokens>& tokens, const In<T>& h0, const Maybe<In<T>>& c0, const In<T>& y, const Maybe<In<T>>& c,
                       const Maybe<In<T>>& gates, const In<T>& panels_hh, const Maybe<In<T>>& panels_ih, const Maybe<In<T>>& dy,
                       const Maybe<In<T>>& dh_last, const Maybe<Out<T>>& dc, const Out<T>& dh0, const Maybe<Out<T>>& dx,
                       const Maybe<Out<T>>& dweight_ih, const Out<T>& dweight_hh, const Maybe<Out<T>>& dbias,
                       const Maybe<Out<T>>& dtoken_table, const Out<T>& scratch, std::int64_t chunk) {
    const auto& k = kernels<T>();
    const bool lstm = cell == "lstm";
    const std::int64_t G = lstm ? 4 : 1;
    BackwardCall<T> call{T_, N, I, H,
                         pointer(x, T_ * N * I, "x"),
                         pointer(tokens, T_ * N, "tokens"),
                         pointer(h0, N * H, "h0"),
                         pointer(c0, N * H, "c0"),
                         pointer(y, T_ * N * H, "y"),
                         pointer(c, T_ * N * H, "c"),
                         pointer(gates, T_ * N * G * H, "gates"),
                         pointer(panels_hh, k.packed_size({1, H, G * H}), "panels_hh"),
                         pointer(panels_ih, k.packed_size({1, I, G * H}), "panels_ih"),
                         pointer(dy, T_ * N * H, "dy"),
                         pointer(dh_last, N * H, "dh_last"),
                         pointer(dc, N * H, "dc"),
                         pointer(dh0, N * H, "dh0"),
                         pointer(dx, T_ * N * I, "dx"),
                         pointer(dweight_ih, G * H * I, "dweight_ih"),
                         pointer(dweight_hh, G * H * H, "dweight_hh"),
                         pointer(dbias, G * H, "dbias"),
                         dtoken_table ? dtoken_table->data() : nullptr,
                         scratch.data(), chunk};
    const Cell<T>& c_ = lstm ? k.lstm : k.rnn;
    const int largest = team_that_fits(scratch.size(), [&](int size) { return c_.backward_scratch(call, size); });
    run(4.0 * T_ * N * G * H * (H + I), [&](Team* team, int rank, int size) { c_.backward(call, team, rank, size); }, largest);
  }, "cell"_a, "T"_a, "N"_a, "I"_a, "H"_a, "x"_a.none(), "tokens"_a.none(), "h0"_a, "c0"_a.none(), "y"_a, "c"_a.none(), "gates"_a.none(),
        "panels_hh"_a, "panels_ih"_a.none(), "dy"_a.none(), "dh_last"_a.none(), "dc"_a.none(), "dh0"_a, "dx"_a.none(),
        "dweight_ih"_a.none(), "dweight_hh"_a, "dbias"_a.none(), "dtoken_table"_a.none(), "scratch"_a, "chunk"_a);

  m.def("backward_scratch", [](const In<T>&, const std::string& cell, std::int64_t N, std::int64_t I, std::int64_t H, bool tokens,
                               std::int64_t chunk) {
    const std::int32_t token = 0;
    BackwardCall<T> call{};
    call.N = N, call.I = I, call.H = H, call.chunk = chunk, call.tokens = tokens ? &token : nullptr;
    const auto& k = kernels<T>();
    return (cell == "lstm" ? k.lstm : k.rnn).backward_scratch(call, thread_limit());
  });
}

}  // namespace
}  // namespace unrolled

NB_MODULE(_native, m) {
  using namespace unrolled;
  bind<float>(m);
  bind<double>(m);
  m.def("thread_limit", &thread_limit);
  m.def("set_thread_limit", &set_thread_limit);
  m.def("instruction_set", [] { return std::string(kernel_table().name); });
  m.def("usable_instruction_sets", &usable_instruction_sets);
  m.def("choose_instruction_set", &choose_instruction_set);
}
