// Wider steps, where the processor has them: two bf16 numbers (AVX-512-BF16), four int8 numbers (AVX-512-VNNI).
#pragma once

#include "simd_avx512.inl.hpp"

namespace menura {
namespace {

// Up to four bytes of numbers; those that there are not are zero.
template <class E>
MENURA_INLINE uint32_t read_word(const E* from, int64_t count) {
  uint32_t word = 0;
  constexpr auto whole = static_cast<int64_t>(sizeof word / sizeof(E));
  __builtin_memcpy(&word, from, count < whole ? static_cast<uint64_t>(count) * sizeof(E) : sizeof word);
  return word;
}

struct Avx512Bf16Dot {
  using Simd = Avx512;
  using Element = bf16;
  using Packed = uint32_t;
  using Operand = __m512bh;
  using Sum = __m512;
  static constexpr int64_t step = 2;
  static constexpr bool whole = false;
  static constexpr bool offset = false;

  static Sum start(const Packed*) { return _mm512_setzero_ps(); }
  static Operand load(const Packed* from) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from)); }
  static Operand broadcast(const Element* from) {
    int32_t two;
    __builtin_memcpy(&two, from, sizeof two);
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(two));
  }
  static Operand broadcast_rest(const Element* from, int64_t) {
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(from->bits));
  }
  static Sum multiply_add(Operand row, Operand panel, Sum sum) { return _mm512_dpbf16_ps(sum, row, panel); }
  static Sum add(Sum a, Sum b) { return _mm512_add_ps(a, b); }
  static Sum value(Sum sum, const float*, int64_t) { return sum; }

  static Packed word(const bf16* from, int64_t count) { return read_word(from, count); }
  template <class Vector>
  static void words(const bf16* from, Vector* to) {
    __builtin_memcpy(to, from, sizeof *to);
  }
};

// The instruction multiplies unsigned by signed numbers. Rows are shifted by 128 to be unsigned; what that adds, 128
// times the sum of a panel's vector, is taken off before the first step.
struct Avx512Int8Dot {
  using Simd = Avx512;
  using Element = int8_t;
  using Packed = uint32_t;
  using Operand = __m512i;
  using Sum = __m512i;
  static constexpr int64_t step = 4;
  static constexpr bool whole = true;
  static constexpr bool offset = true;

  static Packed offset_of(const Element* vector, int64_t dim) {
    int32_t sum = 0;
    for (int64_t k = 0; k < dim; ++k) sum += vector[k];
    return static_cast<Packed>(-128 * sum);
  }
  static Sum start(const Packed* offsets) { return load(offsets); }
  static Operand load(const Packed* from) { return _mm512_loadu_si512(from); }
  static Operand broadcast(const Element* from) {
    int32_t four;
    __builtin_memcpy(&four, from, sizeof four);
    return shifted(four);
  }
  static Operand broadcast_rest(const Element* from, int64_t count) {
    int32_t four = 0;
    __builtin_memcpy(&four, from, static_cast<uint64_t>(count));
    return shifted(four);
  }
  static Operand shifted(int32_t four) { return _mm512_xor_si512(_mm512_set1_epi32(four), _mm512_set1_epi8(-128)); }
  // Written out, because GCC 12 surrounds the intrinsic with copies of its accumulator.
  static Sum multiply_add(Operand row, Operand panel, Sum sum) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(row), "v"(panel));
    return sum;
  }
  static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  static __m512 value(Sum sum, const float* scales, int64_t row) {
    return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scales[row]));
  }

  static Packed word(const int8_t* from, int64_t count) { return read_word(from, count); }
  template <class Vector>
  static void words(const int8_t* from, Vector* to) {
    __builtin_memcpy(to, from, sizeof *to);
  }
};

struct Avx512Bf16 : Avx512 {
  using Bf16Dot = Avx512Bf16Dot;
  using Int8Dot = Avx512Int8Dot;
};

}  // namespace
}  // namespace menura
