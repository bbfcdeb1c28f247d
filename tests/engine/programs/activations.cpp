// Holds exp, sigmoid and tanh of every instruction set that runs here to their bounds, float32 for every number there is.
//
//   activations float32 STRIDE   every STRIDE-th of all 2^32 bit patterns; 1: all of them
//   activations float64 COUNT    COUNT samples of every size, and runs of neighbours around every seam
//
// Prints a line for each set and function, and exits 1 where one breaks its bound: more than 3 units of the last digit off
// (float64: 2), somewhere falling, outside its range, or a NaN lost or made.
#include "activations.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include "processor.hpp"
#endif

namespace {

using std::int64_t;

const char* const kNames[kFunctions] = {"exp", "sigmoid", "tanh"};

std::vector<const ActivationsOfSet*> usable_sets() {
#if defined(__x86_64__)
  std::vector<const ActivationsOfSet*> sets = {&activations_baseline};
  const unrolled::Processor has = unrolled::this_processor();
  if (has.avx2) sets.push_back(&activations_avx2);
  if (has.avx512) sets.push_back(&activations_avx512);
  return sets;
#else
  return {&activations_neon};
#endif
}

template <typename To, typename From> To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// A mistake that may happen at several numbers, of which the one nearest to zero is told: threads come to them in any order.
struct Mistake {
  int64_t count = 0;
  double at = 0;

  void join(const Mistake& other) {
    if (other.count && (!count || std::fabs(other.at) < std::fabs(at))) at = other.at;
    count += other.count;
  }
  void made(double x) { join({1, x}); }
};

// What one function of one set did, over all numbers so far.
struct Verdict {
  double worst = 0;  // units of the last digit
  double worst_at = 0;
  int64_t numbers = 0;
  Mistake falls, outside, nan_mistakes;

  void join(const Verdict& other) {
    if (other.worst > worst) worst = other.worst, worst_at = other.worst_at;
    numbers += other.numbers;
    falls.join(other.falls), outside.join(other.outside), nan_mistakes.join(other.nan_mistakes);
  }

  bool print(const char* set, Function f, const char* dtype, double limit) const {
    const bool right = worst <= limit && !falls.count && !outside.count && !nan_mistakes.count;
    std::printf("%s %s %s: %s, %lld numbers, at most %.4f units of the last digit off, at %.17g", set, kNames[f], dtype,
                right ? "right" : "WRONG", static_cast<long long>(numbers), worst, worst_at);
    tell(falls, "falls", "before");
    tell(outside, "leaves its range", "at");
    tell(nan_mistakes, "mistakes a NaN", "at");
    std::printf("\n");
    return right;
  }

 private:
  static void tell(const Mistake& mistake, const char* what, const char* where) {
    if (mistake.count) std::printf("; %s %lld times, first %s %.17g", what, static_cast<long long>(mistake.count), where, mistake.at);
  }
};

using Verdicts = std::vector<Verdict>;  // of (set, function)

double lowest_of(Function f) { return f == kTanh ? -1 : 0; }
double highest_of(Function f) { return f == kExp ? std::numeric_limits<double>::infinity() : 1; }

// float32

// The true values in double, whose own error is far below a digit of float32; an infinity stands as 2^128, where the next float would be.
struct True {
  std::vector<double> of[kFunctions][2];  // of |x|, and of -|x|
};

constexpr double kBeyond = 0x1p128;

void true_values(const std::vector<float>& a, True& t) {
  const std::size_t n = a.size();
  for (auto& signs : t.of)
    for (auto& values : signs) values.resize(n);
  double *e = t.of[kExp][0].data(), *e_neg = t.of[kExp][1].data(), *s = t.of[kSigmoid][0].data(), *s_neg = t.of[kSigmoid][1].data();
  double *th = t.of[kTanh][0].data(), *th_neg = t.of[kTanh][1].data();
  if (a.back() < 0x1p-14f) {  // series: the first term left out is below 2^-58 of the sum
    for (std::size_t i = 0; i < n; ++i) {
      const double x = a[i], x2 = x * x, sum = x / 4 - x2 * x / 48;
      e[i] = 1 + x + x2 / 2 + x2 * x / 6, e_neg[i] = 1 - x + x2 / 2 - x2 * x / 6;
      s[i] = 0.5 + sum, s_neg[i] = 0.5 - sum;
      th[i] = x - x2 * x / 3;
    }
  } else if (a.front() >= 128) {  // flat
    std::fill_n(e, n, kBeyond), std::fill_n(e_neg, n, 0.0), std::fill_n(s, n, 1.0), std::fill_n(s_neg, n, 0.0), std::fill_n(th, n, 1.0);
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      const double x = a[i], small = std::exp(-x);
      e[i] = std::min(std::exp(x), kBeyond), e_neg[i] = small;
      s[i] = 1 / (1 + small), s_neg[i] = small / (1 + small);
      th[i] = std::tanh(x);
    }
  }
  for (std::size_t i = 0; i < n; ++i) th_neg[i] = -th[i];
}

