// MaxSim: for every query token the best-matching document token, summed.
#pragma once

#include "max_dot.inl.hpp"
#include "maxsim.hpp"
#include "parallel.hpp"
#include "scratch.inl.hpp"

namespace menura {
namespace {

// As in sentence-transformers: a document without tokens ranks below every other, with a finite score.
constexpr double empty_document_score = -1e9;

// Which (query, column) pairs a document takes part in: all queries where documents are shared, else its own.
struct Pairing {
  int64_t first_query, last_query, column;
};

template <class T>
Pairing pairing_of(const MaxSim<T>& a, int64_t document) {
  if (a.shared) return {0, a.queries, document};
  return {document / a.columns, document / a.columns + 1, document % a.columns};
}

template <class S>
void maxsim_forward(const MaxSimForward<typename S::T>& a) {
  using T = typename S::T;
  constexpr int64_t width = panel_width<S>;
  const TokenLists query_tokens(a.query_mask, a.queries, a.query_tokens);
  const TokenLists document_tokens(a.document_mask, a.documents(), a.document_tokens);
  const int64_t panels = (a.query_tokens + width - 1) / width;
  const Scratch<T> packed(a.queries * panels * width * a.dim);
  const auto panel_at = [&](int64_t query, int64_t p) { return packed.get() + (query * panels + p) * width * a.dim; };

  parallel_for(a.queries, [&](int64_t i) {
    const int32_t* tokens = query_tokens.indices(i);
    const int64_t count = query_tokens.count(i);
    for (int64_t p = 0; p * width < count; ++p)
      pack_panel<S>(panel_at(i, p), count - p * width, a.dim,
                    [&](int64_t lane) { return a.query.row(i, tokens[p * width + lane]); });
  });

  parallel_for(a.documents(), [&](int64_t j) {
    const int32_t* tokens = document_tokens.indices(j);
    const int64_t count = document_tokens.count(j);
    const Pairing pairing = pairing_of(a, j);
    for (int64_t i = pairing.first_query; i < pairing.last_query; ++i) {
      const int64_t pair = i * a.columns + pairing.column;
      const int64_t argmax_at = pair * a.query_tokens;
      if (a.argmax.data)
        for (int64_t t = 0; t < a.query_tokens; ++t) a.argmax.set(argmax_at + t, 0);
      if (count == 0) {
        a.scores[pair] = static_cast<T>(empty_document_score);
        continue;
      }
      const int32_t* asked = query_tokens.indices(i);
      const int64_t asked_count = query_tokens.count(i);
      double score = 0;
      for (int64_t p = 0; p * width < asked_count; ++p) {
        T values[width];
        int32_t arguments[width];
        max_dot<S>(panel_at(i, p), a.document.row(j, 0), a.document.row_stride, tokens, count, a.dim, values,
                   arguments);
        const int64_t lanes = asked_count - p * width < width ? asked_count - p * width : width;
        for (int64_t lane = 0; lane < lanes; ++lane) {
          score += values[lane];
          if (a.argmax.data) a.argmax.set(argmax_at + asked[p * width + lane], arguments[lane]);
        }
      }
      a.scores[pair] = static_cast<T>(score);
    }
  });
}

// No atomics: every document owns its gradient rows, every query token its own.
template <class S>
void maxsim_backward(const MaxSimBackward<typename S::T>& a) {
  const TokenLists query_tokens(a.query_mask, a.queries, a.query_tokens);
  const TokenLists document_tokens(a.document_mask, a.documents(), a.document_tokens);

  if (a.grad_document)
    parallel_for(a.documents(), [&](int64_t j) {
      auto* grad = a.grad_document + j * a.document_tokens * a.dim;
      fill_zero(grad, a.document_tokens * a.dim);
      if (document_tokens.count(j) == 0) return;
      const Pairing pairing = pairing_of(a, j);
      for (int64_t i = pairing.first_query; i < pairing.last_query; ++i) {
        const int64_t pair = i * a.columns + pairing.column;
        const int32_t* tokens = query_tokens.indices(i);
        for (int64_t t = 0; t < query_tokens.count(i); ++t) {
          const int32_t winner = a.argmax.get(pair * a.query_tokens + tokens[t]);
          axpy<S>(a.dim, a.grad[pair], a.query.row(i, tokens[t]), grad + winner * a.dim);
        }
      }
    });

  if (a.grad_query)
    parallel_for(a.queries * a.query_tokens, [&](int64_t at) {
      const int64_t i = at / a.query_tokens;
      const int64_t t = at % a.query_tokens;
      auto* grad = a.grad_query + at * a.dim;
      fill_zero(grad, a.dim);
      if (a.query_mask && !a.query_mask[at]) return;
      for (int64_t column = 0; column < a.columns; ++column) {
        const int64_t document = a.shared ? column : i * a.columns + column;
        if (document_tokens.count(document) == 0) continue;
        const int64_t pair = i * a.columns + column;
        const int32_t winner = a.argmax.get(pair * a.query_tokens + t);
        axpy<S>(a.dim, a.grad[pair], a.document.row(document, winner), grad);
      }
    });
}

}  // namespace
}  // namespace menura
