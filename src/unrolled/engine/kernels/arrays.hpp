// NumPy arrays as pointers, and how native work is run: shared by the files that face Python.
//
// Shapes are checked, and errors worded, in engine/*.py; here a wrong number of entries is refused as a last guard of memory.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "dispatch.hpp"
#include "memory.hpp"
#include "threads.hpp"

namespace unrolled {

namespace nb = nanobind;

template <typename T> using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <typename T> using Out = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <typename A> using Maybe = std::optional<A>;
using Indices = In<std::int32_t>;

[[noreturn]] inline void refuse(const char* name) {
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
template <> inline const Kernels<float>& kernels<float>() { return kernel_table().float32; }
template <> inline const Kernels<double>& kernels<double>() { return kernel_table().float64; }

inline bool interrupted() {
  nb::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

// How many threads work of so many flops is worth: waking one takes about as long as a million flops.
inline int team_worth(double flops) {
  const double worth = flops / 1e6, most = thread_limit();
  return worth < 2 ? 1 : static_cast<int>(worth < most ? worth : most);
}

// Runs `body(team, rank, size)` on a team of at most `largest` without the GIL.
template <typename Body> void run(double flops, Body body, int largest = 1024) {
  if (flops < 1e5) return body(nullptr, 0, 1);  // releasing the GIL would cost more
  const int worth = team_worth(flops), wanted = worth < largest ? worth : largest;
  bool finished;
  {
    nb::gil_scoped_release release;
    finished = run_team(
        wanted, [](void* context, Team* team, int rank, int size) { (*static_cast<Body*>(context))(team, rank, size); }, &body,
        interrupted);
  }
  if (!finished) throw nb::python_error();
}

void bind_network(nb::module_& m);
void bind_variants(nb::module_& m);

}  // namespace unrolled
