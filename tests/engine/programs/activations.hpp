// The activations of one instruction set as the test program calls them; no code.
#pragma once

#include <cstdint>

template <typename T> using Activation = void (*)(std::int64_t count, const T* x, T* y);

enum Function { kExp, kSigmoid, kTanh, kFunctions };

struct ActivationsOfSet {
  const char* name;
  Activation<float> float32[kFunctions];
  Activation<double> float64[kFunctions];
};

// One for each compilation of activations_of_set.cpp; the ones of another architecture do not exist.
extern const ActivationsOfSet activations_baseline, activations_avx2, activations_avx512, activations_neon;
