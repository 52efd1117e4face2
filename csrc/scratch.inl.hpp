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

}  // namespace
}  // namespace menura
