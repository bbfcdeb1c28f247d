// One register of numbers, whatever its width; no mathematics beyond + - * / and fused multiply-add.
//
// Written with the vector extensions that GCC, Clang and zig share, so that one text serves SSE2, AVX2, AVX-512 and NEON; an
// intrinsic stands only where the extensions have no word for it. Everything has internal linkage: two instruction sets never
// share a symbol, so the linker cannot give an old machine code for a new one.
#pragma once

#include <stdint.h>
#include <string.h>

#include <utility>  // integer_sequence, a type without code

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define UNROLLED_INLINE inline __attribute__((always_inline))
#define UNROLLED_LAMBDA __attribute__((always_inline))
// For what many loops share and each calls rarely: copies in all of them would double the time to compile and the machine code.
#define UNROLLED_SHARED __attribute__((noinline))

namespace unrolled {
namespace {

using Index = int64_t;

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

// Rows of a register tile of four vectors: as many accumulators as the register file holds beside one weight and the rows'
// broadcasts. 32 registers: 6 x 4 + 6 + 1; 16 registers: 3 x 4 + 3 + 1.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 3;
#endif
constexpr int kTileVectors = 4;

template <typename T> struct IntOf;
template <> struct IntOf<float> { using type = int32_t; };
template <> struct IntOf<double> { using type = int64_t; };

template <typename T> struct Vec {
  typedef T Raw __attribute__((vector_size(kVectorBytes)));
  typedef typename IntOf<T>::type Int __attribute__((vector_size(kVectorBytes)));
  static constexpr int width = kVectorBytes / static_cast<int>(sizeof(T));
  Raw raw;
};

template <typename T> UNROLLED_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) { return {a.raw + b.raw}; }
template <typename T> UNROLLED_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) { return {a.raw - b.raw}; }
template <typename T> UNROLLED_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) { return {a.raw * b.raw}; }
template <typename T> UNROLLED_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) { return {a.raw / b.raw}; }
template <typename T> UNROLLED_INLINE Vec<T> operator-(Vec<T> a) { return {-a.raw}; }

template <typename T> UNROLLED_INLINE Vec<T> load(const T* p) {
  Vec<T> v;
  memcpy(&v.raw, p, sizeof v.raw);
  return v;
}
template <typename T> UNROLLED_INLINE void store(T* p, Vec<T> v) { memcpy(p, &v.raw, sizeof v.raw); }

// The line at p on its way into L2, to be read or to be written; wherever p points, nothing else happens.
template <typename T> UNROLLED_INLINE void fetch_line(const T* p) { __builtin_prefetch(p, 0, 2); }
template <typename T> UNROLLED_INLINE void fetch_line_to_write(const T* p) { __builtin_prefetch(p, 1, 2); }

// An explicit broadcast: GCC 12 turns the extensions' `zero + scalar` into an addition per step of the product.
#if defined(__AVX512F__)
UNROLLED_INLINE Vec<float> broadcast(float x) { return {(Vec<float>::Raw)_mm512_set1_ps(x)}; }
UNROLLED_INLINE Vec<double> broadcast(double x) { return {(Vec<double>::Raw)_mm512_set1_pd(x)}; }
#elif defined(__AVX2__)
UNROLLED_INLINE Vec<float> broadcast(float x) { return {(Vec<float>::Raw)_mm256_set1_ps(x)}; }
UNROLLED_INLINE Vec<double> broadcast(double x) { return {(Vec<double>::Raw)_mm256_set1_pd(x)}; }
#elif defined(__x86_64__)
UNROLLED_INLINE Vec<float> broadcast(float x) { return {(Vec<float>::Raw)_mm_set1_ps(x)}; }
UNROLLED_INLINE Vec<double> broadcast(double x) { return {(Vec<double>::Raw)_mm_set1_pd(x)}; }
#elif defined(__aarch64__)
UNROLLED_INLINE Vec<float> broadcast(float x) { return {(Vec<float>::Raw)vdupq_n_f32(x)}; }
UNROLLED_INLINE Vec<double> broadcast(double x) { return {(Vec<double>::Raw)vdupq_n_f64(x)}; }
#endif

// fma(a, b, c) = a * b + c, rounded once where the processor can. Written out, never left to the compiler (the build says
// -ffp-contract=off): it would fuse differently in differently inlined copies, and bits would depend on the tile.
#if defined(__AVX512F__)
UNROLLED_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return {(Vec<float>::Raw)_mm512_fmadd_ps((__m512)a.raw, (__m512)b.raw, (__m512)c.raw)};
}
UNROLLED_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {(Vec<double>::Raw)_mm512_fmadd_pd((__m512d)a.raw, (__m512d)b.raw, (__m512d)c.raw)};
}
#elif defined(__AVX2__)
UNROLLED_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return {(Vec<float>::Raw)_mm256_fmadd_ps((__m256)a.raw, (__m256)b.raw, (__m256)c.raw)};
}
UNROLLED_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {(Vec<double>::Raw)_mm256_fmadd_pd((__m256d)a.raw, (__m256d)b.raw, (__m256d)c.raw)};
}
#elif defined(__aarch64__)
UNROLLED_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return {(Vec<float>::Raw)vfmaq_f32((float32x4_t)c.raw, (float32x4_t)a.raw, (float32x4_t)b.raw)};
}
UNROLLED_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return {(Vec<double>::Raw)vfmaq_f64((float64x2_t)c.raw, (float64x2_t)a.raw, (float64x2_t)b.raw)};
}
#else
template <typename T> UNROLLED_INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) { return {a.raw * b.raw + c.raw}; }
#endif

