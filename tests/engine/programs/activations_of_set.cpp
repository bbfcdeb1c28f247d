// The kernels' exp, sigmoid and tanh, compiled with the flags of one instruction set; SET is its name.
//
// PLANT(x, y) may be defined as a wrong version of the result y of x: so a test sees that the program notices it.
#include "activations.hpp"
#include "kernels.hpp"

#ifndef PLANT
#define PLANT(x, y) y
#endif
#define JOINED_(a, b) a##b
#define JOINED(a, b) JOINED_(a, b)
#define QUOTED_(a) #a
#define QUOTED(a) QUOTED_(a)

namespace {

template <typename T, void (*Kernel)(std::int64_t, const T*, T*)> void planted(std::int64_t count, const T* x, T* y) {
  Kernel(count, x, y);
  for (std::int64_t i = 0; i < count; ++i) y[i] = PLANT(x[i], y[i]);
}

}  // namespace

using namespace unrolled;
extern const ActivationsOfSet JOINED(activations_, SET) = {
    QUOTED(SET),
    {&planted<float, exp_of<float>>, &planted<float, sigmoid_of<float>>, &planted<float, tanh_of<float>>},
    {&planted<double, exp_of<double>>, &planted<double, sigmoid_of<double>>, &planted<double, tanh_of<double>>}};
