// Dot products of vocabulary vectors: work in proportion to the entries that they share.
#pragma once

#include "paired_dot.inl.hpp"
#include "postings.inl.hpp"
#include "sparse_dot.hpp"
#include "sums.inl.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

// A number for every pair of rows.
template <class T>
struct Grid {
  T* data;
  int64_t left_stride;
  int64_t right_stride;

  T& operator()(int64_t left, int64_t right) const { return data[left * left_stride + right * right_stride]; }
  Grid transposed() const { return {data, right_stride, left_stride}; }
};

// sums[l] += <row, row l of the postings>
template <class T>
void add_products(const Row<T>& row, const Postings<T>& postings, double* sums) {
  for (int64_t e = 0; e < row.count; ++e) {
    if (!postings.has(row.columns[e])) continue;
    const Posting<T> posting = postings[row.columns[e]];
    const double value = row.values[e];
    if (posting.whole)
      for (int64_t p = 0; p < posting.count; ++p) sums[p] += value * posting.values[p];
    else
      for (int64_t p = 0; p < posting.count; ++p) sums[posting.rows[p]] += value * posting.values[p];
  }
}

template <class T>
void dot_products(const Entries<T>& left, const Entries<T>& right, int64_t vocabulary, const Grid<T>& scores) {
  const Postings<T> postings(left, vocabulary);
  const int64_t left_rows = left.rows();
  const Scratch<bool> finite(left_rows);
  bool all_finite = true;
  for (int64_t l = 0; l < left_rows; ++l) all_finite &= finite[l] = left[l].finite();
  for_blocks(right.rows(), right.count(), [&](int64_t first, int64_t count) {
    const Scratch<double> sums(count * left_rows);
    for (int64_t i = 0; i < count * left_rows; ++i) sums[i] = 0;
    for (int64_t r = 0; r < count; ++r) add_products(right[first + r], postings, sums.get() + r * left_rows);
    for (int64_t l = 0; l < left_rows; ++l)
      for (int64_t r = 0; r < count; ++r) scores(l, first + r) = static_cast<T>(sums[r * left_rows + l]);
    for (int64_t r = first; r < first + count; ++r) {
      const bool right_finite = right[r].finite();
      if (right_finite && all_finite) continue;
      for (int64_t l = 0; l < left_rows; ++l)
        if (!right_finite || !finite[l]) scores(l, r) = static_cast<T>(dense_dot(left[l], right[r], vocabulary));
    }
  });
}

// found[i] = absent[i] + the sum of the posting's values, each times the i-th weight of its row
template <class T>
void weighted_sums(const Posting<T>& posting, const double* weights, const double* absent, T* found) {
  double sums[block_rows];
  for (int64_t i = 0; i < block_rows; ++i) sums[i] = absent[i];
  for (int64_t p = 0; p < posting.count; ++p) {
    const double* weight = weights + (posting.whole ? p : posting.rows[p]) * block_rows;
    const double value = posting.values[p];
    for (int64_t i = 0; i < block_rows; ++i) sums[i] += value * weight[i];
  }
  for (int64_t i = 0; i < block_rows; ++i) found[i] = static_cast<T>(sums[i]);
}

// The gradient of a dense side: target[i] = sum over l of grad(l, i) * row l of the postings, for `rows` rows i. Only
// the postings' columns take work.
template <class S, class T>
void dense_gradient(const Postings<T>& postings, const Grid<const T>& grad, int64_t rows, int64_t vocabulary,
                    T* target) {
  const bool streamed = exceeds_caches<T>(rows * vocabulary);
  const int64_t left_rows = postings.matrix_rows(), size = postings.size();
  for_blocks(rows, rows * vocabulary, [&](int64_t first, int64_t count) {
    const Scratch<double> weights(left_rows * block_rows);
    for (int64_t l = 0; l < left_rows; ++l)
      for (int64_t i = 0; i < block_rows; ++i) weights[l * block_rows + i] = i < count ? grad(l, first + i) : 0;
    double absent[block_rows];
    for (int64_t i = 0; i < block_rows; ++i)
      absent[i] = zero_times(left_rows, [&](int64_t l) { return weights[l * block_rows + i]; });
    const Scratch<T> found(size * block_rows);
    T* next = found.get();
    postings.for_columns([&](int64_t column) {
      weighted_sums(postings[column], weights.get(), absent, next);
      next += block_rows;
    });
    const Scratch<T> cached(streamed ? vocabulary : 0);
    for (int64_t i = 0; i < count; ++i) {
      T* place = target + (first + i) * vocabulary;
      T* row = streamed ? cached.get() : place;
      const T* value = found.get() + i;
      for (int64_t v = 0; v < vocabulary; ++v) row[v] = static_cast<T>(absent[i]);
      postings.for_columns([&](int64_t column) {
        row[column] = *value;
        value += block_rows;
      });
      if (streamed) stream<S>(vocabulary, row, place);
    }
  });
}

// The sum of the posting's values, each times the weight of its row.
template <class T>
double weighted_sum(const Posting<T>& posting, const double* weights) {
  if (posting.whole) return sum_of(posting.count, [&](int64_t p) { return weights[p] * posting.values[p]; });
  double sum = 0;
  for (int64_t p = 0; p < posting.count; ++p) sum += weights[posting.rows[p]] * posting.values[p];
  return sum;
}

