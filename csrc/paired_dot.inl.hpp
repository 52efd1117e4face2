// Dot products of vocabulary vectors, row i with row i.
#pragma once

#include "sparse_dot.hpp"
#include "sums.inl.hpp"

namespace menura {
namespace {

template <class T>
void paired_scores(const SparseDotForward<T>& a) {
  const int64_t vocabulary = a.vocabulary;
  if (!a.query.crow && !a.document.crow) {
    parallel_for_work(a.query.rows, a.query.rows * vocabulary, [&](int64_t i) {
      const int64_t start = i * vocabulary;
      a.scores[i] = static_cast<T>(dense_dot(a.query.values + start, a.document.values + start, vocabulary));
    });
    return;
  }
  const Entries<T> queries(a.query, vocabulary, nullptr, false), documents(a.document, vocabulary, nullptr, false);
  for_blocks(queries.rows(), queries.count() + documents.count(), [&](int64_t first, int64_t count) {
    const DenseRow<T> dense(vocabulary);
    for (int64_t i = first; i < first + count; ++i) {
      const Row<T>&query = queries[i], &document = documents[i];
      if (!query.finite() || !document.finite()) {
        a.scores[i] = static_cast<T>(dense_dot(query, document, vocabulary));
        continue;
      }
      const T* values = dense.spread(document);
      a.scores[i] = static_cast<T>(sum_of(
          query.count, [&](int64_t e) { return static_cast<double>(query.values[e]) * values[query.columns[e]]; }));
      dense.clear(document);
    }
  });
}

// The gradient of `side`: grad[i] times row i of `other`, at the entries of `side`.
template <class T>
void paired_gradient(const Vectors<T>& side, const Vectors<T>& other, int64_t vocabulary, const T* grad, T* target) {
  if (!side.crow && !other.crow) {
    parallel_for_work(side.rows, side.rows * vocabulary, [&](int64_t i) {
      const int64_t start = i * vocabulary;
      for (int64_t v = 0; v < vocabulary; ++v) target[start + v] = grad[i] * other.values[start + v];
    });
    return;
  }
  const Entries<T> others(other, vocabulary, nullptr, false);
  const bool dense_side = side.crow == nullptr;
  const Entries<T> entries(dense_side ? Vectors<T>{} : side, vocabulary, nullptr, false);
  for_blocks(side.rows, others.count() + (dense_side ? side.rows * vocabulary : entries.count()),
             [&](int64_t first, int64_t count) {
               const DenseRow<T> dense(vocabulary);
               for (int64_t i = first; i < first + count; ++i) {
                 const T* values = dense.spread(others[i]);
                 if (dense_side)
                   for (int64_t v = 0; v < vocabulary; ++v) target[i * vocabulary + v] = grad[i] * values[v];
                 else
                   for (int64_t e = 0; e < entries[i].count; ++e)
                     target[entries[i].first + e] = grad[i] * values[entries[i].columns[e]];
                 dense.clear(others[i]);
               }
             });
}

}  // namespace
}  // namespace menura
