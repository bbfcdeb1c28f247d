// The kernels for aarch64 processors.
#include "kernels.hpp"

namespace unrolled {
extern const KernelTable kernel_table_neon = {"neon", kernels<float>(), kernels<double>()};
}  // namespace unrolled
