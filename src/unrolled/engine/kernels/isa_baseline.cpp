// The kernels for every x86-64 processor: SSE2, no fused multiply-add.
#include "kernels.hpp"

namespace unrolled {
extern const KernelTable kernel_table_baseline = {"baseline", kernels<float>(), kernels<double>()};
}  // namespace unrolled
