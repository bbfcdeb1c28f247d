#include <thread>

namespace unrolled {
unsigned threads() { return std::thread::hardware_concurrency(); }
}  // namespace unrolled
