// Wider steps, where the processor has them: two bf16 numbers (AVX-512-BF16), four int8 numbers (AVX-512-VNNI).
#pragma once

#include "simd_avx512.inl.hpp"

namespace menura {
namespace {

struct Avx512Bf16Dot {
  using Simd = Avx512;
  using Element = bf16;
  using Packed = uint32_t;
  using Operand = __m512bh;
  using Sum = __m512;
  static constexpr int64_t step = 2;
  static constexpr int64_t header = 0;
  static constexpr bool whole = false;

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
  static Sum value(Sum sum, const float*, int64_t) { return sum; }

  static void pack(Packed* lane, int64_t width, const bf16* vector, int64_t dim) {
    for (int64_t k = 0; k < dim; ++k) lane[k / 2 * width] |= uint32_t{vector[k].bits} << (k % 2 * 16);
  }
};

// The instruction multiplies unsigned by signed numbers. Rows are shifted by 128 to be unsigned; what that adds, 128
// times the sum of the lane's vector, is taken off before the first step.
struct Avx512Int8Dot {
  using Simd = Avx512;
  using Element = int8_t;
  using Packed = int32_t;
  using Operand = __m512i;
  using Sum = __m512i;
  static constexpr int64_t step = 4;
  static constexpr int64_t header = 1;
  static constexpr bool whole = true;

  static Sum start(const Packed* panel) { return load(panel); }
  static Operand load(const Packed* from) { return _mm512_loadu_si512(from); }
  static Operand broadcast(const Element* from) {
    int32_t four;
    __builtin_memcpy(&four, from, sizeof four);
    return shifted(four);
  }
  static Operand broadcast_rest(const Element* from, int64_t count) {
    int32_t four = 0;
    for (int64_t k = 0; k < count; ++k)
      four |= static_cast<int32_t>(uint32_t{static_cast<uint8_t>(from[k])} << (8 * k));
    return shifted(four);
  }
  // Written out, because GCC 12 surrounds the intrinsic with copies of its accumulator.
  static Sum multiply_add(Operand row, Operand panel, Sum sum) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(row), "v"(panel));
    return sum;
  }
  static __m512 value(Sum sum, const float* scales, int64_t row) {
    return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(scales[row]));
  }

  static void pack(Packed* lane, int64_t width, const int8_t* vector, int64_t dim) {
    for (int64_t k = 0; k < dim; ++k) {
      const uint32_t byte = static_cast<uint8_t>(vector[k]);
      lane[(1 + k / 4) * width] |= static_cast<int32_t>(byte << (k % 4 * 8));
      lane[0] -= 128 * vector[k];
    }
  }

 private:
  static Operand shifted(int32_t four) {
    return _mm512_xor_si512(_mm512_set1_epi32(four), _mm512_set1_epi32(static_cast<int>(0x80808080u)));
  }
};

struct Avx512Bf16 : Avx512 {
  using Bf16Dot = Avx512Bf16Dot;
  using Int8Dot = Avx512Int8Dot;
};

}  // namespace
}  // namespace menura
