// The tokens of each row that take part: padded or packed, masked or not, in ascending order, all rows in one list.
#pragma once

#include <cstdint>

#include "scratch.inl.hpp"
#include "splade_head.hpp"

namespace menura {
namespace {

template <class T>
class TokenRows {
 public:
  explicit TokenRows(const SpladeHead<T>& a)
      : batch_(a.batch), starts_(a.batch + 1), indices_(a.all_tokens()), states_(a.all_tokens()) {
    int64_t count = 0;
    for (int64_t row = 0; row < a.batch; ++row) {
      starts_[row] = count;
      const bool* mask = a.mask ? a.mask + a.first_token(row) : nullptr;
      for (int64_t t = 0; t < a.length(row); ++t) {
        if (mask && !mask[t]) continue;
        indices_[count] = static_cast<int32_t>(t);
        states_[count++] = a.states(row) + t * a.hidden.row_stride;
      }
    }
    starts_[a.batch] = count;
  }
  // The row's place in the list of all tokens.
  int64_t start(int64_t row) const { return starts_[row]; }
  int64_t end(int64_t row) const { return starts_[row + 1]; }
  int64_t count(int64_t row) const { return end(row) - start(row); }
  int64_t all() const { return starts_[batch_]; }
  int64_t longest() const {
    int64_t tokens = 0;
    for (int64_t row = 0; row < batch_; ++row)
      if (count(row) > tokens) tokens = count(row);
    return tokens;
  }
  // The row that holds the token at a place in the list.
  int64_t row(int64_t at) const {
    int64_t low = 0, high = batch_ - 1;
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
  const T* const* states(int64_t at) const { return states_.get() + at; }

 private:
  int64_t batch_;
  Scratch<int64_t> starts_;
  Scratch<int32_t> indices_;
  Scratch<const T*> states_;
};

}  // namespace
}  // namespace menura
