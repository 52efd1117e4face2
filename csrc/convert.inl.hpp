// Numbers narrower than float, to float and back: bf16 is its upper half, fp16 is rebiased. Rounding is to even.
#pragma once

#include <cstdint>

#include "arguments.hpp"

namespace menura {
namespace {

MENURA_INLINE float as_float(uint32_t bits) { return __builtin_bit_cast(float, bits); }
MENURA_INLINE uint32_t as_bits(float value) { return __builtin_bit_cast(uint32_t, value); }

MENURA_INLINE double widen(double value) { return value; }
MENURA_INLINE float widen(float value) { return value; }
MENURA_INLINE float widen(int8_t value) { return value; }
MENURA_INLINE float widen(bf16 value) { return as_float(uint32_t{value.bits} << 16); }

MENURA_INLINE float widen(fp16 value) {
  const uint32_t sign = (value.bits & 0x8000u) << 16;
  const uint32_t magnitude = value.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return as_float(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
  // The exponent's bias differs by 112; the product is exact, subnormal numbers included.
  return as_float(sign | as_bits(as_float(magnitude << 13) * 0x1p112f));
}

MENURA_INLINE void narrow(double value, double* to) { *to = value; }
MENURA_INLINE void narrow(float value, float* to) { *to = value; }

MENURA_INLINE void narrow(float value, bf16* to) {
  const uint32_t bits = as_bits(value);
  to->bits = static_cast<uint16_t>(value != value ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

MENURA_INLINE void narrow(float value, fp16* to) {
  const uint32_t sign = as_bits(value) >> 16 & 0x8000u;
  const float magnitude = as_float(as_bits(value) & 0x7fffffffu);
  const uint32_t rounded = as_bits(magnitude) + 0xfffu + (as_bits(magnitude) >> 13 & 1u);
  const uint32_t bits = value != value          ? 0x7e00u
                        : magnitude >= 65520.0f ? 0x7c00u
                        // Subnormal numbers are evenly spaced: adding 0.5 rounds at their last bit.
                        : magnitude < 0x1p-14f ? as_bits(magnitude + 0.5f) - as_bits(0.5f)
                                               : (rounded >> 13) - (112u << 10);
  to->bits = static_cast<uint16_t>(sign | bits);
}

template <class A, class B>
constexpr bool same = false;
template <class A>
constexpr bool same<A, A> = true;

// Calls body with an element of `dtype`: of the arrays that kernels in S's precision read.
template <class S, class Body>
MENURA_INLINE void with_element(Dtype dtype, const Body& body) {
  if constexpr (sizeof(typename S::T) == sizeof(double)) {
    body(double{});
  } else {
    if (dtype == Dtype::bf16)
      body(bf16{});
    else if (dtype == Dtype::fp16)
      body(fp16{});
    else
      body(float{});
  }
}

}  // namespace
}  // namespace menura
