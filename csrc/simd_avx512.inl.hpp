// AVX-512 F, BW, VL and DQ: sixteen floats a register.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "dot.inl.hpp"

namespace menura {
namespace {

struct Avx512 {
  using T = float;
  using Reg = __m512;
  using Index = __m512i;
  using Mask = __mmask16;
  using Bf16Dot = FloatDot<Avx512>;
  using Int8Dot = QuantizedDot<Avx512>;
  static constexpr int lanes = 16;
  static constexpr int rows = 8;  // 16 sums; more would spill

  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg load(const float* from) { return _mm512_loadu_ps(from); }
  static Reg load(const bf16* from) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half(from)), 16));
  }
  static Reg load(const fp16* from) { return _mm512_cvtph_ps(half(from)); }
  static Reg load(const int8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
  }
  static void store(float* to, Reg value) { _mm512_storeu_ps(to, value); }
  static void store(bf16* to, Reg value) {
    const __m512i bits = _mm512_castps_si512(value);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const Mask nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    const __m512i upper = _mm512_srli_epi32(_mm512_mask_mov_epi32(rounded, nan, quiet), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(upper));
  }
  static void store(fp16* to, Reg value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  // Past the caches, to an aligned place; fence() makes it seen.
  static void stream(float* to, Reg value) { _mm512_stream_ps(to, value); }
  static void fence() { _mm_sfence(); }
  static Reg broadcast(float value) { return _mm512_set1_ps(value); }
  static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg multiply(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Index broadcast_index(int32_t value) { return _mm512_set1_epi32(value); }
  static void store_index(int32_t* to, Index value) { _mm512_storeu_si512(to, value); }
  static Mask improves(Reg candidate, Reg best) {
    const Mask larger = _mm512_cmp_ps_mask(candidate, best, _CMP_NLE_UQ);
    return _mm512_mask_cmp_ps_mask(larger, best, best, _CMP_ORD_Q);
  }
  static Mask none() { return 0; }
  static Mask unordered(Reg value, Mask before) {
    return static_cast<Mask>(before | _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q));
  }
  static Reg maximum(Reg best, Reg candidate) { return _mm512_max_ps(candidate, best); }
  static Reg select(Mask mask, Reg yes, Reg no) { return _mm512_mask_mov_ps(no, mask, yes); }
  static Index select_index(Mask mask, Index yes, Index no) { return _mm512_mask_mov_epi32(no, mask, yes); }

 private:
  static __m256i half(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
};

}  // namespace
}  // namespace menura