template <typename T> UNROLLED_INLINE Vec<T> select(typename Vec<T>::Int mask, Vec<T> yes, Vec<T> no) {
  return {mask ? yes.raw : no.raw};
}
template <typename T> UNROLLED_INLINE typename Vec<T>::Int bits(Vec<T> v) { return (typename Vec<T>::Int)v.raw; }
template <typename T> UNROLLED_INLINE Vec<T> from_bits(typename Vec<T>::Int i) { return {(typename Vec<T>::Raw)i}; }

// The greater or the lesser of a bound and v; v where it is NaN. x86 gives the second operand then, NEON a NaN.
#if defined(__AVX512F__)
UNROLLED_INLINE Vec<float> at_least(float bound, Vec<float> v) {
  return {(Vec<float>::Raw)_mm512_max_ps(_mm512_set1_ps(bound), (__m512)v.raw)};
}
UNROLLED_INLINE Vec<double> at_least(double bound, Vec<double> v) {
  return {(Vec<double>::Raw)_mm512_max_pd(_mm512_set1_pd(bound), (__m512d)v.raw)};
}
UNROLLED_INLINE Vec<float> at_most(float bound, Vec<float> v) {
  return {(Vec<float>::Raw)_mm512_min_ps(_mm512_set1_ps(bound), (__m512)v.raw)};
}
UNROLLED_INLINE Vec<double> at_most(double bound, Vec<double> v) {
  return {(Vec<double>::Raw)_mm512_min_pd(_mm512_set1_pd(bound), (__m512d)v.raw)};
}
#else
template <typename T> UNROLLED_INLINE Vec<T> at_least(T bound, Vec<T> v) {
  return select<T>(v.raw < broadcast(bound).raw, broadcast(bound), v);
}
template <typename T> UNROLLED_INLINE Vec<T> at_most(T bound, Vec<T> v) {
  return select<T>(v.raw > broadcast(bound).raw, broadcast(bound), v);
}
#endif

template <typename T> UNROLLED_INLINE Vec<T> negative(Vec<T> v) { return from_bits<T>(bits(v) | bits(broadcast(T(-0.0)))); }  // -|v|
template <typename T> UNROLLED_INLINE Vec<T> copy_sign(Vec<T> magnitude, Vec<T> sign_of) {
  const typename Vec<T>::Int sign = bits(broadcast(T(-0.0)));
  return from_bits<T>((bits(magnitude) & ~sign) | (bits(sign_of) & sign));
}

// The first n lanes only, for the last vector of a row: memory beyond them is neither read nor written; absent lanes are 0.
#if defined(__AVX512F__)
UNROLLED_INLINE Vec<float> load_n(const float* p, Index n) {
  return {(Vec<float>::Raw)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p)};
}
UNROLLED_INLINE Vec<double> load_n(const double* p, Index n) {
  return {(Vec<double>::Raw)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p)};
}
UNROLLED_INLINE void store_n(float* p, Vec<float> v, Index n) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v.raw);
}
UNROLLED_INLINE void store_n(double* p, Vec<double> v, Index n) {
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v.raw);
}
#else
template <typename T> UNROLLED_INLINE Vec<T> load_n(const T* p, Index n) {
  T lanes[Vec<T>::width] = {};
  for (Index i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
template <typename T> UNROLLED_INLINE void store_n(T* p, Vec<T> v, Index n) {
  T lanes[Vec<T>::width];
  store(lanes, v);
  for (Index i = 0; i < n; ++i) p[i] = lanes[i];
}
#endif

// `n` lanes where n may be the whole width, the common case, which costs one well-predicted branch.
template <typename T> UNROLLED_INLINE Vec<T> load_lanes(const T* p, Index n) {
  return n >= Vec<T>::width ? load(p) : load_n(p, n);
}
template <typename T> UNROLLED_INLINE void store_lanes(T* p, Vec<T> v, Index n) {
  if (n >= Vec<T>::width) store(p, v);
  else store_n(p, v, n);
}

// The entries of two registers in turn, a0 b0 a1 b1 ...: those of their first halves, or of their second.
template <int Half, typename T, int... Lanes>
UNROLLED_INLINE Vec<T> interleave(Vec<T> a, Vec<T> b, std::integer_sequence<int, Lanes...>) {
  constexpr int W = Vec<T>::width;
  return {__builtin_shufflevector(a.raw, b.raw, (Lanes % 2 * W + Half * W / 2 + Lanes / 2)...)};
}
// A square of W registers transposed in place: each round puts neighbours what lay half a square apart.
template <typename T> UNROLLED_INLINE void transpose_square(Vec<T> (&v)[Vec<T>::width]) {
  constexpr int W = Vec<T>::width;
  constexpr std::make_integer_sequence<int, W> lanes;
#pragma GCC unroll 4
  for (int round = 1; round < W; round *= 2) {
    Vec<T> next[W];
#pragma GCC unroll 8
    for (int i = 0; i < W / 2; ++i) {
      next[2 * i] = interleave<0>(v[i], v[i + W / 2], lanes);
      next[2 * i + 1] = interleave<1>(v[i], v[i + W / 2], lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) v[i] = next[i];
  }
}

UNROLLED_INLINE Index least(Index a, Index b) { return a < b ? a : b; }
UNROLLED_INLINE Index most(Index a, Index b) { return a > b ? a : b; }
UNROLLED_INLINE Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

}  // namespace
}  // namespace unrolled
