// The FLOPS penalty of vocabulary vectors.
#pragma once

#include <math.h>

#include "flops.hpp"
#include "sums.inl.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

// Calls body(first, count) for ranges of columns, one a thread: the longer a range, the better a row's memory streams.
// A column's sum does not depend on its range.
template <class Body>
void for_columns(int64_t vocabulary, const Body& body) {
  const int64_t threads = omp_get_max_threads(), least = 1024;
  const int64_t share = (vocabulary + threads - 1) / threads;
  const int64_t columns = share < least ? least : (share + 63) / 64 * 64;
  parallel_for((vocabulary + columns - 1) / columns, [&](int64_t range) {
    const int64_t first = range * columns;
    body(first, vocabulary - first < columns ? vocabulary - first : columns);
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

// Of `rows` rows at once, so that a sum is loaded and stored less often.
template <int64_t rows, class T, class Term>
void add_rows(const T* row, int64_t stride, int64_t count, const Term& term, double* sums) {
  for (int64_t v = 0; v < count; ++v) {
    double sum = sums[v];
    for (int64_t b = 0; b < rows; ++b) sum += term(static_cast<double>(row[b * stride + v]));
    sums[v] = sum;
  }
}

template <class T>
void add_dense(const Flops<T>& a, const ColumnSums& sums) {
  constexpr int64_t together = 4;
  const bool unbiased = a.estimator == Estimator::unbiased;
  const auto magnitude = [](double x) { return ::fabs(x); };
  const auto square = [](double x) { return x * x; };
  for_columns(a.vocabulary, [&](int64_t first, int64_t count) {
    double* magnitudes = sums.magnitudes.get() + first;
    double* squares = sums.squares.get() + first;
    int64_t b = 0;
    for (; b + together <= a.activations.rows; b += together) {
      const T* row = a.activations.values + b * a.vocabulary + first;
      add_rows<together>(row, a.vocabulary, count, magnitude, magnitudes);
      if (unbiased) add_rows<together>(row, a.vocabulary, count, square, squares);
    }
    for (; b < a.activations.rows; ++b) {
      const T* row = a.activations.values + b * a.vocabulary + first;
      add_rows<1>(row, a.vocabulary, count, magnitude, magnitudes);
      if (unbiased) add_rows<1>(row, a.vocabulary, count, square, squares);
    }
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
    const int64_t size = a.activations.rows * a.vocabulary;
    const bool streamed = exceeds_caches<T>(size);
    parallel_for_work(a.activations.rows, size, [&](int64_t b) {
      constexpr int64_t piece = 4096;
      T slopes[piece];
      for (int64_t first = 0; first < a.vocabulary; first += piece) {
        const int64_t count = a.vocabulary - first < piece ? a.vocabulary - first : piece;
        const T* row = a.activations.values + b * a.vocabulary + first;
        T* grad = a.grad_activations + b * a.vocabulary + first;
        T* found = streamed ? slopes : grad;
        for (int64_t i = 0; i < count; ++i) found[i] = slope(first + i, row[i]);
        if (streamed) stream<S>(count, slopes, grad);
      }
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
