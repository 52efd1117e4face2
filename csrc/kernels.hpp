// What every instruction set implements: one table of functions, in float and in double.
#pragma once

#include <cstdint>

// Inlined without exception, so that no instruction set's object file carries a copy that another could call.
#define MENURA_INLINE inline __attribute__((always_inline))

namespace menura {

// A dense array of rows: row (i, j) starts at data + i * batch_stride + j * row_stride; its elements are adjacent.
template <class T>
struct Rows {
  const T* data;
  int64_t batch_stride;
  int64_t row_stride;
  MENURA_INLINE const T* row(int64_t batch, int64_t index) const {
    return data + batch * batch_stride + index * row_stride;
  }
};

// An array of token indices in the narrowest of three widths (1, 2 or 4 bytes).
struct Indices {
  void* data;
  int bytes;
  MENURA_INLINE int32_t get(int64_t at) const {
    if (bytes == 1) return static_cast<const uint8_t*>(data)[at];
    if (bytes == 2) return static_cast<const int16_t*>(data)[at];
    return static_cast<const int32_t*>(data)[at];
  }
  MENURA_INLINE void set(int64_t at, int32_t value) const {
    if (bytes == 1)
      static_cast<uint8_t*>(data)[at] = static_cast<uint8_t>(value);
    else if (bytes == 2)
      static_cast<int16_t*>(data)[at] = static_cast<int16_t>(value);
    else
      static_cast<int32_t*>(data)[at] = value;
  }
};

// Score (i, j) pairs query i with document j where the documents are shared (in-batch), else with document
// i * columns + j (candidates per query). Masks are one byte a token, null for "all".
template <class T>
struct MaxSim {
  int64_t queries, columns, query_tokens, document_tokens, dim;
  bool shared;
  Rows<T> query, document;
  const bool* query_mask;
  const bool* document_mask;
  MENURA_INLINE int64_t documents() const { return shared ? columns : queries * columns; }
};

template <class T>
struct MaxSimForward : MaxSim<T> {
  T* scores;       // [queries, columns]
  Indices argmax;  // [queries, columns, query_tokens], null data when not wanted
};

template <class T>
struct MaxSimBackward : MaxSim<T> {
  const T* grad;  // [queries, columns]
  Indices argmax;
  T* grad_query;     // [queries, query_tokens, dim], null when not wanted
  T* grad_document;  // [documents, document_tokens, dim], null when not wanted
};

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

template <class T>
struct Table {
  void (*maxsim_forward)(const MaxSimForward<T>&);
  void (*maxsim_backward)(const MaxSimBackward<T>&);
  void (*splade_head_forward)(const SpladeHeadForward<T>&);
  void (*splade_head_backward)(const SpladeHeadBackward<T>&);
  void (*sparse_dot_forward)(const SparseDotForward<T>&);
  void (*sparse_dot_backward)(const SparseDotBackward<T>&);
  void (*flops_forward)(const FlopsForward<T>&);
  void (*flops_backward)(const FlopsBackward<T>&);
};

struct Kernels {
  Table<float> single;
  Table<double> fp64;
};

extern const Kernels scalar_kernels;
#ifdef MENURA_X86
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
#endif

// Throws std::bad_alloc; compiled once, for the narrowest instruction set.
[[noreturn]] void out_of_memory();

}  // namespace menura
