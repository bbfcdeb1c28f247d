#include <nanobind/nanobind.h>

#include "dispatch.hpp"

NB_MODULE(_native, module) { module.def("kernel_name", &unrolled::kernel_name); }
