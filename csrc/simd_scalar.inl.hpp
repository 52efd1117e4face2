// One element at a time: the portable path, and double precision everywhere.
#pragma once

#include <cstdint>

namespace menura {
namespace {

template <class Element>
struct Scalar {
  using T = Element;
  using Reg = Element;
  using Index = int32_t;
  using Mask = bool;
  static constexpr int lanes = 1;
  static constexpr int rows = 4;

  static Reg zero() { return 0; }
  static Reg load(const T* from) { return *from; }
  static void store(T* to, Reg value) { *to = value; }
  static Reg broadcast(double value) { return static_cast<T>(value); }
  static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  static Index broadcast_index(int32_t value) { return value; }
  static void store_index(int32_t* to, Index value) { *to = value; }
  static Mask improves(Reg candidate, Reg best) { return !(candidate <= best) && best == best; }
  static Reg select(Mask mask, Reg yes, Reg no) { return mask ? yes : no; }
  static Index select_index(Mask mask, Index yes, Index no) { return mask ? yes : no; }
};

}  // namespace
}  // namespace menura
