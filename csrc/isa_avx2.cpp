#include <immintrin.h>

#include "simd_scalar.inl.hpp"
#include "table.inl.hpp"

namespace menura {
namespace {

struct Avx2 {
  using T = float;
  using Reg = __m256;
  using Index = __m256i;
  using Mask = __m256;
  static constexpr int lanes = 8;
  static constexpr int rows = 6;  // 12 sums, 2 panel registers and a broadcast: 15 of 16 registers

  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg load(const T* from) { return _mm256_loadu_ps(from); }
  static void store(T* to, Reg value) { _mm256_storeu_ps(to, value); }
  static Reg broadcast(float value) { return _mm256_set1_ps(value); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Index broadcast_index(int32_t value) { return _mm256_set1_epi32(value); }
  static void store_index(int32_t* to, Index value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value); }
  static Mask improves(Reg candidate, Reg best) {
    return _mm256_and_ps(_mm256_cmp_ps(candidate, best, _CMP_NLE_UQ), _mm256_cmp_ps(best, best, _CMP_ORD_Q));
  }
  static Reg select(Mask mask, Reg yes, Reg no) { return _mm256_blendv_ps(no, yes, mask); }
  static Index select_index(Mask mask, Index yes, Index no) {
    return _mm256_blendv_epi8(no, yes, _mm256_castps_si256(mask));
  }
};

}  // namespace

const Kernels avx2_kernels = {table_of<Avx2>(), table_of<Scalar<double>>()};

}  // namespace menura
