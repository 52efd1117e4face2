// One element at a time: the portable path, and double precision everywhere.
#pragma once

#include <cstdint>

#include "dot.inl.hpp"

namespace menura {
namespace {

template <class Element>
struct Scalar {
  using T = Element;
  using Reg = Element;
  using Index = int32_t;
  using Mask = bool;
  using Bf16Dot = FloatDot<Scalar>;
  using Int8Dot = QuantizedDot<Scalar>;
  static constexpr int lanes = 1;
  static constexpr int rows = 4;

  static Reg zero() { return 0; }
  template <class E>
  static Reg load(const E* from) {
    return static_cast<T>(widen(*from));
  }
  template <class E>
  static void store(E* to, Reg value) {
    narrow(value, to);
  }
  static void stream(T* to, Reg value) { *to = value; }
  static void fence() {}
  static Reg broadcast(T value) { return value; }
  static Reg add(Reg a, Reg b) { return a + b; }
  static Reg multiply(Reg a, Reg b) { return a * b; }
  static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  static Index broadcast_index(int32_t value) { return value; }
  static void store_index(int32_t* to, Index value) { *to = value; }
  static Mask improves(Reg candidate, Reg best) { return !(candidate <= best) && best == best; }
  static Mask none() { return false; }
  static Mask unordered(Reg value, Mask before) { return before || value != value; }
  static Reg maximum(Reg best, Reg candidate) { return candidate > best ? candidate : best; }
  static Reg select(Mask mask, Reg yes, Reg no) { return mask ? yes : no; }
  static Index select_index(Mask mask, Index yes, Index no) { return mask ? yes : no; }
};

}  // namespace
}  // namespace menura
