// Working memory of a kernel call. No standard containers here: their inline functions would be shared between
// the instruction sets' translation units, and a narrow CPU could be handed the wide copy.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace menura {

// Throws std::bad_alloc; compiled once, for the narrowest instruction set.
[[noreturn]] void out_of_memory();

namespace {

template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t count) {
    const uint64_t bytes = (static_cast<uint64_t>(count) * sizeof(T) + 63) / 64 * 64;
    data_ = static_cast<T*>(::aligned_alloc(64, bytes ? bytes : 64));
    if (data_ == nullptr) out_of_memory();
  }
  ~Scratch() { ::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }

 private:
  T* data_;
};

// For each of `batch` rows the indices of its unmasked tokens, in ascending order.
class TokenLists {
 public:
  TokenLists(const bool* mask, int64_t batch, int64_t tokens)
      : shared_(mask == nullptr), tokens_(tokens), indices_(shared_ ? tokens : batch * tokens), counts_(batch) {
    if (shared_)
      for (int64_t t = 0; t < tokens; ++t) indices_[t] = static_cast<int32_t>(t);
    for (int64_t b = 0; b < batch; ++b) {
      int64_t count = tokens;
      if (!shared_) {
        count = 0;
        for (int64_t t = 0; t < tokens; ++t)
          if (mask[b * tokens + t]) indices_[b * tokens + count++] = static_cast<int32_t>(t);
      }
      counts_[b] = count;
    }
  }
  const int32_t* indices(int64_t row) const { return indices_.get() + (shared_ ? 0 : row * tokens_); }
  int64_t count(int64_t row) const { return counts_[row]; }

 private:
  bool shared_;
  int64_t tokens_;
  Scratch<int32_t> indices_;
  Scratch<int64_t> counts_;
};

}  // namespace
}  // namespace menura
