// The arguments of dot products of vocabulary vectors.
#pragma once

#include "sparse_vectors.hpp"

namespace menura {

template <class T>
struct SparseDot {
  int64_t vocabulary;
  bool pairwise;
  Vectors<T> query;
  Vectors<T> document;
  // [rows, ceil(vocabulary / 64)] of a dense side: which entries are not zero. Null when not kept.
  uint64_t* query_bitmap;
  uint64_t* document_bitmap;
};

template <class T>
struct SparseDotForward : SparseDot<T> {
  T* scores;  // [queries, documents], or [queries] when pairwise
};

template <class T>
struct SparseDotBackward : SparseDot<T> {
  const T* grad;
  // Each like the values of its side; null when not wanted.
  T* grad_query;
  T* grad_document;
};

}  // namespace menura
