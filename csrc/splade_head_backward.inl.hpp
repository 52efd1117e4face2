// The SPLADE head's backward: work in proportion to the active entries. Terms own their row of the weight's gradient
// and tokens own their state's, so threads change neither the sums nor their order.
#pragma once

#include <omp.h>

#include "activation.inl.hpp"
#include "dot_rows.inl.hpp"
#include "grouped.inl.hpp"
#include "pack.inl.hpp"
#include "parallel.hpp"
#include "rounded_sums.inl.hpp"
#include "scratch.inl.hpp"
#include "splade_head.hpp"
#include "token_rows.inl.hpp"
#include "weighted_sum.inl.hpp"

namespace menura {
namespace {

template <class T>
struct ActiveGrad {
  int32_t term, token;  // the token that a maximum came from
  T grad;               // by that token's logit, or by an output that is a sum
};

// The active entries of each row, terms ascending, and the gradients that reach them.
template <class T>
class ActiveGrads {
 public:
  explicit ActiveGrads(const SpladeHeadBackward<T>& a)
      : batch_(a.batch), starts_(a.batch + 1), entries_(find_starts(a)) {
    parallel_for(a.batch, [&](int64_t row) {
      ActiveGrad<T>* to = entries_.get() + starts_[row];
      each_active(a, row, [&](int64_t at, int64_t term) {
        const bool max = a.pooling == Pooling::max;
        const T slope = max ? slope_at_output(a.output[at], a.activation) : T(1);
        *to++ = {static_cast<int32_t>(term), max ? a.argmax.get(at) : 0, a.grad[at] * slope};
      });
    });
  }
  const ActiveGrad<T>* entries() const { return entries_.get(); }
  // The row's place among all entries.
  int64_t start(int64_t row) const { return starts_[row]; }
  int64_t all() const { return starts_[batch_]; }

 private:
  template <class Visit>
  static void each_active(const SpladeHeadBackward<T>& a, int64_t row, const Visit& visit) {
    if (a.crow) {
      for (int64_t at = a.crow[row]; at < a.crow[row + 1]; ++at) visit(at, a.col[at]);
    } else {
      const int64_t first = row * a.vocabulary;
      for (int64_t term = 0; term < a.vocabulary; ++term)
        if (!(a.output[first + term] <= 0)) visit(first + term, term);
    }
  }

  // The number of all entries.
  int64_t find_starts(const SpladeHeadBackward<T>& a) {
    starts_[0] = 0;
    parallel_for(a.batch, [&](int64_t row) {
      int64_t count = 0;
      each_active(a, row, [&](int64_t, int64_t) { ++count; });
      starts_[row + 1] = count;
    });
    for (int64_t row = 0; row < a.batch; ++row) starts_[row + 1] += starts_[row];
    return starts_[a.batch];
  }

  int64_t batch_;
  Scratch<int64_t> starts_;
  Scratch<ActiveGrad<T>> entries_;
};

// One token a maximum: every active entry adds one scaled state to its term and one scaled weight to its token.
template <class S, class E>
void max_pooling_backward(const SpladeHeadBackward<typename S::T>& a) {
  using T = typename S::T;
  using Summand = Scaled<T, E>;
  const ActiveGrads<T> active(a);
  const RoundedSums<S, E> grads(a.dim);
  const auto each_entry = [&](const auto& visit) {
    for (int64_t row = 0; row < a.batch; ++row)
      for (int64_t at = active.start(row); at < active.start(row + 1); ++at) visit(row, active.entries()[at]);
  };

  if (a.grad_weight || a.grad_bias) {
    const GroupedByTarget<Summand> by_term(a.vocabulary, [&](const auto& add) {
      each_entry([&](int64_t row, const ActiveGrad<T>& entry) {
        add(entry.term, {a.template state<E>(row, entry.token), entry.grad});
      });
    });
    parallel_for(a.vocabulary, [&](int64_t term) {
      const Summand* summands = by_term.items(term);
      const int64_t count = by_term.count(term);
      if (a.grad_weight)
        grads.write(static_cast<E*>(a.grad_weight) + term * a.dim, a.dim,
                    [&](T* sums) { add_scaled<S>(summands, count, a.dim, sums); });
      if (a.grad_bias) {
        a.grad_bias[term] = 0;
        for (int64_t i = 0; i < count; ++i) a.grad_bias[term] += summands[i].factor;
      }
    });
  }

  if (a.grad_hidden) {
    const GroupedByTarget<Summand> by_token(a.all_tokens(), [&](const auto& add) {
      each_entry([&](int64_t row, const ActiveGrad<T>& entry) {
        add(a.first_token(row) + entry.token, {a.template term<E>(entry.term), entry.grad});
      });
    });
    parallel_for(a.all_tokens(), [&](int64_t token) {
      grads.write(static_cast<E*>(a.grad_hidden) + token * a.dim, a.dim,
                  [&](T* sums) { add_scaled<S>(by_token.items(token), by_token.count(token), a.dim, sums); });
    });
  }
}

// Many tokens a sum: the logits of the active entries are computed once more, a block of entries at a time.
template <class D, class E>
class SumPoolingBackward {
 public:
  using S = typename D::Simd;
  using T = typename S::T;
  using Element = typename D::Element;