// Units of the last digit of float32 at the true value, denormal numbers included.
inline double digits_off(float found, double truth) {
  const std::uint32_t exponent = bits_as<std::uint32_t>(static_cast<float>(std::fabs(truth))) >> 23;
  const std::uint64_t field = (exponent < 1 ? 1 : exponent > 254 ? 254 : exponent) + (1023 - 127 - 23);
  const double value = std::isinf(found) ? std::copysign(kBeyond, found) : found;
  return std::fabs(value - truth) / bits_as<double>(field << 52);
}

// `n` numbers in order of magnitude; y has one more where a neighbour follows.
void check_float32(Function f, bool negative, const std::vector<float>& x, const std::vector<float>& y, const std::vector<double>& truth,
                   Verdict& v) {
  const std::size_t n = truth.size(), all = y.size();
  const float low = static_cast<float>(lowest_of(f)), high = static_cast<float>(highest_of(f)), sign = negative ? -1.0f : 1.0f;
  v.numbers += static_cast<int64_t>(n);
  int above = 0, outside = 0, falls = 0;  // counted first: those loops are vectors
  for (std::size_t i = 0; i < n; ++i) above += !(digits_off(y[i], truth[i]) <= v.worst);
  for (std::size_t i = 0; i < n; ++i) outside += !(y[i] >= low) | !(y[i] <= high);
  for (std::size_t i = 1; i < all; ++i) falls += !(sign * y[i] >= sign * y[i - 1]);
  if (above)
    for (std::size_t i = 0; i < n; ++i) {
      if (std::isnan(y[i])) v.nan_mistakes.made(x[i]);
      const double off = digits_off(y[i], truth[i]);
      if (off > v.worst) v.worst = off, v.worst_at = x[i];
    }
  if (outside)
    for (std::size_t i = 0; i < n; ++i)
      if (!(y[i] >= low && y[i] <= high)) v.outside.made(x[i]);
  if (falls)
    for (std::size_t i = 1; i < all; ++i)
      if (!(sign * y[i] >= sign * y[i - 1])) v.falls.made(x[negative ? i - 1 : i]);
}

// What every set has reached: a block in which nothing is further off need not be looked at number by number.
double least_worst(const Verdicts& verdicts, int f) {
  double least = verdicts[f].worst;
  for (std::size_t i = f; i < verdicts.size(); i += kFunctions) least = std::min(least, verdicts[i].worst);
  return least;
}

constexpr std::uint32_t kInfinity = 0x7f800000, kBlock = 1 << 14;

void check_float32_block(const std::vector<const ActivationsOfSet*>& sets, std::uint64_t first, std::uint64_t stride, Verdicts& verdicts) {
  static thread_local std::vector<float> a, x;
  static thread_local True truth;
  a.clear();
  for (std::uint64_t i = first; i <= kInfinity && a.size() < kBlock; i += stride) a.push_back(bits_as<float>(static_cast<std::uint32_t>(i)));
  true_values(a, truth);
  const std::uint64_t next = first + a.size() * stride;  // the neighbour in the next block
  if (next <= kInfinity) a.push_back(bits_as<float>(static_cast<std::uint32_t>(next)));
  static thread_local std::vector<std::vector<float>> y;  // of each set
  y.resize(sets.size());
  for (int negative = 0; negative < 2; ++negative) {
    x = a;
    if (negative)
      for (float& number : x) number = -number;
    for (int f = 0; f < kFunctions; ++f) {
      Verdict found;
      for (std::size_t set = 0; set < sets.size(); ++set) {
        y[set].resize(x.size());
        sets[set]->float32[f](static_cast<int64_t>(x.size()), x.data(), y[set].data());
        // the same bits as of the set before: the same verdict
        if (!set || std::memcmp(y[set].data(), y[set - 1].data(), x.size() * sizeof(float))) {
          found = Verdict();
          found.worst = least_worst(verdicts, f);
          check_float32(static_cast<Function>(f), negative, x, y[set], truth.of[f][negative], found);
        }
        verdicts[set * kFunctions + f].join(found);
      }
    }
  }
}

