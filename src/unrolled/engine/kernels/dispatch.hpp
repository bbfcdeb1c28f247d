#pragma once

namespace unrolled {
const char* kernel_name();
}