  explicit SumPoolingBackward(const SpladeHeadBackward<T>& a)
      : a_(a),
        tokens_(a),
        active_(a),
        longest_(tokens_.longest()),
        block_(entries_of_a_block(active_.all(), longest_)),
        grads_(block_ * longest_),
        panels_(omp_get_max_threads() * panel_size<D>(a.dim)),
        states_(omp_get_max_threads() * longest_),
        terms_(omp_get_max_threads() * block_),
        wide_weight_(as_is || !a.grad_weight ? 0 : a.vocabulary * a.dim),
        wide_hidden_(as_is || !a.grad_hidden ? 0 : a.all_tokens() * a.dim) {}

  void run() const {
    const int64_t weights = a_.grad_weight ? a_.vocabulary * a_.dim : 0;
    const int64_t states = a_.grad_hidden ? a_.all_tokens() * a_.dim : 0;
    in_stretches(weights, [&](int64_t at, int64_t count) { fill_zero(weight_sums() + at, count); });
    in_stretches(states, [&](int64_t at, int64_t count) { fill_zero(hidden_sums() + at, count); });
    if (a_.grad_bias) fill_zero(a_.grad_bias, a_.vocabulary);
    for (int64_t first = 0; first < active_.all(); first += block_) {
      const int64_t last = active_.all() - first < block_ ? active_.all() : first + block_;
      find_logit_grads(first, last);
      if (a_.grad_weight || a_.grad_bias) add_to_terms(first, last);
      if (a_.grad_hidden) add_to_tokens(first, last);
    }
    if constexpr (!as_is) {
      in_stretches(weights, [&](int64_t at, int64_t count) {
        convert<S>(count, weight_sums() + at, static_cast<E*>(a_.grad_weight) + at);
      });
      in_stretches(states, [&](int64_t at, int64_t count) {
        convert<S>(count, hidden_sums() + at, static_cast<E*>(a_.grad_hidden) + at);
      });
    }
  }

 private:
  static constexpr int64_t width = panel_width<S>;
  static constexpr int64_t logit_rows = 64;
  static constexpr bool as_is = same<T, E>;

  struct Panel {
    int64_t row, first, last;  // entries
  };
  struct Place {
    int64_t row, at;  // of an entry
  };

  static int64_t entries_of_a_block(int64_t all, int64_t longest) {
    constexpr int64_t most_grads = 4 * 1024 * 1024, fewest_entries = 512;
    int64_t entries = most_grads / (longest + 1);
    if (entries < fewest_entries) entries = fewest_entries;
    return entries < all ? entries : all;
  }

  // body(at, count) for pieces of [0, count).
  template <class Body>
  static void in_stretches(int64_t count, const Body& body) {
    constexpr int64_t stretch = 64 * 1024;
    parallel_for((count + stretch - 1) / stretch,
                 [&](int64_t i) { body(i * stretch, count - i * stretch < stretch ? count - i * stretch : stretch); });
  }

  // Where the blocks' gradients add up, before they are rounded.
  T* weight_sums() const { return as_is ? static_cast<T*>(a_.grad_weight) : wide_weight_.get(); }
  T* hidden_sums() const { return as_is ? static_cast<T*>(a_.grad_hidden) : wide_hidden_.get(); }

  // The entries of a row that are among [first, last).
  int64_t begin(int64_t row, int64_t first) const { return active_.start(row) > first ? active_.start(row) : first; }
  int64_t end(int64_t row, int64_t last) const { return active_.start(row + 1) < last ? active_.start(row + 1) : last; }

  void find_logit_grads(int64_t first, int64_t last) const {
    const Scratch<Panel> panels((last - first) / width + a_.batch);
    int64_t count = 0;
    for (int64_t row = 0; row < a_.batch; ++row)
      for (int64_t at = begin(row, first); at < end(row, last); at += width)
        panels[count++] = {row, at, at + width < end(row, last) ? at + width : end(row, last)};
    parallel_for(count,
                 [&](int64_t i) { find_logit_grads(panels[i], grads_.get() + (panels[i].first - first) * longest_); });
  }

