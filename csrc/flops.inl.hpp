// The FLOPS penalty of vocabulary vectors.
#pragma once

#include <math.h>

#include "flops.hpp"
#include "sums.inl.hpp"

namespace menura {
namespace {

constexpr int64_t tile_columns = 2048;

// Calls body(first, count) for every tile of columns.
template <class Body>
void for_tiles(int64_t vocabulary, int64_t work, const Body& body) {
  parallel_for_work((vocabulary + tile_columns - 1) / tile_columns, work, [&](int64_t tile) {
    const int64_t first = tile * tile_columns;
    body(first, vocabulary - first < tile_columns ? vocabulary - first : tile_columns);
  });
}

// Column sums of |x| and, for the unbiased estimator, of x^2.
struct ColumnSums {
  Scratch<double> magnitudes;
  Scratch<double> squares;
  explicit ColumnSums(int64_t vocabulary) : magnitudes(vocabulary), squares(vocabulary) {
    for (int64_t v = 0; v < vocabulary; ++v) magnitudes[v] = squares[v] = 0;
  }
};

// sums[v] += term(x) for the elements x of `rows` rows
template <int64_t rows, class T, class Term>
void add_rows(const T* row, int64_t stride, int64_t count, const Term& term, double* sums) {
  for (int64_t v = 0; v < count; ++v) {
    double sum = sums[v];
    for (int64_t b = 0; b < rows; ++b) sum += term(static_cast<double>(row[b * stride + v]));
    sums[v] = sum;
  }
}

// Several rows at once, so that a sum is loaded and stored less often.
template <class T, class Term>
void add_tile(const Vectors<T>& x, int64_t vocabulary, int64_t first, int64_t count, const Term& term, double* sums) {
  constexpr int64_t together = 4;
  const T* row = x.values + first;
  int64_t b = 0;
  for (; b + together <= x.rows; b += together)
    add_rows<together>(row + b * vocabulary, vocabulary, count, term, sums + first);
  for (; b < x.rows; ++b) add_rows<1>(row + b * vocabulary, vocabulary, count, term, sums + first);
}

template <class T>
void add_dense(const Flops<T>& a, const ColumnSums& sums) {
  const Vectors<T>& x = a.activations;
  for_tiles(a.vocabulary, x.rows * a.vocabulary, [&](int64_t first, int64_t count) {
    add_tile(x, a.vocabulary, first, count, [](double value) { return ::fabs(value); }, sums.magnitudes.get());
    if (a.estimator == Estimator::unbiased)
      add_tile(x, a.vocabulary, first, count, [](double value) { return value * value; }, sums.squares.get());
  });
}

template <class T>
void add_stored(const Flops<T>& a, const ColumnSums& sums) {
  const Entries<T> entries(a.activations, a.vocabulary, nullptr, false);
  const DenseRow<T> dense(a.vocabulary);
  for (int64_t b = 0; b < entries.rows(); ++b) {
    T* row = dense.spread(entries[b]);
    for (int64_t e = 0; e < entries[b].count; ++e) {
      const int32_t v = entries[b].columns[e];
      const double x = row[v];
      sums.magnitudes[v] += ::fabs(x);
      sums.squares[v] += x * x;
      row[v] = 0;  // a column that occurs twice counts once
    }
  }
}

template <class S>
void flops_forward(const FlopsForward<typename S::T>& a) {
  using T = typename S::T;
  const ColumnSums sums(a.vocabulary);
  if (a.activations.crow)
    add_stored(a, sums);
  else
    add_dense(a, sums);
  const bool mean = a.estimator == Estimator::mean;
  for (int64_t v = 0; v < a.vocabulary; ++v) a.totals[v] = static_cast<T>(sums.magnitudes[v]);
  const double value = sum_of(a.vocabulary, [&](int64_t v) {
    const double total = sums.magnitudes[v];
    return (a.weights ? a.weights[v] : 1.0) * (total * total - (mean ? 0 : sums.squares[v]));
  });
  const double batch = static_cast<double>(a.activations.rows);
  *a.value = static_cast<T>(value / (mean ? batch * batch : batch * (batch - 1)));
}

template <class T>
T sign(T x) {
  return static_cast<T>((x > 0) - (x < 0));
}

template <class S>
void flops_backward(const FlopsBackward<typename S::T>& a) {
  using T = typename S::T;
  const T batch = static_cast<T>(a.activations.rows);
  const bool mean = a.estimator == Estimator::mean;
  const T factor = 2 * *a.grad / (mean ? batch * batch : batch * (batch - 1));
  const Scratch<T> factors(a.vocabulary);
  for (int64_t v = 0; v < a.vocabulary; ++v) factors[v] = a.weights ? factor * a.weights[v] : factor;
  const auto slope = [&](int64_t v, T x) {
    const T others = mean ? a.totals[v] : a.totals[v] - (x < 0 ? -x : x);
    return sign(x) * (factors[v] * others);
  };
  if (!a.activations.crow) {
    parallel_for_work(a.activations.rows, a.activations.rows * a.vocabulary, [&](int64_t b) {
      const T* row = a.activations.values + b * a.vocabulary;
      T* grad = a.grad_activations + b * a.vocabulary;
      for (int64_t v = 0; v < a.vocabulary; ++v) grad[v] = slope(v, row[v]);
    });
    return;
  }
  const Entries<T> entries(a.activations, a.vocabulary, nullptr, false);
  for_blocks(entries.rows(), entries.count(), [&](int64_t first, int64_t count) {
    const DenseRow<T> dense(a.vocabulary);
    for (int64_t b = first; b < first + count; ++b) {
      const T* row = dense.spread(entries[b]);
      T* grad = a.grad_activations + entries[b].first;
      for (int64_t e = 0; e < entries[b].count; ++e) grad[e] = slope(entries[b].columns[e], row[entries[b].columns[e]]);
      dense.clear(entries[b]);
    }
  });
}

}  // namespace
}  // namespace menura