void check_float32_nans(const std::vector<const ActivationsOfSet*>& sets, std::uint64_t stride, Verdicts& verdicts) {
  std::vector<float> x, y;
  for (std::uint64_t i = kInfinity + 1; i < 0x80000000u; i += stride)
    for (const std::uint32_t sign : {0u, 0x80000000u}) x.push_back(bits_as<float>(static_cast<std::uint32_t>(i) | sign));
  y.resize(x.size());
  for (std::size_t set = 0; set < sets.size(); ++set)
    for (int f = 0; f < kFunctions; ++f) {
      sets[set]->float32[f](static_cast<int64_t>(x.size()), x.data(), y.data());
      Verdict& v = verdicts[set * kFunctions + f];
      v.numbers += static_cast<int64_t>(x.size());
      for (std::size_t i = 0; i < x.size(); ++i)
        if (!std::isnan(y[i])) v.nan_mistakes.made(x[i]);
    }
}

// The two zeros are neighbours of both signs' first numbers, but not of each other.
template <typename T> void check_zeros(const Activation<T> (&functions)[kFunctions], Verdict* verdicts) {
  const T x[2] = {T(-0.0), T(0)};
  T y[2];
  for (int f = 0; f < kFunctions; ++f) {
    functions[f](2, x, y);
    if (!(y[0] == y[1])) verdicts[f].falls.made(x[1]);
  }
}

// `work(verdicts of this thread, which thread, of how many)` on every core; the verdicts joined.
template <typename Work> Verdicts on_every_core(std::size_t count, Work work) {
  Verdicts joined(count);
  std::mutex mutex;
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned rank = 0; rank < cores; ++rank)
    threads.emplace_back([&, rank] {
      Verdicts own(count);
      work(own, rank, cores);
      const std::lock_guard<std::mutex> lock(mutex);
      for (std::size_t i = 0; i < count; ++i) joined[i].join(own[i]);
    });
  for (std::thread& thread : threads) thread.join();
  return joined;
}

Verdicts all_of_float32(const std::vector<const ActivationsOfSet*>& sets, std::uint64_t stride) {
  return on_every_core(sets.size() * kFunctions, [&](Verdicts& own, unsigned rank, unsigned cores) {
    const std::uint64_t step = kBlock * stride;
    for (std::uint64_t first = rank * step; first <= kInfinity; first += cores * step) check_float32_block(sets, first, stride, own);
    if (rank) return;
    check_float32_nans(sets, stride, own);
    for (std::size_t set = 0; set < sets.size(); ++set) check_zeros(sets[set]->float32, &own[set * kFunctions]);
  });
}

// float64

using Long = long double;  // 64 bits of mantissa on x86-64, 113 on aarch64

Long true_value(Function f, Long x) {
  if (f == kExp) return std::exp(x);
  if (f == kTanh) return std::tanh(x);
  const Long e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

double digits_off(double found, Long truth) {
  const double rounded = static_cast<double>(std::fabs(truth));
  if (std::isinf(rounded) || std::isinf(found)) return rounded == found ? 0 : std::numeric_limits<double>::infinity();
  const Long digit = std::nextafter(rounded, std::numeric_limits<double>::infinity()) - rounded;
  return static_cast<double>(std::fabs(found - truth) / (std::isinf(digit) ? std::ldexp(Long(1), 1023 - 52) : digit));
}

// Numbers in rising order: how far off each result is (where `exactly`), its range, and that none falls.
void check_float64(Function f, Activation<double> kernel, const std::vector<double>& x, bool exactly, Verdict& v) {
  static thread_local std::vector<double> y;
  y.resize(x.size());
  kernel(static_cast<int64_t>(x.size()), x.data(), y.data());
  v.numbers += static_cast<int64_t>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(y[i])) v.nan_mistakes.made(x[i]);
    if (!(y[i] >= lowest_of(f) && y[i] <= highest_of(f))) v.outside.made(x[i]);
    if (i && !(y[i] >= y[i - 1])) v.falls.made(x[i]);
    if (!exactly) continue;
    const double off = digits_off(y[i], true_value(f, x[i]));
    if (off > v.worst) v.worst = off, v.worst_at = x[i];
  }
}

