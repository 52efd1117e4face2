// How a tile multiplies. A panel holds vectors (query tokens, vocabulary rows) side by side, one lane each; rows
// (document tokens, hidden states) meet it a step at a time: a piece of the row goes to all lanes. This is the step
// of one number; wider steps are defined beside the instructions that make them.
#pragma once

#include <cstdint>

#include "convert.inl.hpp"

namespace menura {
namespace {

template <class S>
struct FloatDot {
  using Simd = S;
  using Element = typename S::T;  // of a row
  using Packed = typename S::T;   // of a panel: one lane's share of a step
  using Operand = typename S::Reg;
  using Sum = typename S::Reg;
  static constexpr int64_t step = 1;     // numbers of a row
  static constexpr bool whole = false;   // numbers that are never NaN; their scales may be
  static constexpr bool offset = false;  // whether sums start elsewhere than at zero; the panel's last words say where

  static Sum start(const Packed*) { return S::zero(); }
  static Operand load(const Packed* from) { return S::load(from); }
  static Operand broadcast(const Element* from) { return S::broadcast(*from); }
  static Operand broadcast_rest(const Element* from, int64_t) { return broadcast(from); }
  static Sum multiply_add(Operand row, Operand panel, Sum sum) { return S::fma(row, panel, sum); }
  static Sum add(Sum a, Sum b) { return S::add(a, b); }
  static typename S::Reg value(Sum sum, const typename S::T*, int64_t) { return sum; }

  // One step of a vector, or of the `count` numbers that are left of it, as a panel has it.
  template <class E>
  static Packed word(const E* from, int64_t) {
    return static_cast<Packed>(widen(*from));
  }
  // As many steps as there are lanes.
  template <class E, class Vector>
  static void words(const E* from, Vector* to) {
    const typename S::Reg read = S::load(from);
    __builtin_memcpy(to, &read, sizeof read);
  }
};

// D with a scale a row.
template <class D>
struct ScaledDot : D {
  using S = typename D::Simd;
  static typename S::Reg value(typename D::Sum sum, const typename S::T* scales, int64_t row) {
    return S::multiply(D::value(sum, nullptr, row), S::broadcast(scales[row]));
  }
};

// Of whole numbers. Their products are exact, and so are sums up to 2^24.
template <class S>
struct QuantizedDot : ScaledDot<FloatDot<S>> {
  static constexpr bool whole = true;
};

// Calls body with how elements of `dtype`, a floating-point one, are multiplied, and with such an element.
template <class S, class Body>
MENURA_INLINE void with_dot(Dtype dtype, const Body& body) {
  with_element<S>(dtype, [&](auto element) {
    if constexpr (same<decltype(element), bf16>)
      body(typename S::Bf16Dot{}, element);
    else
      body(FloatDot<S>{}, element);
  });
}

}  // namespace
}  // namespace menura
