// exp, sigmoid and tanh of a whole register; no loop over an array (kernels.hpp has that).
//
// All three start from one reduction: y = n ln 2 + r with |r| <= ln(2)/2, so e^y = 2^n e^r, and a polynomial gives e^r - 1.
//   sigmoid(x) = 1 / (1 + e^-x)            with e^-x = 2^-n e^r as 2^n / (2^n + 1 + (e^r - 1)), which never overflows
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
  static constexpr float sigmoid_is_one = 20.0f;     // to the last digit
  static constexpr int mantissa_bits = 23;
  static constexpr int exponent_bias = 127;
  static constexpr int degree = 5;
  // (e^r - 1 - r) / r^2 for |r| <= ln(2)/2 with the least greatest error, which is below 0.08 ulp of e^r
  static constexpr float coefficient[degree] = {0.00139506022f, 0.00836895313f, 0.041666206f, 0.166665182f, 0.5f};
};

template <> struct ExpConstants<double> {
  static constexpr double log2_e = 1.44269504088896340736;
  static constexpr double ln2_high = 6.93147180369123816490e-01;  // 32 bits
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr double round_magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double lowest = -746.0;
  static constexpr double sigmoid_is_one = 40.0;
  static constexpr int mantissa_bits = 52;
  static constexpr int exponent_bias = 1023;
  static constexpr int degree = 12;
  static constexpr double coefficient[degree] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                                 1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                                 1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
};

// n ln 2 as the nearest to y, n as a number and as an integer.
template <typename T> struct Multiple {
  Vec<T> n;
  typename Vec<T>::Int integer;
};
template <typename T> UNROLLED_INLINE Multiple<T> nearest_multiple(Vec<T> y) {
  const Vec<T> magic = broadcast(ExpConstants<T>::round_magic), shifted = fma(y, broadcast(ExpConstants<T>::log2_e), magic);
  return {shifted - magic, bits(shifted) - bits(magic)};
}
// (e^r - 1 - r) / r^2
template <typename T> UNROLLED_INLINE Vec<T> expm1_rest(Vec<T> r) {
  using C = ExpConstants<T>;
  Vec<T> q = broadcast(C::coefficient[0]);
#pragma GCC unroll 16
  for (int k = 1; k < C::degree; ++k) q = fma(q, r, broadcast(C::coefficient[k]));
  return q;
}
// e^r - 1. A NaN stays one.
template <typename T> UNROLLED_INLINE Vec<T> expm1_reduced(Vec<T> r) { return fma(r * r, expm1_rest(r), r); }
// y = n ln 2 + r; gives e^r - 1 and n. A NaN stays one: it is in e^r - 1.
template <typename T> struct Reduced {
  Vec<T> expm1_r;
  Multiple<T> m;
};
template <typename T> UNROLLED_INLINE Reduced<T> reduce_exp(Vec<T> y) {
  using C = ExpConstants<T>;
  const Multiple<T> m = nearest_multiple(y);
  const Vec<T> high = fma(m.n, broadcast(-C::ln2_high), y), r = fma(m.n, broadcast(-C::ln2_low), high);
  if constexpr (sizeof(T) == sizeof(float)) return {expm1_reduced(r), m};
  const Vec<T> r_low = fma(m.n, broadcast(-C::ln2_low), high - r);  // what the rounding of r lost
  return {r + fma(r * r, expm1_rest(r), r_low), m};
}

template <typename T> UNROLLED_INLINE Vec<T> power_of_two(typename Vec<T>::Int n) {
  using C = ExpConstants<T>;
  return from_bits<T>((n + C::exponent_bias) << C::mantissa_bits);
}

