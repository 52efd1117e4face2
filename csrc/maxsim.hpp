// MaxSim's arguments.
#pragma once

#include <cstdint>

#include "arguments.hpp"

namespace menura {

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

}  // namespace menura
