// AVX2, FMA and F16C: eight floats a register.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "dot.inl.hpp"

namespace menura {
namespace {

struct Avx2 {
  using T = float;
  using Reg = __m256;
  using Index = __m256i;
  using Mask = __m256;
  using Bf16Dot = FloatDot<Avx2>;
  using Int8Dot = QuantizedDot<Avx2>;
  static constexpr int lanes = 8;
  static constexpr int rows = 6;  // 12 sums, 2 panel registers and a broadcast: 15 of 16 registers

  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg load(const float* from) { return _mm256_loadu_ps(from); }
  static Reg load(const bf16* from) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half(from)), 16));
  }
  static Reg load(const fp16* from) { return _mm256_cvtph_ps(half(from)); }
  static Reg load(const int8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
  }
  static void store(float* to, Reg value) { _mm256_storeu_ps(to, value); }
  static void store(bf16* to, Reg value) {
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(upper, upper), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
  }
  static void store(fp16* to, Reg value) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  static void stream(float* to, Reg value) { _mm256_stream_ps(to, value); }
  static void fence() { _mm_sfence(); }
  static Reg broadcast(float value) { return _mm256_set1_ps(value); }
  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg multiply(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Index broadcast_index(int32_t value) { return _mm256_set1_epi32(value); }
  static void store_index(int32_t* to, Index value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value); }
  static Mask improves(Reg candidate, Reg best) {
    return _mm256_and_ps(_mm256_cmp_ps(candidate, best, _CMP_NLE_UQ), _mm256_cmp_ps(best, best, _CMP_ORD_Q));
  }
  static Mask none() { return _mm256_setzero_ps(); }
  static Mask unordered(Reg value, Mask before) {
    return _mm256_or_ps(before, _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  }
  static Reg maximum(Reg best, Reg candidate) { return _mm256_max_ps(candidate, best); }
  static Reg select(Mask mask, Reg yes, Reg no) { return _mm256_blendv_ps(no, yes, mask); }
  static Index select_index(Mask mask, Index yes, Index no) {
    return _mm256_blendv_epi8(no, yes, _mm256_castps_si256(mask));
  }

 private:
  static __m128i half(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
};

}  // namespace
}  // namespace menura
