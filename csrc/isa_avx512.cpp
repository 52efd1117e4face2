#include <immintrin.h>

#include "simd_scalar.inl.hpp"
#include "table.inl.hpp"

namespace menura {
namespace {

struct Avx512 {
  using T = float;
  using Reg = __m512;
  using Index = __m512i;
  using Mask = __mmask16;
  static constexpr int lanes = 16;
  static constexpr int rows = 8;  // 16 sums; more would spill

  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg load(const T* from) { return _mm512_loadu_ps(from); }
  static void store(T* to, Reg value) { _mm512_storeu_ps(to, value); }
  static Reg broadcast(float value) { return _mm512_set1_ps(value); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Index broadcast_index(int32_t value) { return _mm512_set1_epi32(value); }
  static void store_index(int32_t* to, Index value) { _mm512_storeu_si512(to, value); }
  static Mask improves(Reg candidate, Reg best) {
    const Mask larger = _mm512_cmp_ps_mask(candidate, best, _CMP_NLE_UQ);
    return _mm512_mask_cmp_ps_mask(larger, best, best, _CMP_ORD_Q);
  }
  static Reg select(Mask mask, Reg yes, Reg no) { return _mm512_mask_mov_ps(no, mask, yes); }
  static Index select_index(Mask mask, Index yes, Index no) { return _mm512_mask_mov_epi32(no, mask, yes); }
};

}  // namespace

const Kernels avx512_kernels = {table_of<Avx512>(), table_of<Scalar<double>>()};

}  // namespace menura
