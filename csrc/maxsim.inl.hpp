// MaxSim: for every query token the best-matching document token, summed.
#pragma once

#include "maxsim.hpp"
#include "pairs.inl.hpp"
#include "parallel.hpp"
#include "query_panels.inl.hpp"
#include "rounded_sums.inl.hpp"
#include "token_scales.inl.hpp"
#include "tokens.inl.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

// As in sentence-transformers: a document without tokens ranks below every other, with a finite score.
constexpr double empty_document_score = -1e9;

// One thread's way through documents whose rows are of type E. They meet the panels as they are where that is what D
// multiplies; else they are widened first, a block at a time.
template <class D, class E>
class Scorer {
  using S = typename D::Simd;
  using T = typename S::T;
  using Panels = QueryPanels<D, E>;
  using Group = typename Panels::Group;
  static constexpr bool as_is = same<E, typename D::Element>;
  // Rows that one panel after another finds in the second-level cache; widened ones beside a panel in the first.
  static constexpr int64_t cached_bytes = (as_is ? 128 : 12) * 1024;

 public:
  // Whether the winners are wanted, too; never of int8 documents.
  Scorer(const Sequences& documents, const Tokens& tokens, const TokenScales<S>& scales, const Panels& panels,
         int64_t dim, bool winners)
      : winners_(winners),
        documents_(documents),
        tokens_(tokens),
        scales_(scales),
        panels_(panels),
        dim_(dim),
        block_(cached_bytes / (dim * static_cast<int64_t>(sizeof(T)) + 1) + 1),
        best_(panels.most_panels()),
        widened_(as_is ? 0 : block_ * dim),
        widened_scales_(as_is ? 0 : block_) {}

  // A document that has tokens. Calls score(query, sum) for every query of the group that has, and, if winners are
  // wanted, winner(lane, document token) for every lane.
  template <class Score, class Winner>
  void meet(const Group& group, int64_t document, const Score& score, const Winner& winner) const {
    for (int64_t p = 0; p < group.panels(); ++p) best_[p].reset(tokens_.token(document, 0));
    const int64_t count = tokens_.count(document);
    const int64_t block = as_is && group.panels() == 1 ? count : block_;
    for (int64_t at = 0; at < count; at += block) {
      const Stream<D> rows = stream(document, at, count - at < block ? count - at : block);
      for (int64_t p = 0; p < group.panels(); ++p)
        meet(panels_.panel(group, p), panels_.lanes(group, p) <= S::lanes, rows, best_[p]);
    }
    const T spoilt = D::whole ? spoilt_scales(document) : T(0);
    T values[Panels::width];
    int32_t winners[Panels::width];
    double sum = 0;
    for (int64_t p = 0; p < group.panels(); ++p) {
      read_best<S>(best_[p], winners_, values, winners);
      for (int64_t n = 0; n < panels_.lanes(group, p); ++n) {
        const int64_t lane = group.first_lane + p * Panels::width + n;
        sum += static_cast<double>(values[n] + spoilt) * panels_.scale(lane);
        if (winners_) winner(lane, winners[n]);
        if (lane + 1 < group.last_lane && panels_.query(lane + 1) == panels_.query(lane)) continue;
        score(panels_.query(lane), sum);
        sum = 0;
      }
    }
  }

 private:
  void meet(const typename D::Packed* panel, bool half, const Stream<D>& rows, Best<S>& best) const {
    if constexpr (!D::whole)
      if (winners_)
        return half ? max_dot<D, 1, true>(panel, rows, dim_, best) : max_dot<D, 2, true>(panel, rows, dim_, best);
    half ? max_dot<D, 1, false>(panel, rows, dim_, best) : max_dot<D, 2, false>(panel, rows, dim_, best);
  }

  // NaN where a token of the document has no finite scale, else zero.
  T spoilt_scales(int64_t document) const {
    const T* scales = scales_.of(document);
    T sum = 0;
    for (int64_t n = 0; n < tokens_.count(document); ++n) sum += scales[tokens_.token(document, n)] * 0;
    return sum;
  }

