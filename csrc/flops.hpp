// The arguments of the FLOPS penalty.
#pragma once

#include "sparse_vectors.hpp"

namespace menura {

enum class Estimator : int { mean = 0, unbiased = 1 };

template <class T>
struct Flops {
  int64_t vocabulary;
  Estimator estimator;
  Vectors<T> activations;
  const T* weights;  // [vocabulary], of every column's term; null: all one
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
  T* grad_activations;  // like the values of the activations
};

}  // namespace menura
