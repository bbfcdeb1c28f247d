#include "dispatch.hpp"

namespace unrolled {
const char* kernel_table_baseline();
const char* kernel_name() { return kernel_table_baseline(); }
}  // namespace unrolled