  // grads[entry][token]: by the logit of each entry at each token of its row.
  void find_logit_grads(const Panel& panel, T* grads) const {
    const ActiveGrad<T>* entries = active_.entries() + panel.first;
    const int64_t terms = panel.last - panel.first, tokens = tokens_.count(panel.row);
    typename D::Packed* packed = panels_.get() + omp_get_thread_num() * panel_size<D>(a_.dim);
    pack_panel<D, width, E>(packed, terms, a_.dim,
                            [&](int64_t lane) { return a_.template term<E>(entries[lane].term); });
    T bias[width] = {};
    for (int64_t lane = 0; a_.bias && lane < terms; ++lane) bias[lane] = a_.bias[entries[lane].term];
    T logits[logit_rows * width];
    for (int64_t first = 0; first < tokens; first += logit_rows) {
      const int64_t count = tokens - first < logit_rows ? tokens - first : logit_rows;
      dot_rows<D>(packed, tokens_.states(tokens_.start(panel.row) + first), count, a_.dim, logits);
      for (int64_t i = 0; i < count; ++i)
        for (int64_t lane = 0; lane < width; ++lane) logits[i * width + lane] += bias[lane];
      slopes_of_all(logits, count * width, a_.activation);
      for (int64_t lane = 0; lane < terms; ++lane)
        for (int64_t i = 0; i < count; ++i)
          grads[lane * longest_ + first + i] = entries[lane].grad * logits[i * width + lane];
    }
  }

  void add_to_terms(int64_t first, int64_t last) const {
    const GroupedByTarget<Place> by_term(a_.vocabulary, [&](const auto& add) {
      for (int64_t row = 0; row < a_.batch; ++row)
        for (int64_t at = begin(row, first); at < end(row, last); ++at) add(active_.entries()[at].term, {row, at});
    });
    parallel_for(a_.vocabulary, [&](int64_t term) {
      for (int64_t i = 0; i < by_term.count(term); ++i) {
        const auto [row, at] = by_term.items(term)[i];
        const Element* const* states = tokens_.states(tokens_.start(row));
        const T* grads = grads_.get() + (at - first) * longest_;
        Scaled<T, Element>* summands = states_.get() + omp_get_thread_num() * longest_;
        int64_t count = 0;
        T sum = 0;
        for (int64_t t = 0; t < tokens_.count(row); ++t) {
          sum += grads[t];
          if (grads[t] != 0) summands[count++] = {states[t], grads[t]};
        }
        if (a_.grad_bias) a_.grad_bias[term] += sum;
        if (a_.grad_weight) add_scaled<S>(summands, count, a_.dim, weight_sums() + term * a_.dim);
      }
    });
  }

  void add_to_tokens(int64_t first, int64_t last) const {
    parallel_for(tokens_.all(), [&](int64_t place) {
      const int64_t row = tokens_.row(place);
      const int64_t token = a_.first_token(row) + *tokens_.indices(place);
      const T* grads = grads_.get() + place - tokens_.start(row);
      Scaled<T, E>* summands = terms_.get() + omp_get_thread_num() * block_;
      int64_t count = 0;
      for (int64_t at = begin(row, first); at < end(row, last); ++at) {
        const T grad = grads[(at - first) * longest_];
        if (grad != 0) summands[count++] = {a_.template term<E>(active_.entries()[at].term), grad};
      }
      add_scaled<S>(summands, count, a_.dim, hidden_sums() + token * a_.dim);
    });
  }

  const SpladeHeadBackward<T>& a_;
  const TokenRows<D, E> tokens_;
  const ActiveGrads<T> active_;
  const int64_t longest_, block_;
  const Scratch<T> grads_;  // [block, longest]
  const Scratch<typename D::Packed> panels_;
  const Scratch<Scaled<T, Element>> states_;
  const Scratch<Scaled<T, E>> terms_;
  const Scratch<T> wide_weight_, wide_hidden_;
};

template <class S>
void splade_head_backward(const SpladeHeadBackward<typename S::T>& a) {
  with_dot<S>(a.dtype, [&](auto dot, auto element) {
    using E = decltype(element);
    if (a.pooling == Pooling::max)
      max_pooling_backward<S, E>(a);
    else
      SumPoolingBackward<decltype(dot), E>(a).run();
  });
}

}  // namespace
}  // namespace menura
