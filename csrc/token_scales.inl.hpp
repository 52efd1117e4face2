// What the dot products of each token are multiplied by.
#pragma once

#include <cstdint>

#include "sums.inl.hpp"
#include "tokens.inl.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

// The scales of int8 embeddings; where embeddings are normalized, one over the length of each, or 0 of zeros.
template <class S>
class TokenScales {
 public:
  using T = typename S::T;

  TokenScales(const Sequences& texts, const Tokens& tokens, int64_t dim, bool normalize)
      : texts_(texts), lengths_(normalize ? texts.all_tokens() : 0) {
    if constexpr (same<T, float>) scales_ = texts.scales;
    if (!normalize) return;
    scales_ = lengths_.get();
    with_element<S>(texts.dtype, [&](auto element) { measure<decltype(element)>(tokens, dim); });
  }
  // Of the text's tokens; null where all are 1.
  const T* of(int64_t text) const { return scales_ ? scales_ + texts_.first_token(text) : nullptr; }
  T at(int64_t text, int64_t token) const { return scales_ ? of(text)[token] : T(1); }

 private:
  template <class E>
  void measure(const Tokens& tokens, int64_t dim) {
    parallel_for(texts_.count, [&](int64_t text) {
      const E* first = static_cast<const E*>(texts_.data) + texts_.first_element(text);
      for (int64_t n = 0; n < tokens.count(text); ++n) {
        const int64_t token = tokens.token(text, n);
        const E* vector = first + token * texts_.row_stride;
        const double squares = sum_of(dim, [&](int64_t k) {
          const double x = widen(vector[k]);
          return x * x;
        });
        lengths_[texts_.first_token(text) + token] = static_cast<T>(squares == 0 ? 0 : 1 / __builtin_sqrt(squares));
      }
    });
  }

  const Sequences& texts_;
  const Scratch<T> lengths_;
  const T* scales_ = nullptr;
};

// g, the gradient of x / |x|, becomes that of x: (g - <g, u> u) / |x| with u = x / |x|. The scale is 1 / |x|.
template <class S, class E>
void normalization_gradient(int64_t dim, const E* x, typename S::T scale, typename S::T* g) {
  using T = typename S::T;
  const double along = sum_of(dim, [&](int64_t k) { return static_cast<double>(g[k]) * widen(x[k]); });
  axpy<S>(dim, static_cast<T>(-along * scale * scale), x, g);
  for (int64_t k = 0; k < dim; ++k) g[k] *= scale;
}

}  // namespace
}  // namespace menura