// v * 2^n, denormal results included and rounded once; |n| below twice the largest exponent.
#if defined(__AVX512F__)
UNROLLED_INLINE Vec<float> times_power_of_two(Vec<float> v, Multiple<float> m) {
  return {(Vec<float>::Raw)_mm512_scalef_ps((__m512)v.raw, (__m512)m.n.raw)};
}
UNROLLED_INLINE Vec<double> times_power_of_two(Vec<double> v, Multiple<double> m) {
  return {(Vec<double>::Raw)_mm512_scalef_pd((__m512d)v.raw, (__m512d)m.n.raw)};
}
#else
template <typename T> UNROLLED_INLINE Vec<T> times_power_of_two(Vec<T> v, Multiple<T> m) {
  const typename Vec<T>::Int half = m.integer >> 1;  // in two factors, so that only the last product rounds
  return v * power_of_two<T>(half) * power_of_two<T>(m.integer - half);
}
#endif

// e^y for y <= 0.
template <typename T> UNROLLED_INLINE Vec<T> exp_nonpositive(Vec<T> y) {
  const Reduced<T> e = reduce_exp(at_least(ExpConstants<T>::lowest, y));
  return times_power_of_two(e.expm1_r + broadcast(T(1)), e.m);
}

// What is left of a when q b, nearly equal to it, is taken away; rounded once.
UNROLLED_INLINE Vec<double> rest(Vec<double> a, Vec<double> q, Vec<double> b) {
#if defined(__FMA__) || defined(__aarch64__)
  return fma(-q, b, a);
#else  // Dekker 1971: each factor in two halves, whose products are exact
  const Vec<double> splitter = broadcast(134217729.0);  // 2^27 + 1
  const Vec<double> q_high = q * splitter - (q * splitter - q), q_low = q - q_high;
  const Vec<double> b_high = b * splitter - (b * splitter - b), b_low = b - b_high;
  const Vec<double> product = q * b;
  const Vec<double> lost = ((q_high * b_high - product) + q_high * b_low + q_low * b_high) + q_low * b_low;
  return (a - product) - lost;
#endif
}

// a / (b + b_low) with what the roundings of b and of the quotient lost; `reciprocal` is 1 / b to a few per cent. float
// keeps what is asked of it without.
UNROLLED_INLINE Vec<float> divide(Vec<float> a, Vec<float> b, Vec<float>, Vec<float>) { return a / b; }
UNROLLED_INLINE Vec<double> divide(Vec<double> a, Vec<double> b, Vec<double> b_low, Vec<double> reciprocal) {
  const Vec<double> q = a / b;
  return fma(fma(-q, b_low, rest(a, q, b)), reciprocal, q);
}

template <typename T> UNROLLED_INLINE Vec<T> sigmoid(Vec<T> x) {
  using C = ExpConstants<T>;
  const Vec<T> one = broadcast(T(1)), y = at_least(C::lowest - 1, at_most(C::sigmoid_is_one, x));
  const Multiple<T> m = nearest_multiple(y);
  Vec<T> r = fma(m.n, broadcast(C::ln2_high), -y);  // -y = -n ln 2 + r
  r = fma(m.n, broadcast(C::ln2_low), r);
  // 1 + 2^n is exact, or is the larger of the two: the denominator is rounded once
  const Vec<T> e = expm1_reduced(r), larger = one + times_power_of_two(one, m), denominator = e + larger;
  return times_power_of_two(divide(one, denominator, e - (denominator - larger), one / denominator), m);
}

template <typename T> UNROLLED_INLINE Vec<T> tanh(Vec<T> x) {
  const Vec<T> y = at_least(T(-80), negative(x) * broadcast(T(2)));  // e^-80 is far below the last digit of 1 - e^-2|x|
  const Reduced<T> e = reduce_exp(y);
  const Vec<T> scale = times_power_of_two(broadcast(T(1)), e.m);
  const Vec<T> m = fma(scale, e.expm1_r, scale - broadcast(T(1)));  // e^-2|x| - 1
  const Vec<T> two = broadcast(T(2)), denominator = two + m;  // from 1 to 2: 1.457 - denominator / 2 is its reciprocal within 5 %
  const Vec<T> reciprocal = fma(denominator, broadcast(T(-0.5)), broadcast(T(1.457)));
  return copy_sign(divide(m, denominator, m - (denominator - two), reciprocal), x);
}

}  // namespace
}  // namespace unrolled
