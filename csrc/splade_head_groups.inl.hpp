// The work of the SPLADE head, shared out: vocabulary logits, pooled over the tokens of each row and activated. The
// [batch, tokens, vocabulary] logits are never stored.
#pragma once

#include <omp.h>

#include "activation.inl.hpp"
#include "dot_rows.inl.hpp"
#include "max_dot.inl.hpp"
#include "pack.inl.hpp"
#include "parallel.hpp"
#include "scratch.inl.hpp"
#include "splade_head.hpp"
#include "token_rows.inl.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

// Takes the pooled rows of every group of terms; threads work on different groups.
template <class T>
class GroupSink {
 public:
  virtual void begin(int64_t groups) = 0;
  // A group's rows come in order: activated values, and the tokens that they come from where the pooling is a maximum.
  virtual void take(int64_t group, int64_t row, int64_t first_term, int64_t terms, const T* values,
                    const int32_t* tokens) = 0;

 protected:
  ~GroupSink() = default;
};

// One thread's work: a group of terms, whose packed panels stay in the second-level cache, meets all rows, whose states
// pass through that cache a span at a time.
template <class D, class E>
class TermGroups {
 public:
  using S = typename D::Simd;
  using T = typename S::T;
  using Packed = typename D::Packed;
  static constexpr int64_t width = panel_width<S>;

  explicit TermGroups(const SpladeHead<T>& a)
      : a_(a),
        tokens_(a),
        panel_size_(menura::panel_size<D>(a.dim)),
        panels_(panels_of_a_group(a)),
        terms_(panels_ * width),
        panel_memory_(threads() * panels_ * panel_size_),
        value_memory_(threads() * span_rows * terms_),
        argument_memory_(threads() * span_rows * terms_) {}

  int64_t count() const { return (a_.vocabulary + terms_ - 1) / terms_; }

  void visit(int64_t group, GroupSink<T>& sink) const {
    const int64_t first_term = group * terms_;
    const int64_t terms = a_.vocabulary - first_term < terms_ ? a_.vocabulary - first_term : terms_;
    Packed* panels = panel_memory_.get() + omp_get_thread_num() * panels_ * panel_size_;
    T* values = value_memory_.get() + omp_get_thread_num() * span_rows * terms_;
    int32_t* arguments = argument_memory_.get() + omp_get_thread_num() * span_rows * terms_;
    for (int64_t p = 0; p * width < terms; ++p)
      pack_panel<D, width, E>(panels + p * panel_size_, terms - p * width, a_.dim,
                              [&](int64_t lane) { return a_.template term<E>(first_term + p * width + lane); });

    for (int64_t row = 0, last; row < a_.batch; row = last) {
      last = end_of_span(row);
      for (int64_t i = 0; i < (last - row) * terms_; ++i) {
        values[i] = a_.pooling == Pooling::max ? -static_cast<T>(__builtin_inf()) : T(0);
        arguments[i] = 0;
      }
      // A row that is longer than a span comes in pieces.
      const int64_t end = tokens_.start(last);
      for (int64_t from = tokens_.start(row); from < end; from += span_tokens()) {
        const int64_t to = end - from < span_tokens() ? end : from + span_tokens();
        for (int64_t p = 0; p * width < terms; ++p)
          pool(panels + p * panel_size_, row, last, from, to, first_term + p * width, values + p * width,
               arguments + p * width);
      }
      for (int64_t r = row; r < last; ++r) {
        T* pooled = values + (r - row) * terms_;
        if (a_.pooling == Pooling::max) finish_maximum(r, first_term, terms, pooled);
        sink.take(group, r, first_term, terms, pooled, arguments + (r - row) * terms_);
      }
    }
  }

 private:
  static constexpr int64_t span_rows = 16;
  static constexpr int64_t logit_rows = 64;

  static int64_t threads() { return omp_get_max_threads(); }

  static int64_t panels_of_a_group(const SpladeHead<T>& a) {
    constexpr int64_t cached_bytes = 384 * 1024, most_terms = 256;
    const int64_t fitting = cached_bytes / (menura::panel_size<D>(a.dim) * static_cast<int64_t>(sizeof(Packed)) + 1);
    const int64_t shared = a.vocabulary / (width * threads() * 4);  // some groups for every thread
    int64_t panels = most_terms / width;
    if (panels > fitting) panels = fitting;
    if (panels > shared) panels = shared;
    return panels < 1 ? 1 : panels;
  }

  int64_t span_tokens() const {
    constexpr int64_t cached_bytes = 256 * 1024;
    const int64_t bytes = a_.dim * static_cast<int64_t>(sizeof(typename D::Element));
    const int64_t fitting = cached_bytes / (bytes + 1) / logit_rows * logit_rows;
    return fitting < logit_rows ? logit_rows : fitting;
  }

  // As many rows as fit the cache together, at least one.
  int64_t end_of_span(int64_t row) const {
    int64_t last = row + 1;
    while (last < a_.batch && last - row < span_rows && tokens_.end(last) - tokens_.start(row) <= span_tokens()) ++last;
    return last;
  }

