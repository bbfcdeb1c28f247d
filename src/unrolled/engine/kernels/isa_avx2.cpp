// The kernels for x86-64 processors with AVX2 and FMA.
#include "kernels.hpp"

namespace unrolled {
extern const KernelTable kernel_table_avx2 = {"avx2", kernels<float>(), kernels<double>()};
}  // namespace unrolled
