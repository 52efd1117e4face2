// The SPLADE head: vocabulary logits, bias, max over tokens, activation; the [batch, tokens, vocabulary] logits are
// never stored.
#pragma once

#include <math.h>

#include "max_dot.inl.hpp"
#include "parallel.hpp"
#include "scratch.inl.hpp"
#include "splade_head.hpp"
#include "tokens.inl.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

inline float log1p_of(float x) { return ::log1pf(x); }
inline double log1p_of(double x) { return ::log1p(x); }
inline float exp_of(float x) { return ::expf(x); }
inline double exp_of(double x) { return ::exp(x); }
inline float expm1_of(float x) { return ::expm1f(x); }
inline double expm1_of(double x) { return ::expm1(x); }

// max, bias and ReLU commute with the increasing log1p, so the activation is applied once, to the maximum.
template <class T>
T activate(T logit, Activation activation) {
  if (logit <= 0) return 0;
  const T once = log1p_of(logit);
  return activation == Activation::log1p_relu ? log1p_of(once) : once;
}

// The derivative by the logit, from the activated value alone; zero where the entry is not active.
template <class T>
T activation_slope(T output, Activation activation) {
  if (output <= 0) return 0;
  if (activation == Activation::relu) return exp_of(-output);
  return exp_of(-output) * exp_of(-expm1_of(output));
}

template <class S>
void splade_head_forward(const SpladeHeadForward<typename S::T>& a) {
  using T = typename S::T;
  constexpr int64_t width = panel_width<S>;
  constexpr int64_t cached_bytes = 384 * 1024;  // packed panels of one group stay in the second-level cache
  const Sequences texts{a.hidden.data,       Dtype::fp32, a.batch, a.tokens, a.hidden.batch_stride,
                        a.hidden.row_stride, nullptr,     a.mask,  nullptr};
  const Tokens tokens(texts);
  const int64_t panels = (a.vocabulary + width - 1) / width;
  const int64_t panel_size = width * a.dim;
  int64_t group = cached_bytes / (panel_size * static_cast<int64_t>(sizeof(T)) + 1);
  group = group < 1 ? 1 : group > 8 ? 8 : group;

  parallel_for((panels + group - 1) / group, [&](int64_t g) {
    const int64_t first = g * group;
    const int64_t last = first + group < panels ? first + group : panels;
    const Scratch<T> packed((last - first) * panel_size);
    for (int64_t p = first; p < last; ++p)
      for (int64_t lane = 0; lane < width; ++lane) {
        T* to = packed.get() + (p - first) * panel_size + lane;
        if (p * width + lane < a.vocabulary)
          FloatDot<S>::pack(to, width, a.weight + (p * width + lane) * a.dim, a.dim);
        else
          for (int64_t k = 0; k < a.dim; ++k) to[k * width] = 0;
      }
    for (int64_t b = 0; b < a.batch; ++b) {
      const int64_t count = tokens.count(b);
      for (int64_t p = first; p < last; ++p) {
        const int64_t lanes = a.vocabulary - p * width < width ? a.vocabulary - p * width : width;
        const int64_t at = b * a.vocabulary + p * width;
        T values[width];
        int32_t arguments[width];
        if (count > 0) {
          const int32_t* kept = tokens.kept(b);
          const Stream<FloatDot<S>> rows{a.hidden.row(b, 0), a.hidden.row_stride, kept, kept, 0, nullptr, count};
          Best<S> best;
          best.reset(tokens.token(b, 0));
          max_dot<FloatDot<S>, 2, true>(packed.get() + (p - first) * panel_size, rows, a.dim, best);
          read_best<S, true>(best, values, arguments);
        }
        for (int64_t lane = 0; lane < lanes; ++lane) {
          const T bias = a.bias ? a.bias[p * width + lane] : T(0);
          a.output[at + lane] = count > 0 ? activate(values[lane] + bias, a.activation) : T(0);
          if (a.argmax.data) a.argmax.set(at + lane, count > 0 ? arguments[lane] : 0);
        }
      }
    }
  });
}

// Work in proportion to the active entries. Vocabulary rows own dW and db, batch rows own dH.
template <class S>
void splade_head_backward(const SpladeHeadBackward<typename S::T>& a) {
  using T = typename S::T;
  const auto logit_grad = [&](int64_t at) { return a.grad[at] * activation_slope(a.output[at], a.activation); };
  const auto inactive = [&](int64_t at) { return a.output[at] <= 0; };

  if (a.grad_weight || a.grad_bias)
    parallel_for(a.vocabulary, [&](int64_t v) {
      T* row = a.grad_weight ? a.grad_weight + v * a.dim : nullptr;
      if (row) fill_zero(row, a.dim);
      T bias = 0;
      for (int64_t b = 0; b < a.batch; ++b) {
        const int64_t at = b * a.vocabulary + v;
        if (inactive(at)) continue;
        const T grad = logit_grad(at);
        bias += grad;
        if (row) axpy<S>(a.dim, grad, a.hidden.row(b, a.argmax.get(at)), row);
      }
      if (a.grad_bias) a.grad_bias[v] = bias;
    });

  if (a.grad_hidden)
    parallel_for(a.batch, [&](int64_t b) {
      T* grad = a.grad_hidden + b * a.tokens * a.dim;
      fill_zero(grad, a.tokens * a.dim);
      for (int64_t v = 0; v < a.vocabulary; ++v) {
        const int64_t at = b * a.vocabulary + v;
        if (inactive(at)) continue;
        axpy<S>(a.dim, logit_grad(at), a.weight + v * a.dim, grad + a.argmax.get(at) * a.dim);
      }
    });
}

}  // namespace
}  // namespace menura
