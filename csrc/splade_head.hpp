// The SPLADE head's arguments.
#pragma once

#include <cstdint>

#include "arguments.hpp"

namespace menura {

enum class Pooling : int { max = 0, sum = 1 };
enum class Activation : int { relu = 0, log1p_relu = 1 };

template <class T>
struct SpladeHead {
  int64_t batch, tokens, dim, vocabulary;  // tokens: of each padded row, or of all packed rows together
  Pooling pooling;
  Activation activation;
  Dtype dtype;                // of hidden and weight, and of their gradients
  const void* hidden;         // [batch, tokens, dim] or [tokens, dim]
  int64_t batch_stride;       // in elements; of padded rows only
  int64_t row_stride;         // in elements, from token to token
  const bool* mask;           // one byte a token, null for "all"
  const int64_t* cu_seqlens;  // [batch + 1] where rows are packed, else null
  const void* weight;         // [vocabulary, dim]
  const T* bias;              // [vocabulary] or null

  MENURA_INLINE int64_t all_tokens() const { return cu_seqlens ? tokens : batch * tokens; }
  MENURA_INLINE int64_t first_token(int64_t row) const { return cu_seqlens ? cu_seqlens[row] : row * tokens; }
  MENURA_INLINE int64_t length(int64_t row) const {
    return cu_seqlens ? cu_seqlens[row + 1] - cu_seqlens[row] : tokens;
  }
  template <class E>
  MENURA_INLINE const E* state(int64_t row, int64_t token) const {
    const int64_t first = cu_seqlens ? cu_seqlens[row] * row_stride : row * batch_stride;
    return static_cast<const E*>(hidden) + first + token * row_stride;
  }
  template <class E>
  MENURA_INLINE const E* term(int64_t term) const {
    return static_cast<const E*>(weight) + term * dim;
  }
};

template <class T>
struct SpladeHeadForward : SpladeHead<T> {
  int64_t top_k;   // entries that survive in a row
  T* output;       // [batch, vocabulary]
  Indices argmax;  // [batch, vocabulary], tokens within their row; null data when not wanted
};

// Where the active entries of all rows go.
template <class T>
struct CsrEntries {
  int64_t* col;    // [nnz]
  T* values;       // [nnz]
  Indices argmax;  // [nnz], null data when not wanted
};

template <class T>
struct SpladeHeadForwardCsr : SpladeHead<T> {
  int64_t top_k;
  int64_t* crow;  // [batch + 1]
  // Called once, as soon as the number of entries is known.
  CsrEntries<T> (*allocate)(void* context, int64_t nnz);
  void* context;
};

template <class T>
struct SpladeHeadBackward : SpladeHead<T> {
  const int64_t* crow;  // [batch + 1] and
  const int64_t* col;   // [nnz] where grad, output and argmax are [nnz]; else null, and they are [batch, vocabulary]
  const T* grad;
  const T* output;
  Indices argmax;     // for max pooling
  void* grad_hidden;  // like hidden, adjacent; null when not wanted
  void* grad_weight;  // [vocabulary, dim], null when not wanted
  T* grad_bias;       // [vocabulary], null when not wanted
};

}  // namespace menura