// sums[p] += factor * the weight of the posting's p-th row
template <class T>
void add_weights(const Posting<T>& posting, const double* weights, double factor, double* sums) {
  if (posting.whole)
    for (int64_t p = 0; p < posting.count; ++p) sums[p] += factor * weights[p];
  else
    for (int64_t p = 0; p < posting.count; ++p) sums[p] += factor * weights[posting.rows[p]];
}

// The gradients of CSR sides, on their stored entries, in one pass over the pairs of entries that share a column.
// The left side's sums are kept apart for each chunk of right rows, which do not depend on the number of threads.
template <class T>
void stored_gradients(const Postings<T>& postings, const Entries<T>& left, const Entries<T>& right,
                      const Grid<const T>& grad, T* grad_left, T* grad_right) {
  const int64_t left_rows = left.rows(), right_rows = right.rows(), length = postings.length();
  // Clearing and adding up the chunks must cost less than the pass itself.
  const int64_t chunks = 1 + (grad_left ? right.count() / (2 * length + 1) : right_rows / block_rows);
  const Scratch<double> chunk_sums(grad_left ? chunks * length : 0);
  parallel_for_work(chunks, right.count(), [&](int64_t chunk) {
    double* sums = grad_left ? chunk_sums.get() + chunk * length : nullptr;
    for (int64_t p = 0; sums && p < length; ++p) sums[p] = 0;
    const Scratch<double> weights(left_rows);
    const int64_t end = (chunk + 1) * right_rows / chunks;
    for (int64_t r = chunk * right_rows / chunks; r < end; ++r) {
      for (int64_t l = 0; l < left_rows; ++l) weights[l] = grad(l, r);
      const double absent = zero_times(left_rows, [&](int64_t l) { return weights[l]; });
      const Row<T>& row = right[r];
      for (int64_t e = 0; e < row.count; ++e) {
        double sum = absent;
        if (postings.has(row.columns[e])) {
          const Posting<T> posting = postings[row.columns[e]];
          if (sums) add_weights(posting, weights.get(), row.values[e], sums + posting.first);
          if (grad_right) sum += weighted_sum(posting, weights.get());
        }
        if (grad_right) grad_right[row.first + e] = static_cast<T>(sum);
      }
    }
  });
  if (grad_left == nullptr) return;
  for_blocks(left_rows, chunks * left.count(), [&](int64_t first, int64_t count) {
    for (int64_t l = first; l < first + count; ++l) {
      const double absent = zero_times(right_rows, [&](int64_t r) { return grad(l, r); });
      for (int64_t e = left[l].first; e < left[l].first + left[l].count; ++e) {
        double sum = absent;
        for (int64_t chunk = 0; chunk < chunks; ++chunk) sum += chunk_sums[chunk * length + postings.place(e)];
        grad_left[e] = static_cast<T>(sum);
      }
    }
  });
}

template <class S>
void sparse_dot_forward(const SparseDotForward<typename S::T>& a) {
  using T = typename S::T;
  if (a.pairwise) return paired_scores(a);
  const Entries<T> queries(a.query, a.vocabulary, a.query_bitmap, false);
  const Entries<T> documents(a.document, a.vocabulary, a.document_bitmap, false);
  const Grid<T> scores = {a.scores, a.document.rows, 1};
  if (queries.count() <= documents.count())
    dot_products(queries, documents, a.vocabulary, scores);
  else
    dot_products(documents, queries, a.vocabulary, scores.transposed());
}

// `left` has fewer entries than `right`; a null target is not wanted.
template <class S, class T>
void gradients(const Entries<T>& left, const Entries<T>& right, int64_t vocabulary, const Grid<const T>& grad,
               T* grad_left, T* grad_right) {
  const Postings<T> postings(left, vocabulary);
  if (grad_right && right.dense()) dense_gradient<S>(postings, grad, right.rows(), vocabulary, grad_right);
  if (grad_left && left.dense())
    dense_gradient<S>(Postings<T>(right, vocabulary), grad.transposed(), left.rows(), vocabulary, grad_left);
  T* stored_left = left.dense() ? nullptr : grad_left;
  T* stored_right = right.dense() ? nullptr : grad_right;
  if (stored_left || stored_right) stored_gradients(postings, left, right, grad, stored_left, stored_right);
}

template <class S>
void sparse_dot_backward(const SparseDotBackward<typename S::T>& a) {
  using T = typename S::T;
  if (a.pairwise) {
    if (a.grad_query) paired_gradient(a.query, a.document, a.vocabulary, a.grad, a.grad_query);
    if (a.grad_document) paired_gradient(a.document, a.query, a.vocabulary, a.grad, a.grad_document);
    return;
  }
  const Entries<T> queries(a.query, a.vocabulary, a.query_bitmap, true);
  const Entries<T> documents(a.document, a.vocabulary, a.document_bitmap, true);
  const Grid<const T> grad = {a.grad, a.document.rows, 1};
  if (queries.count() <= documents.count())
    gradients<S>(queries, documents, a.vocabulary, grad, a.grad_query, a.grad_document);
  else
    gradients<S>(documents, queries, a.vocabulary, grad.transposed(), a.grad_document, a.grad_query);
}

}  // namespace
}  // namespace menura