  // Rows [row, last), as far as their tokens are among [from, to), with one panel.
  void pool(const Packed* panel, int64_t row, int64_t last, int64_t from, int64_t to, int64_t first_term, T* values,
            int32_t* arguments) const {
    if (a_.pooling == Pooling::sum)
      sum_logits(panel, row, from, to, first_term, values);
    else if (to - from < (last - row) * S::rows)
      maximum_of_logits(panel, row, from, to, values, arguments);
    else
      for (int64_t r = row; r < last; ++r) {
        const int64_t begin = tokens_.start(r) > from ? tokens_.start(r) : from;
        const int64_t end = tokens_.end(r) < to ? tokens_.end(r) : to;
        if (begin >= end) continue;
        T best[width];
        int32_t tokens[width];
        Best<S> seen;
        seen.reset(*tokens_.indices(begin));
        max_dot<D, 2, true>(panel, tokens_.stream(r, begin, end), a_.dim, seen);
        read_best<S>(seen, true, best, tokens);
        keep_larger(best, tokens, values + (r - row) * terms_, arguments + (r - row) * terms_);
      }
  }

  // A strictly larger value replaces the best, so the lowest index wins a tie; a NaN replaces any number and stays.
  static void keep_larger(const T* values, const int32_t* tokens, T* best, int32_t* arguments) {
    for (int64_t lane = 0; lane < width; ++lane) {
      const bool better = !(values[lane] <= best[lane]) && best[lane] == best[lane];
      best[lane] = better ? values[lane] : best[lane];
      arguments[lane] = better ? tokens[lane] : arguments[lane];
    }
  }

  // Rows of a few tokens each would leave max_dot's tile half empty: the tile takes tokens of several rows at once.
  void maximum_of_logits(const Packed* panel, int64_t row, int64_t from, int64_t to, T* values,
                         int32_t* arguments) const {
    each_logits(panel, from, to, row, [&](int64_t r, int64_t at, int64_t count, const T* logits) {
      for (int64_t i = 0; i < count; ++i) {
        int32_t tokens[width];
        for (int32_t& token : tokens) token = tokens_.indices(at)[i];
        keep_larger(logits + i * width, tokens, values + (r - row) * terms_, arguments + (r - row) * terms_);
      }
    });
  }

  void sum_logits(const Packed* panel, int64_t row, int64_t from, int64_t to, int64_t first_term, T* sums) const {
    T bias[width] = {};
    if (a_.bias)
      for (int64_t lane = 0; lane < width && first_term + lane < a_.vocabulary; ++lane)
        bias[lane] = a_.bias[first_term + lane];
    each_logits(panel, from, to, row, [&](int64_t r, int64_t, int64_t count, T* logits) {
      for (int64_t i = 0; i < count; ++i)
        for (int64_t lane = 0; lane < width; ++lane) logits[i * width + lane] += bias[lane];
      activate_all(logits, count * width, a_.activation);
      T sum[width] = {};
      for (int64_t i = 0; i < count; ++i)
        for (int64_t lane = 0; lane < width; ++lane) sum[lane] += logits[i * width + lane];
      for (int64_t lane = 0; lane < width; ++lane) sums[(r - row) * terms_ + lane] += sum[lane];
    });
  }

  // visit(row, its tokens' place in the list, their count, their logits), some tokens of one row at a time.
  template <class Visit>
  void each_logits(const Packed* panel, int64_t from, int64_t to, int64_t row, const Visit& visit) const {
    T logits[logit_rows * width];
    for (int64_t first = from; first < to; first += logit_rows) {
      const int64_t end = to - first < logit_rows ? to : first + logit_rows;
      dot_rows<D>(panel, tokens_.states(first), end - first, a_.dim, logits);
      for (int64_t at = first, last; at < end; at = last) {
        while (at >= tokens_.end(row)) ++row;
        last = tokens_.end(row) < end ? tokens_.end(row) : end;
        visit(row, at, last - at, logits + (at - first) * width);
      }
    }
  }

  // The bias is the same for all tokens and the activation increases, so both come after the maximum.
  void finish_maximum(int64_t row, int64_t first_term, int64_t terms, T* values) const {
    if (tokens_.count(row) == 0) return fill_zero(values, terms);
    if (a_.bias)
      for (int64_t i = 0; i < terms; ++i) values[i] += a_.bias[first_term + i];
    activate_all(values, terms, a_.activation);
  }

  const SpladeHead<T>& a_;
  const TokenRows<D, E> tokens_;
  const int64_t panel_size_, panels_, terms_;
  const Scratch<Packed> panel_memory_;
  const Scratch<T> value_memory_;
  const Scratch<int32_t> argument_memory_;
};

template <class S>
void visit_groups(const SpladeHead<typename S::T>& a, GroupSink<typename S::T>& sink) {
  with_dot<S>(a.dtype, [&](auto dot, auto element) {
    const TermGroups<decltype(dot), decltype(element)> groups(a);
    sink.begin(groups.count());
    parallel_for(groups.count(), [&](int64_t group) { groups.visit(group, sink); });
  });
}

}  // namespace
}  // namespace menura
