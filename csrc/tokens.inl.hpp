// Which tokens of a batch of texts count.
#pragma once

#include <string.h>

#include <cstdint>

#include "maxsim.hpp"
#include "parallel.hpp"
#include "scratch.inl.hpp"

namespace menura {
namespace {

// Of every text the tokens that its mask lets through, in ascending order.
class Tokens {
 public:
  explicit Tokens(const Sequences& texts)
      : texts_(texts), counts_(texts.count), holes_(texts.count), kept_(texts.mask ? texts.count * texts.tokens : 0) {
    parallel_for(texts.count, [&](int64_t i) {
      counts_[i] = texts.length(i);
      holes_[i] = false;
      if (texts.mask) read(i, texts.mask + i * texts.tokens);
    });
  }
  int64_t count(int64_t text) const { return counts_[text]; }
  // Their numbers within the text; null where they are the first ones.
  const int32_t* kept(int64_t text) const { return holes_[text] ? kept_.get() + text * texts_.tokens : nullptr; }
  int32_t token(int64_t text, int64_t n) const {
    return holes_[text] ? kept_[text * texts_.tokens + n] : static_cast<int32_t>(n);
  }

 private:
  void read(int64_t text, const bool* mask) {
    const auto size = static_cast<uint64_t>(texts_.tokens);
    const void* hole = ::memchr(mask, 0, size);
    if (hole == nullptr) return;
    int64_t count = static_cast<const bool*>(hole) - mask;
    holes_[text] = ::memchr(hole, 1, size - static_cast<uint64_t>(count)) != nullptr;
    if (holes_[text]) {
      int32_t* kept = kept_.get() + text * texts_.tokens;
      count = 0;
      for (int64_t t = 0; t < texts_.tokens; ++t) {
        kept[count] = static_cast<int32_t>(t);
        count += mask[t];
      }
    }
    counts_[text] = count;
  }

  const Sequences& texts_;
  const Scratch<int64_t> counts_;
  const Scratch<bool> holes_;
  const Scratch<int32_t> kept_;
};

}  // namespace
}  // namespace menura
