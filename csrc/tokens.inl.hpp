// Which tokens of a batch of texts count, and the queries' tokens as lanes of panels.
#pragma once

#include <cstdint>

#include "maxsim.hpp"
#include "scratch.inl.hpp"

namespace menura {
namespace {

// Of every text the tokens that its mask lets through, in ascending order.
class Tokens {
 public:
  explicit Tokens(const Sequences& texts)
      : texts_(texts), counts_(texts.count), kept_(texts.mask ? texts.count * texts.tokens : 0) {
    for (int64_t i = 0; i < texts.count; ++i) {
      counts_[i] = texts.length(i);
      if (!texts.mask) continue;
      const bool* mask = texts.mask + i * texts.tokens;
      int32_t* kept = kept_.get() + i * texts.tokens;
      int64_t count = 0;
      for (int64_t t = 0; t < texts.tokens; ++t) {
        kept[count] = static_cast<int32_t>(t);
        count += mask[t];
      }
      counts_[i] = count;
    }
  }
  int64_t count(int64_t text) const { return counts_[text]; }
  // Their numbers within the text; null where all tokens count.
  const int32_t* kept(int64_t text) const { return texts_.mask ? kept_.get() + text * texts_.tokens : nullptr; }
  int32_t token(int64_t text, int64_t n) const {
    return texts_.mask ? kept_[text * texts_.tokens + n] : static_cast<int32_t>(n);
  }

 private:
  const Sequences& texts_;
  const Scratch<int64_t> counts_;
  const Scratch<int32_t> kept_;
};

}  // namespace
}  // namespace menura
