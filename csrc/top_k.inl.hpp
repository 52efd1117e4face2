// The largest entries of a row.
#pragma once

#include <cstdint>

namespace menura {
namespace {

template <class T>
struct OrderedBits;
template <>
struct OrderedBits<float> {
  using Bits = uint32_t;
  static constexpr Bits infinity = 0x7f800000;
};
template <>
struct OrderedBits<double> {
  using Bits = uint64_t;
  static constexpr Bits infinity = 0x7ff0000000000000;
};

// Chooses the k largest of `count` non-negative values; the lowest index wins a tie, and NaN is the largest value.
// Non-negative floats are ordered as their bits are: a radix selection, one byte at a time, from the highest.
template <class T>
class TopK {
 public:
  template <class ValueAt>
  TopK(int64_t count, int64_t k, const ValueAt& value_at) : ties_(k) {
    int64_t above = 0;  // values that are larger than every one with the threshold's bytes so far
    for (int shift = 8 * sizeof(T) - 8; shift >= 0; shift -= 8) {
      int64_t histogram[256] = {};
      for (int64_t i = 0; i < count; ++i) {
        const Bits bits = bits_of(value_at(i));
        if (bits != 0 && ((bits ^ threshold_) >> shift) < 256) ++histogram[(bits >> shift) & 255];
      }
      int byte = 255;
      while (byte > 0 && above + histogram[byte] < k) above += histogram[byte--];
      threshold_ |= static_cast<Bits>(byte) << shift;
    }
    ties_ = k - above;
  }

  // To be asked once for every value, in order.
  bool keeps(T value) {
    const Bits bits = bits_of(value);
    return bits > threshold_ || (bits == threshold_ && ties_-- > 0);
  }

 private:
  using Bits = typename OrderedBits<T>::Bits;
  static Bits bits_of(T value) {
    const Bits bits = __builtin_bit_cast(Bits, value) & (~Bits{0} >> 1);
    return bits > OrderedBits<T>::infinity ? OrderedBits<T>::infinity + 1 : bits;
  }

  Bits threshold_ = 0;
  int64_t ties_;
};

}  // namespace
}  // namespace menura
