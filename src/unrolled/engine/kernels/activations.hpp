// exp, sigmoid and tanh of a whole register; no loop over an array (kernels.hpp has that).
//
// All three start from one reduction: y = n ln 2 + r with |r| <= ln(2)/2, so e^y = 2^n e^r, and a polynomial gives e^r - 1.
//   sigmoid(x) = e^x / (1 + e^x)           from e^-|x|, which never overflows: (x < 0 ? e^-|x| : 1) / (1 + e^-|x|)
//   tanh(x)    = (1 - e^-2x) / (1 + e^-2x) from m = e^-2|x| - 1, which keeps its digits near zero: -m / (2 + m), sign of x
#pragma once

#include "vec.hpp"

namespace unrolled {
namespace {

template <typename T> struct ExpConstants;

template <> struct ExpConstants<float> {
  static constexpr float log2_e = 1.44269504088896341f;
  static constexpr float ln2_high = 0.693359375f;  // 10 bits, so that n * ln2_high is exact
  static constexpr float ln2_low = -2.12194440054690583e-4f;
  static constexpr float round_magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  static constexpr float lowest = -104.0f;           // e^-104 rounds to 0
  static constexpr int mantissa_bits = 23;
  static constexpr int exponent_bias = 127;
  static constexpr int degree = 6;
  // 1/k! for k = 2 ...: the remainder after r^7/7! is below 0.1 ulp for |r| <= ln(2)/2
  static constexpr float coefficient[degree] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f};
};

template <> struct ExpConstants<double> {
  static constexpr double log2_e = 1.44269504088896340736;
  static constexpr double ln2_high = 6.93147180369123816490e-01;  // 32 bits
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr double round_magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double lowest = -746.0;
  static constexpr int mantissa_bits = 52;
  static constexpr int exponent_bias = 1023;
  static constexpr int degree = 12;
  static constexpr double coefficient[degree] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                                 1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                                 1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
};

// y = n ln 2 + r; gives e^r - 1 and the integer n. A NaN stays one: it is in e^r - 1.
template <typename T> struct Reduced {
  Vec<T> expm1_r;
  typename Vec<T>::Int n;
};
template <typename T> UNROLLED_INLINE Reduced<T> reduce_exp(Vec<T> y) {
  using C = ExpConstants<T>;
  const Vec<T> magic = broadcast(C::round_magic);
  const Vec<T> shifted = fma(y, broadcast(C::log2_e), magic);
  const Vec<T> n = shifted - magic;
  Vec<T> r = fma(n, broadcast(-C::ln2_high), y);
  r = fma(n, broadcast(-C::ln2_low), r);
  Vec<T> q = broadcast(C::coefficient[0]);
#pragma GCC unroll 16
  for (int k = 1; k < C::degree; ++k) q = fma(q, r, broadcast(C::coefficient[k]));
  return {fma(r * r, q, r), bits(shifted) - bits(magic)};
}

template <typename T> UNROLLED_INLINE Vec<T> power_of_two(typename Vec<T>::Int n) {
  using C = ExpConstants<T>;
  return from_bits<T>((n + C::exponent_bias) << C::mantissa_bits);
}

// e^y for y <= 0, denormal results included: 2^n in two factors, so that only the last product rounds.
template <typename T> UNROLLED_INLINE Vec<T> exp_nonpositive(Vec<T> y) {
  const Vec<T> lowest = broadcast(ExpConstants<T>::lowest);
  const Reduced<T> e = reduce_exp(select<T>(y.raw < lowest.raw, lowest, y));
  const typename Vec<T>::Int half = e.n >> 1;
  return (e.expm1_r + broadcast(T(1))) * power_of_two<T>(half) * power_of_two<T>(e.n - half);
}

template <typename T> UNROLLED_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = broadcast(T(1));
  const Vec<T> e = exp_nonpositive(-absolute(x));
  return select<T>(x.raw < broadcast(T(0)).raw, e, one) / (one + e);
}

template <typename T> UNROLLED_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> lowest = broadcast(T(-80));  // e^-80 is far below the last digit of 1 - e^-2|x| in float and in double
  const Vec<T> y = absolute(x) * broadcast(T(-2));
  const Reduced<T> e = reduce_exp(select<T>(y.raw < lowest.raw, lowest, y));
  const Vec<T> scale = power_of_two<T>(e.n);
  const Vec<T> m = fma(scale, e.expm1_r, scale - broadcast(T(1)));  // e^-2|x| - 1
  return copy_sign(absolute(m) / (broadcast(T(2)) + m), x);
}

}  // namespace
}  // namespace unrolled
