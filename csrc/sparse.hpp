// The arguments of dot products and FLOPS of vocabulary vectors.
#pragma once

#include <cstdint>

#include "arguments.hpp"

namespace menura {

template <class T>
struct SparseDot {
  int64_t queries, documents, vocabulary;
  bool pairwise;
  const T* query;     // [queries, vocabulary]
  const T* document;  // [documents, vocabulary]
};

template <class T>
struct SparseDotForward : SparseDot<T> {
  T* scores;  // [queries, documents], or [queries] when pairwise
};

template <class T>
struct SparseDotBackward : SparseDot<T> {
  const T* grad;
  T* grad_query;     // null when not wanted
  T* grad_document;  // null when not wanted
};

enum class Estimator : int { mean = 0, unbiased = 1 };

template <class T>
struct Flops {
  int64_t batch, vocabulary;
  Estimator estimator;
  const T* activations;  // [batch, vocabulary]
};

template <class T>
struct FlopsForward : Flops<T> {
  T* value;   // scalar
  T* totals;  // [vocabulary]: column sums of |activations|
};

template <class T>
struct FlopsBackward : Flops<T> {
  const T* grad;  // scalar
  const T* totals;
  T* grad_activations;  // [batch, vocabulary]
};

}  // namespace menura
