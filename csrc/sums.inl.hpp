// Sums and dot products in double precision.
#pragma once

#include "entries.inl.hpp"

namespace menura {
namespace {

// term(0) + ... + term(count - 1), in strands that do not wait for each other and vectorise.
template <class Term>
double sum_of(int64_t count, const Term& term) {
  constexpr int64_t strands = 16;
  double sums[strands] = {};
  int64_t i = 0;
  for (; i + strands <= count; i += strands)
    for (int64_t s = 0; s < strands; ++s) sums[s] += term(i + s);
  double sum = 0;
  for (; i < count; ++i) sum += term(i);
  for (int64_t s = 0; s < strands; ++s) sum += sums[s];
  return sum;
}

// What a zero adds to a sum of products with these weights: 0, or NaN if one of them is not finite.
template <class Weight>
double zero_times(int64_t count, const Weight& weight) {
  return sum_of(count, [&](int64_t i) { return 0.0 * weight(i); });
}

template <class T>
double dense_dot(const T* left, const T* right, int64_t vocabulary) {
  return sum_of(vocabulary, [&](int64_t v) { return static_cast<double>(left[v]) * right[v]; });
}

// Over every column, stored or not.
template <class T>
double dense_dot(const Row<T>& left, const Row<T>& right, int64_t vocabulary) {
  const DenseRow<T> x(vocabulary), y(vocabulary);
  return dense_dot(x.spread(left), y.spread(right), vocabulary);
}

}  // namespace
}  // namespace menura
