// Sums of scaled vectors: what a sparse backward is made of.
#pragma once

#include <cstdint>

#include "convert.inl.hpp"

namespace menura {
namespace {

template <class T, class E>
struct Scaled {
  const E* vector;
  T factor;
};

// R registers of the target, and what all summands add to them.
template <class S, int R, class E>
MENURA_INLINE void add_stretch(const Scaled<typename S::T, E>* summands, int64_t count, int64_t k,
                               typename S::T* target) {
  typename S::Reg sums[R];
  for (int r = 0; r < R; ++r) sums[r] = S::zero();
  for (int64_t i = 0; i < count; ++i) {
    const typename S::Reg factor = S::broadcast(summands[i].factor);
    for (int r = 0; r < R; ++r) sums[r] = S::fma(factor, S::load(summands[i].vector + k + r * S::lanes), sums[r]);
  }
  for (int r = 0; r < R; ++r) {
    typename S::T* to = target + k + r * S::lanes;
    S::store(to, S::fma(S::broadcast(1), sums[r], S::load(to)));
  }
}

// target[0, dim) += the summands, in their order. Sums of sums: thousands in one row would lose digits.
template <class S, class E>
void add_scaled(const Scaled<typename S::T, E>* summands, int64_t count, int64_t dim, typename S::T* target) {
  using T = typename S::T;
  constexpr int64_t block = 64;
  constexpr int R = 8;
  for (; count > 0; summands += block, count -= block) {
    const int64_t length = count < block ? count : block;
    int64_t k = 0;
    for (; k + R * S::lanes <= dim; k += R * S::lanes) add_stretch<S, R>(summands, length, k, target);
    for (; k + S::lanes <= dim; k += S::lanes) add_stretch<S, 1>(summands, length, k, target);
    for (; k < dim; ++k) {
      T sum = 0;
      for (int64_t i = 0; i < length; ++i) sum += summands[i].factor * static_cast<T>(widen(summands[i].vector[k]));
      target[k] += sum;
    }
  }
}

}  // namespace
}  // namespace menura
