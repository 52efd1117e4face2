// Small operations on rows of numbers.
#pragma once

#include <cstdint>

#include "convert.inl.hpp"

namespace menura {
namespace {

// target += factor * source, over `dim` elements.
template <class S, class E>
void axpy(int64_t dim, typename S::T factor, const E* source, typename S::T* target) {
  const typename S::Reg broadcast = S::broadcast(factor);
  int64_t k = 0;
  for (; k + S::lanes <= dim; k += S::lanes)
    S::store(target + k, S::fma(broadcast, S::load(source + k), S::load(target + k)));
  for (; k < dim; ++k) target[k] += factor * static_cast<typename S::T>(widen(source[k]));
}

// target = source, in another precision.
template <class S, class From, class To>
void convert(int64_t count, const From* source, To* target) {
  int64_t k = 0;
  for (; k + S::lanes <= count; k += S::lanes) S::store(target + k, S::load(source + k));
  for (; k < count; ++k) narrow(static_cast<typename S::T>(widen(source[k])), target + k);
}

// Whether so many elements are better written past the caches: they would push out everything, and every line of theirs
// would be read only to be overwritten.
template <class T>
constexpr bool exceeds_caches(int64_t count) {
  return count * static_cast<int64_t>(sizeof(T)) > 8 * 1024 * 1024;
}

// target = source, past the caches.
template <class S>
void stream(int64_t count, const typename S::T* source, typename S::T* target) {
  int64_t k = 0;
  for (; k < count && reinterpret_cast<uintptr_t>(target + k) % sizeof(typename S::Reg) != 0; ++k)
    target[k] = source[k];
  for (; k + S::lanes <= count; k += S::lanes) S::stream(target + k, S::load(source + k));
  for (; k < count; ++k) target[k] = source[k];
  S::fence();
}

template <class T>
void fill_zero(T* data, int64_t count) {
  __builtin_memset(data, 0, static_cast<uint64_t>(count) * sizeof(T));
}

}  // namespace
}  // namespace menura