  Stream<D> stream(int64_t document, int64_t at, int64_t count) const {
    const E* base = static_cast<const E*>(documents_.data) + documents_.first_element(document);
    const T* scales = scales_.of(document);
    const int32_t* kept = tokens_.kept(document) ? tokens_.kept(document) + at : nullptr;
    if constexpr (as_is) {
      if (kept) return {base, documents_.row_stride, kept, kept, at, scales, count};
      return {base + at * documents_.row_stride,
              documents_.row_stride,
              nullptr,
              nullptr,
              at,
              scales ? scales + at : nullptr,
              count};
    } else {
      const int64_t bytes = dim_ * static_cast<int64_t>(sizeof(E));
      for (int64_t r = 0; r < count; ++r) {
        const int64_t token = kept ? kept[r] : at + r;
        // The next block's row comes near while this block is multiplied.
        const char* ahead = reinterpret_cast<const char*>(base + (token + block_) * documents_.row_stride);
        for (int64_t line = 0; line < bytes; line += 64) __builtin_prefetch(ahead + line);
        convert<S>(dim_, base + token * documents_.row_stride, widened_.get() + r * dim_);
        if (scales) widened_scales_[r] = scales[token];
      }
      return {widened_.get(), dim_, nullptr, kept, at, widened_scales_.get(), count};
    }
  }

  const bool winners_;
  const Sequences& documents_;
  const Tokens& tokens_;
  const TokenScales<S>& scales_;
  const Panels& panels_;
  const int64_t dim_;
  const int64_t block_;
  const Scratch<Best<S>> best_;
  const Scratch<T> widened_;
  const Scratch<T> widened_scales_;
};

template <class D, class E>
void maxsim_forward_as(const MaxSimForward<typename D::Simd::T>& a) {
  using S = typename D::Simd;
  using T = typename S::T;
  using Panels = QueryPanels<D, E>;
  const Tokens query_tokens(a.query);
  const Tokens document_tokens(a.document);
  const TokenScales<S> query_scales(a.query, query_tokens, a.dim, a.normalize);
  const TokenScales<S> document_scales(a.document, document_tokens, a.dim, a.normalize);
  const Pairs pairs(a);
  const bool in_batch = a.pairing == Pairing::in_batch;
  const Panels panels(a.query, query_tokens, query_scales, a.dim,
                      in_batch ? Panels::lanes_wanted(a.document.count) : 0);
  const int64_t documents = a.document.count;

  const bool winners = a.argmax.data != nullptr;
  if (winners) __builtin_memset(a.argmax.data, 0, static_cast<uint64_t>(pairs.argmax_count() * a.argmax.bytes));
  for (int64_t j = 0; j < documents; ++j) {
    const T score = static_cast<T>(document_tokens.count(j) ? 0 : empty_document_score);
    pairs.of_document(j, [&](int64_t, int64_t pair) { a.scores[pair] = score; });
  }
  const auto keep_winner = [&](int64_t query, int64_t pair, int64_t lane, int32_t winner) {
    a.argmax.set(pairs.argmax(query, pair) + panels.token(lane), winner);
  };

  if (!in_batch) {
    parallel_ranges(documents, [&](int64_t first, int64_t last) {
      const Scorer<D, E> scorer(a.document, document_tokens, document_scales, panels, a.dim, winners);
      for (int64_t j = first; j < last; ++j) {
        if (document_tokens.count(j) == 0) continue;
        pairs.of_document(j, [&](int64_t i, int64_t pair) {
          scorer.meet(
              panels.group(i), j, [&](int64_t, double sum) { a.scores[pair] = static_cast<T>(sum); },
              [&](int64_t lane, int32_t winner) { keep_winner(i, pair, lane, winner); });
        });
      }
    });
    return;
  }
  const Scratch<double> pieces(panels.piece_count() * documents);
  parallel_ranges(panels.group_count() * documents, [&](int64_t first, int64_t last) {
    const Scorer<D, E> scorer(a.document, document_tokens, document_scales, panels, a.dim, winners);
    for (int64_t at = first; at < last; ++at) {
      const auto& group = panels.group(at / documents);
      const int64_t j = at % documents;
      if (document_tokens.count(j) == 0) continue;
      scorer.meet(
          group, j,
          [&](int64_t i, double sum) {
            if (group.piece < 0)
              a.scores[i * documents + j] = static_cast<T>(sum);
            else
              pieces[group.piece * documents + j] = sum;
          },
          [&](int64_t lane, int32_t winner) {
            keep_winner(panels.query(lane), panels.query(lane) * documents + j, lane, winner);
          });
    }
  });
  // The pieces of a query's score, in their order.
  for (int64_t g = 0; g < panels.group_count(); ++g) {
    const auto& group = panels.group(g);
    if (group.piece < 0 || (group.piece > 0 && panels.group(g - 1).first_query == group.first_query)) continue;
    for (int64_t j = 0; j < documents; ++j) {
      if (document_tokens.count(j) == 0) continue;
      double sum = 0;
      for (int64_t p = g; p < panels.group_count() && panels.group(p).first_query == group.first_query; ++p)
        sum += pieces[panels.group(p).piece * documents + j];
      a.scores[group.first_query * documents + j] = static_cast<T>(sum);
    }
  }
}

