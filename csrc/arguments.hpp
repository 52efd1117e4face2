// What the operators' arguments are made of.
#pragma once

#include <cstdint>

// Inlined without exception, so that no instruction set's object file carries a copy that another could call.
#define MENURA_INLINE inline __attribute__((always_inline))

namespace menura {

enum class Dtype : int { fp64 = 0, fp32 = 1, bf16 = 2, fp16 = 3, int8 = 4 };

struct bf16 {
  uint16_t bits;
};

struct fp16 {
  uint16_t bits;
};

// An array of token indices in the narrowest of three widths (1, 2 or 4 bytes).
struct Indices {
  void* data;
  int bytes;
  MENURA_INLINE int32_t get(int64_t at) const {
    if (bytes == 1) return static_cast<const uint8_t*>(data)[at];
    if (bytes == 2) return static_cast<const int16_t*>(data)[at];
    return static_cast<const int32_t*>(data)[at];
  }
  MENURA_INLINE void set(int64_t at, int32_t value) const {
    if (bytes == 1)
      static_cast<uint8_t*>(data)[at] = static_cast<uint8_t>(value);
    else if (bytes == 2)
      static_cast<int16_t*>(data)[at] = static_cast<int16_t>(value);
    else
      static_cast<int32_t*>(data)[at] = value;
  }
};

}  // namespace menura
