// Which instruction set this processor has, and its kernels.
#pragma once

#include <string>
#include <vector>

#include "table.hpp"

namespace unrolled {

// The names of the sets that were built and that this processor runs, the widest last.
std::vector<std::string> usable_instruction_sets();

// The kernels in use: the widest usable ones, unless `choose_instruction_set` chose others.
const KernelTable& kernel_table();

// False when `name` was not built or does not run here.
bool choose_instruction_set(const std::string& name);

}  // namespace unrolled
