// Dot products and FLOPS of vocabulary vectors that are mostly zero: work in proportion to the non-zero entries.
#pragma once

#include <math.h>

#include "parallel.hpp"
#include "scratch.inl.hpp"
#include "sparse.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

// The non-zero entries of one dense row.
template <class T>
class Entries {
 public:
  explicit Entries(int64_t vocabulary) : columns_(vocabulary), values_(vocabulary) {}

  void gather(const T* row, int64_t vocabulary) {
    count_ = 0;
    for (int64_t v = 0; v < vocabulary; ++v) {
      columns_[count_] = static_cast<int32_t>(v);
      values_[count_] = row[v];
      count_ += row[v] != 0;
    }
  }
  double dot(const T* row) const {
    double sum = 0;
    for (int64_t e = 0; e < count_; ++e) sum += static_cast<double>(values_[e]) * row[columns_[e]];
    return sum;
  }
  void add_to(T* row, T factor) const {
    for (int64_t e = 0; e < count_; ++e) row[columns_[e]] += factor * values_[e];
  }

 private:
  int64_t count_ = 0;
  Scratch<int32_t> columns_;
  Scratch<T> values_;
};

template <class T>
double dense_dot(const T* left, const T* right, int64_t count) {
  double sum = 0;
  for (int64_t v = 0; v < count; ++v) sum += static_cast<double>(left[v]) * right[v];
  return sum;
}

template <class T>
bool all_finite(const T* row, int64_t count) {
  T sum = 0;
  for (int64_t v = 0; v < count; ++v) sum += row[v] * 0;
  return sum == 0;
}

template <class S>
void sparse_dot_forward(const SparseDotForward<typename S::T>& a) {
  using T = typename S::T;
  if (a.pairwise) {
    parallel_for(a.queries, [&](int64_t i) {
      a.scores[i] = static_cast<T>(dense_dot(a.query + i * a.vocabulary, a.document + i * a.vocabulary, a.vocabulary));
    });
    return;
  }
  // A query with a NaN or an infinity meets the documents' zeros too: 0 * NaN is NaN, as in a dense product.
  const Scratch<bool> finite(a.queries);
  for (int64_t i = 0; i < a.queries; ++i) finite[i] = all_finite(a.query + i * a.vocabulary, a.vocabulary);
  parallel_for(a.documents, [&](int64_t j) {
    const T* document = a.document + j * a.vocabulary;
    Entries<T> entries(a.vocabulary);
    entries.gather(document, a.vocabulary);
    for (int64_t i = 0; i < a.queries; ++i) {
      const T* query = a.query + i * a.vocabulary;
      a.scores[i * a.documents + j] =
          static_cast<T>(finite[i] ? entries.dot(query) : dense_dot(query, document, a.vocabulary));
    }
  });
}

// grad_left[i] = sum over j of grad(i, j) * right[j], every row of grad_left owned by one thread.
template <class T, class GradAt>
void weighted_sums(int64_t left_rows, int64_t right_rows, int64_t vocabulary, const T* right, T* grad_left,
                   const GradAt& grad_at) {
  constexpr int64_t block = 4096;  // columns of a tile: the accumulated rows stay in cache
  parallel_for((vocabulary + block - 1) / block, [&](int64_t tile) {
    const int64_t first = tile * block;
    const int64_t count = vocabulary - first < block ? vocabulary - first : block;
    Entries<T> entries(count);
    for (int64_t i = 0; i < left_rows; ++i) fill_zero(grad_left + i * vocabulary + first, count);
    for (int64_t j = 0; j < right_rows; ++j) {
      entries.gather(right + j * vocabulary + first, count);
      for (int64_t i = 0; i < left_rows; ++i) entries.add_to(grad_left + i * vocabulary + first, grad_at(i, j));
    }
  });
}

template <class T>
void scaled_rows(int64_t rows, int64_t vocabulary, const T* grad, const T* source, T* target) {
  parallel_for(rows, [&](int64_t i) {
    for (int64_t v = 0; v < vocabulary; ++v) target[i * vocabulary + v] = grad[i] * source[i * vocabulary + v];
  });
}

template <class S>
void sparse_dot_backward(const SparseDotBackward<typename S::T>& a) {
  if (a.pairwise) {
    if (a.grad_query) scaled_rows(a.queries, a.vocabulary, a.grad, a.document, a.grad_query);
    if (a.grad_document) scaled_rows(a.queries, a.vocabulary, a.grad, a.query, a.grad_document);
    return;
  }
  if (a.grad_query)
    weighted_sums(a.queries, a.documents, a.vocabulary, a.document, a.grad_query,
                  [&](int64_t i, int64_t j) { return a.grad[i * a.documents + j]; });
  if (a.grad_document)
    weighted_sums(a.documents, a.queries, a.vocabulary, a.query, a.grad_document,
                  [&](int64_t j, int64_t i) { return a.grad[i * a.documents + j]; });
}

constexpr int64_t flops_block = 2048;  // columns of a tile

template <class S>
void flops_forward(const FlopsForward<typename S::T>& a) {
  using T = typename S::T;
  const int64_t tiles = (a.vocabulary + flops_block - 1) / flops_block;
  const Scratch<double> partial(tiles);
  const double batch = static_cast<double>(a.batch);
  parallel_for(tiles, [&](int64_t tile) {
    const int64_t first = tile * flops_block;
    const int64_t count = a.vocabulary - first < flops_block ? a.vocabulary - first : flops_block;
    double totals[flops_block] = {};
    double squares = 0;
    for (int64_t b = 0; b < a.batch; ++b) {
      const T* row = a.activations + b * a.vocabulary + first;
      for (int64_t v = 0; v < count; ++v) totals[v] += row[v] < 0 ? -row[v] : row[v];
      if (a.estimator == Estimator::unbiased)
        for (int64_t v = 0; v < count; ++v) squares += static_cast<double>(row[v]) * row[v];
    }
    double sum = 0;
    for (int64_t v = 0; v < count; ++v) {
      sum += totals[v] * totals[v];
      a.totals[first + v] = static_cast<T>(totals[v]);
    }
    partial[tile] = a.estimator == Estimator::mean ? sum / (batch * batch) : (sum - squares) / (batch * (batch - 1));
  });
  double value = 0;
  for (int64_t tile = 0; tile < tiles; ++tile) value += partial[tile];
  *a.value = static_cast<T>(value);
}

template <class S>
void flops_backward(const FlopsBackward<typename S::T>& a) {
  using T = typename S::T;
  const T batch = static_cast<T>(a.batch);
  const bool mean = a.estimator == Estimator::mean;
  const T factor = 2 * *a.grad / (mean ? batch * batch : batch * (batch - 1));
  parallel_for(a.batch, [&](int64_t b) {
    const T* row = a.activations + b * a.vocabulary;
    T* grad = a.grad_activations + b * a.vocabulary;
    for (int64_t v = 0; v < a.vocabulary; ++v) {
      const T magnitude = row[v] < 0 ? -row[v] : row[v];
      const T others = mean ? a.totals[v] : a.totals[v] - magnitude;
      const T slope = factor * others;
      grad[v] = row[v] > 0 ? slope : row[v] < 0 ? -slope : row[v] == 0 ? T(0) : row[v];
    }
  });
}

}  // namespace
}  // namespace menura
