// The SPLADE head's activation and its derivative. Written for the vectoriser: no branches, no library calls in float.
#pragma once

#include <math.h>

#include <cstdint>

#include "splade_head.hpp"

namespace menura {
namespace {

// log(1 + x) for x >= 0, within an ulp: fdlibm's log1pf with selects for branches.
inline float log1p_of(float x) {
  const float u = 1 + x;
  const uint32_t shifted = __builtin_bit_cast(uint32_t, u) + (0x3f800000 - 0x3f3504f3);
  const bool small = x < 0.41421354f;  // 1 + x needs no reduction, and its rounding would lose bits of x
  const float exponent = small ? 0.f : static_cast<float>(static_cast<int32_t>(shifted >> 23) - 127);
  const float lost = (x < 1 ? x - (u - 1) : 1 - (u - x)) / u;
  const float correction = small ? 0.f : lost;
  const float mantissa = __builtin_bit_cast(float, (shifted & 0x007fffff) + 0x3f3504f3);
  const float f = small ? x : mantissa - 1;
  const float s = f / (2 + f), z = s * s, w = z * z;
  const float series = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
  const float half_square = 0.5f * f * f;
  const float low = exponent * 9.0580006145e-06f + correction;
  const float result = s * (half_square + series) + low - half_square + f + exponent * 6.9313812256e-01f;
  return x < __builtin_inff() ? result : x;
}
inline double log1p_of(double x) { return ::log1p(x); }

template <class T>
T activate(T logit, Activation activation) {
  const T once = log1p_of(logit);
  const T twice = activation == Activation::log1p_relu ? log1p_of(once) : once;
  return logit <= 0 ? T(0) : twice;
}

// The derivative by the logit; zero where it is not positive.
template <class T>
T activation_slope(T logit, Activation activation) {
  const T once = 1 / (1 + logit);
  const T twice = activation == Activation::log1p_relu ? once / (1 + log1p_of(logit)) : once;
  return logit <= 0 ? T(0) : twice;
}

// Most logits are negative: a stretch without a positive one becomes zeros without a look at `function`.
template <class T, class Function>
void map_active(T* logits, int64_t count, const Function& function) {
  constexpr int64_t stretch = 32;
  for (int64_t first = 0; first < count; first += stretch) {
    T* at = logits + first;
    const int64_t length = count - first < stretch ? count - first : stretch;
    int active = 0;
    for (int64_t i = 0; i < length; ++i) active |= !(at[i] <= 0);
    if (active)
      for (int64_t i = 0; i < length; ++i) at[i] = function(at[i]);
    else
      for (int64_t i = 0; i < length; ++i) at[i] = 0;
  }
}

// One loop an activation: no choice is left inside it.
template <class T>
void activate_all(T* logits, int64_t count, Activation activation) {
  if (activation == Activation::relu)
    map_active(logits, count, [](T logit) { return activate(logit, Activation::relu); });
  else
    map_active(logits, count, [](T logit) { return activate(logit, Activation::log1p_relu); });
}

template <class T>
void slopes_of_all(T* logits, int64_t count, Activation activation) {
  if (activation == Activation::relu)
    map_active(logits, count, [](T logit) { return activation_slope(logit, Activation::relu); });
  else
    map_active(logits, count, [](T logit) { return activation_slope(logit, Activation::log1p_relu); });
}

inline float exp_of(float x) { return ::expf(x); }
inline double exp_of(double x) { return ::exp(x); }
inline float expm1_of(float x) { return ::expm1f(x); }
inline double expm1_of(double x) { return ::expm1(x); }

// The same derivative from an active output, which is all that a maximum leaves behind.
template <class T>
T slope_at_output(T output, Activation activation) {
  const T once = exp_of(-output);
  return activation == Activation::relu ? once : once * exp_of(-expm1_of(output));
}

}  // namespace
}  // namespace menura
