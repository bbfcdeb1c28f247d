// The kernels for x86-64 processors with AVX-512 (F, DQ, BW, VL).
#include "kernels.hpp"

namespace unrolled {
extern const KernelTable kernel_table_avx512 = {"avx512", kernels<float>(), kernels<double>()};
}  // namespace unrolled
