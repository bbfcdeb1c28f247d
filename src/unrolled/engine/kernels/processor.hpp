// What this x86-64 processor and its operating system offer; chooses nothing.
//
// It asks cpuid itself: __builtin_cpu_supports reads a table of the compiler's runtime, which zig c++ 0.17 leaves empty.
#pragma once

#include <cpuid.h>

namespace unrolled {

struct Processor {
  bool avx2;    // with FMA
  bool avx512;  // F, DQ, BW, VL, and the above
};

inline Processor this_processor() {
  Processor has = {false, false};
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return has;
  const bool fma = c & bit_FMA;
  // the registers that the operating system saves: xmm and ymm, then the masks and both halves of zmm as well
  unsigned saved, unused;
  __asm__("xgetbv" : "=a"(saved), "=d"(unused) : "c"(0));
  const unsigned ymm = 0x06, zmm = 0xe6;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return has;
  has.avx2 = fma && (b & bit_AVX2) && (saved & ymm) == ymm;
  const unsigned wanted = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  has.avx512 = has.avx2 && (b & wanted) == wanted && (saved & zmm) == zmm;
  return has;
}

}  // namespace unrolled