template <class S>
void maxsim_forward(const MaxSimForward<typename S::T>& a) {
  if constexpr (same<typename S::T, float>)
    if (a.document.dtype == Dtype::int8) return maxsim_forward_as<typename S::Int8Dot, int8_t>(a);
  with_dot<S>(a.document.dtype, [&](auto dot, auto element) {
    using D = decltype(dot);
    a.normalize ? maxsim_forward_as<ScaledDot<D>, decltype(element)>(a) : maxsim_forward_as<D, decltype(element)>(a);
  });
}

// No atomics: every document owns its gradient rows, every query token its own.
template <class S, class E>
void maxsim_backward_as(const MaxSimBackward<typename S::T>& a) {
  using T = typename S::T;
  const Tokens query_tokens(a.query);
  const Tokens document_tokens(a.document);
  const TokenScales<S> query_scales(a.query, query_tokens, a.dim, a.normalize);
  const TokenScales<S> document_scales(a.document, document_tokens, a.dim, a.normalize);
  const Pairs pairs(a);
  const auto* queries = static_cast<const E*>(a.query.data);
  const auto* documents = static_cast<const E*>(a.document.data);

  if (a.grad_document) {
    int64_t longest = 0;
    for (int64_t j = 0; j < a.document.count; ++j)
      longest = a.document.length(j) > longest ? a.document.length(j) : longest;
    const RoundedSums<S, E> grads(longest * a.dim);
    parallel_for(a.document.count, [&](int64_t j) {
      E* grad = static_cast<E*>(a.grad_document) + a.document.first_token(j) * a.dim;
      grads.write(grad, a.document.length(j) * a.dim, [&](T* sums) {
        if (document_tokens.count(j) == 0) return;
        pairs.of_document(j, [&](int64_t i, int64_t pair) {
          const int64_t argmax = pairs.argmax(i, pair);
          const E* query = queries + a.query.first_element(i);
          for (int64_t n = 0; n < query_tokens.count(i); ++n) {
            const int64_t t = query_tokens.token(i, n);
            axpy<S>(a.dim, a.grad[pair] * query_scales.at(i, t), query + t * a.query.row_stride,
                    sums + a.argmax.get(argmax + t) * a.dim);
          }
        });
        for (int64_t n = 0; a.normalize && n < document_tokens.count(j); ++n) {
          const int64_t t = document_tokens.token(j, n);
          normalization_gradient<S>(a.dim, documents + a.document.first_element(j) + t * a.document.row_stride,
                                    document_scales.at(j, t), sums + t * a.dim);
        }
      });
    });
  }

  if (a.grad_query) {
    const RoundedSums<S, E> grads(a.dim);
    parallel_ranges(a.query.all_tokens(), [&](int64_t first, int64_t last) {
      int64_t i = 0;
      for (int64_t token = first; token < last; ++token) {
        while (token >= a.query.first_token(i + 1)) ++i;
        grads.write(static_cast<E*>(a.grad_query) + token * a.dim, a.dim, [&](T* sums) {
          if (a.query.mask && !a.query.mask[token]) return;
          const int64_t t = token - a.query.first_token(i);
          pairs.of_query(i, [&](int64_t j, int64_t pair) {
            if (document_tokens.count(j) == 0) return;
            const int64_t winner = a.argmax.get(pairs.argmax(i, pair) + t);
            axpy<S>(a.dim, a.grad[pair] * document_scales.at(j, winner),
                    documents + a.document.first_element(j) + winner * a.document.row_stride, sums);
          });
          if (a.normalize)
            normalization_gradient<S>(a.dim, queries + a.query.first_element(i) + t * a.query.row_stride,
                                      query_scales.at(i, t), sums);
        });
      }
    });
  }
}

template <class S>
void maxsim_backward(const MaxSimBackward<typename S::T>& a) {
  with_element<S>(a.document.dtype, [&](auto element) { maxsim_backward_as<S, decltype(element)>(a); });
}

}  // namespace
}  // namespace menura
