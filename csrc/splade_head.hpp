// The SPLADE head's arguments.
#pragma once

#include <cstdint>

#include "arguments.hpp"

namespace menura {

enum class Activation : int { relu = 0, log1p_relu = 1 };

template <class T>
struct SpladeHead {
  int64_t batch, tokens, dim, vocabulary;
  Activation activation;
  Rows<T> hidden;
  const T* weight;  // [vocabulary, dim]
};

template <class T>
struct SpladeHeadForward : SpladeHead<T> {
  const T* bias;     // [vocabulary] or null
  const bool* mask;  // [batch, tokens] or null
  T* output;         // [batch, vocabulary]
  Indices argmax;    // [batch, vocabulary], null data when not wanted
};

template <class T>
struct SpladeHeadBackward : SpladeHead<T> {
  const T* grad;    // [batch, vocabulary]
  const T* output;  // [batch, vocabulary]
  Indices argmax;
  T* grad_hidden;  // [batch, tokens, dim], null when not wanted
  T* grad_weight;  // [vocabulary, dim], null when not wanted
  T* grad_bias;    // [vocabulary], null when not wanted
};

}  // namespace menura
