// Which entries of a dense row are not zero: a bit each.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <cstdint>

namespace menura {
namespace {

constexpr int64_t word_bits = 64;

int64_t words_of(int64_t vocabulary) { return (vocabulary + word_bits - 1) / word_bits; }

// Bit i: whether x[i] is not zero; NaN is not.
template <class T>
uint64_t nonzero_bits(const T* x) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < word_bits; ++i) bits |= static_cast<uint64_t>(x[i] != 0) << i;
  return bits;
}

#if defined(__AVX512F__)
uint64_t nonzero_bits(const float* x) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < word_bits; i += 16) {
    const __mmask16 mask = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + i), _mm512_setzero_ps(), _CMP_NEQ_UQ);
    bits |= static_cast<uint64_t>(mask) << i;
  }
  return bits;
}
#elif defined(__AVX2__)
uint64_t nonzero_bits(const float* x) {
  uint64_t bits = 0;
  for (int64_t i = 0; i < word_bits; i += 8) {
    const __m256 differs = _mm256_cmp_ps(_mm256_loadu_ps(x + i), _mm256_setzero_ps(), _CMP_NEQ_UQ);
    bits |= static_cast<uint64_t>(_mm256_movemask_ps(differs)) << i;
  }
  return bits;
}
#endif

template <class T>
void find_nonzeros(const T* row, int64_t vocabulary, uint64_t* bits) {
  const int64_t full = vocabulary / word_bits;
  for (int64_t w = 0; w < full; ++w) bits[w] = nonzero_bits(row + w * word_bits);
  if (full == words_of(vocabulary)) return;
  T tail[word_bits] = {};
  for (int64_t v = full * word_bits; v < vocabulary; ++v) tail[v - full * word_bits] = row[v];
  bits[full] = nonzero_bits(tail);
}

int64_t count_bits(const uint64_t* bits, int64_t words) {
  int64_t count = 0;
  for (int64_t w = 0; w < words; ++w) count += __builtin_popcountll(bits[w]);
  return count;
}

// Calls body(i) for every bit that is set, in ascending order.
template <class Body>
void for_bits(const uint64_t* bits, int64_t words, const Body& body) {
  for (int64_t w = 0; w < words; ++w)
    for (uint64_t rest = bits[w]; rest; rest &= rest - 1) body(w * word_bits + __builtin_ctzll(rest));
}

}  // namespace
}  // namespace menura