// 2 `half` neighbours around `at`
std::vector<double> neighbours(double at, int half) {
  std::vector<double> x(2 * half + 1);
  x[half] = at;
  for (int i = 1; i <= half; ++i) {
    x[half + i] = std::nextafter(x[half + i - 1], std::numeric_limits<double>::infinity());
    x[half - i] = std::nextafter(x[half - i + 1], -std::numeric_limits<double>::infinity());
  }
  return x;
}

// Where a piece of a function may end: multiples of ln(2)/64, whatever table or power of two the reduction counts in (tanh: half of
// them), and round numbers, where a branch or a clamp may stand.
std::vector<double> seams() {
  std::vector<double> at;
  constexpr double step = 0.69314718055994530942 / 64;
  for (int k = -69000; k <= 69000; ++k) at.push_back(k * step);
  for (int k = -2048; k <= 2048; ++k) at.push_back(k / 32.0);
  for (int k = -800; k <= 800; ++k) at.push_back(k);
  for (int power = -60; power < 0; ++power)
    for (const int sign : {-1, 1}) at.push_back(std::ldexp(sign, power));
  return at;
}

std::vector<double> samples(int64_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> x = {0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, -2.2250738585072014e-308, 1.7976931348623157e308,
                           -1.7976931348623157e308, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  std::uniform_int_distribution<std::uint64_t> any_size(0, 0x7fefffffffffffff);
  while (static_cast<int64_t>(x.size()) < count) {
    const double sign = random() & 1 ? 1 : -1;
    switch (random() % 8) {
      case 0: x.push_back(sign * bits_as<double>(any_size(random))); break;
      case 1: x.push_back(sign * std::uniform_real_distribution<double>(0, 750)(random)); break;
      case 2: x.push_back(sign * std::exp2(std::uniform_real_distribution<double>(-60, 10)(random))); break;
      default: x.push_back(sign * std::uniform_real_distribution<double>(0, random() & 1 ? 40 : 2)(random));
    }
  }
  std::sort(x.begin(), x.end());
  return x;
}

Verdicts samples_of_float64(const std::vector<const ActivationsOfSet*>& sets, int64_t count) {
  const std::vector<double> where = seams();
  const bool few = count < 100000;  // an emulated processor: every seventh seam
  return on_every_core(sets.size() * kFunctions, [&](Verdicts& own, unsigned rank, unsigned cores) {
    const auto each = [&](const std::vector<double>& x, bool exactly) {
      for (std::size_t set = 0; set < sets.size(); ++set)
        for (int f = 0; f < kFunctions; ++f)
          check_float64(static_cast<Function>(f), sets[set]->float64[f], x, exactly, own[set * kFunctions + f]);
    };
    each(samples(count / cores, rank), true);
    for (std::size_t i = rank; i < where.size(); i += cores * (few ? 7 : 1)) {
      each(neighbours(where[i], few ? 16 : 200), false);
      each(neighbours(where[i] / 2, few ? 16 : 200), false);
    }
    if (rank) return;
    for (std::size_t set = 0; set < sets.size(); ++set) {
      check_zeros(sets[set]->float64, &own[set * kFunctions]);
      for (int f = 0; f < kFunctions; ++f) {
        const double x[2] = {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::quiet_NaN()};
        double y[2];
        sets[set]->float64[f](2, x, y);
        if (!(std::isnan(y[0]) && std::isnan(y[1]))) own[set * kFunctions + f].nan_mistakes.made(x[0]);
      }
    }
  });
}

}  // namespace

int main(int count, char** arguments) {
  const std::string dtype = count == 3 ? arguments[1] : "";
  const long long number = count == 3 ? std::atoll(arguments[2]) : 0;
  if ((dtype != "float32" && dtype != "float64") || number < 1) {
    std::fprintf(stderr, "usage: activations float32 STRIDE | float64 COUNT\n");
    return 2;
  }
  const auto sets = usable_sets();
  const bool single = dtype == "float32";
  const Verdicts verdicts = single ? all_of_float32(sets, static_cast<std::uint64_t>(number)) : samples_of_float64(sets, number);
  bool right = true;
  for (std::size_t set = 0; set < sets.size(); ++set)
    for (int f = 0; f < kFunctions; ++f)
      right &= verdicts[set * kFunctions + f].print(sets[set]->name, static_cast<Function>(f), dtype.c_str(), single ? 3 : 2);
  return right ? 0 : 1;
}
