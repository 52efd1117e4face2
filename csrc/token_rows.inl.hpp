// The tokens of each row that take part: padded or packed, masked or not, in ascending order, all rows in one list.
#pragma once

#include <cstdint>

#include "max_dot.inl.hpp"
#include "parallel.hpp"
#include "scratch.inl.hpp"
#include "splade_head.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

// Their states, of type E, are read where they lie if that is what D multiplies; else they are widened, once.
template <class D, class E>
class TokenRows {
 public:
  using S = typename D::Simd;
  using Element = typename D::Element;
  static constexpr bool as_is = same<E, Element>;

  explicit TokenRows(const SpladeHead<typename S::T>& a)
      : a_(a),
        starts_(a.batch + 1),
        indices_(a.all_tokens()),
        states_(a.all_tokens()),
        widened_(as_is ? 0 : a.all_tokens() * a.dim) {
    starts_[0] = 0;
    for (int64_t row = 0; row < a.batch; ++row) {
      int64_t count = starts_[row];
      const bool* mask = a.mask ? a.mask + a.first_token(row) : nullptr;
      for (int64_t t = 0; t < a.length(row); ++t) {
        indices_[count] = static_cast<int32_t>(t);
        count += !mask || mask[t];
      }
      starts_[row + 1] = count;
    }
    parallel_for(a.batch, [&](int64_t row) {
      for (int64_t at = start(row); at < end(row); ++at) states_[at] = state(row, at);
    });
  }
  // The row's place in the list of all tokens.
  int64_t start(int64_t row) const { return starts_[row]; }
  int64_t end(int64_t row) const { return starts_[row + 1]; }
  int64_t count(int64_t row) const { return end(row) - start(row); }
  int64_t all() const { return starts_[a_.batch]; }
  int64_t longest() const {
    int64_t tokens = 0;
    for (int64_t row = 0; row < a_.batch; ++row)
      if (count(row) > tokens) tokens = count(row);
    return tokens;
  }
  // The row that holds the token at a place in the list.
  int64_t row(int64_t at) const {
    int64_t low = 0, high = a_.batch - 1;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (end(middle) <= at)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
  // Within their rows, and where their states lie.
  const int32_t* indices(int64_t at) const { return indices_.get() + at; }
  const Element* const* states(int64_t at) const { return states_.get() + at; }

  // Tokens of one row, between two places in the list.
  Stream<D> stream(int64_t row, int64_t from, int64_t to) const {
    const int32_t* tokens = indices(from);
    if constexpr (as_is)
      return {a_.template state<E>(row, 0), a_.row_stride, tokens, tokens, 0, nullptr, to - from};
    else
      return {widened_.get() + from * a_.dim, a_.dim, nullptr, tokens, 0, nullptr, to - from};
  }

 private:
  const Element* state(int64_t row, int64_t at) const {
    const E* state = a_.template state<E>(row, indices_[at]);
    if constexpr (as_is) {
      return state;
    } else {
      convert<S>(a_.dim, state, widened_.get() + at * a_.dim);
      return widened_.get() + at * a_.dim;
    }
  }

  const SpladeHead<typename S::T>& a_;
  const Scratch<int64_t> starts_;
  const Scratch<int32_t> indices_;
  const Scratch<const Element*> states_;
  const Scratch<Element> widened_;
};

}  // namespace
}  // namespace menura
