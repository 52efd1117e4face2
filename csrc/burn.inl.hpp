// The fastest that a core multiplies and adds: what the kernels' speed is a fraction of.
#pragma once

#include <cstdint>

#include "convert.inl.hpp"

namespace menura {
namespace {

template <class D>
double burn_with(int64_t steps) {
  using S = typename D::Simd;
  constexpr int chains = 2 * S::rows;
  constexpr int64_t lanes = S::lanes;
  // Read at run time, and different for every chain, so that no chain can be left out.
  volatile float seeds[chains];
  for (int c = 0; c < chains; ++c) seeds[c] = 1.0f + static_cast<float>(c);
  alignas(64) typename D::Packed panel[lanes];
  alignas(64) typename D::Element row[4] = {};
  for (int64_t lane = 0; lane < lanes; ++lane) panel[lane] = static_cast<typename D::Packed>(seeds[0]);
  typename D::Sum sums[chains];
  for (int c = 0; c < chains; ++c) {
    for (int64_t lane = 0; lane < lanes; ++lane) panel[lane] = static_cast<typename D::Packed>(seeds[c]);
    sums[c] = D::multiply_add(D::broadcast(row), D::load(panel), typename D::Sum{});
  }
  const typename D::Operand left = D::broadcast(row);
  const typename D::Operand right = D::load(panel);
  for (int64_t s = 0; s < steps; ++s)
    for (int c = 0; c < chains; ++c) sums[c] = D::multiply_add(left, right, sums[c]);
  const float no_scale = 1;
  for (int c = 0; c < chains; ++c) {
    typename S::T values[lanes];
    S::store(values, D::value(sums[c], &no_scale, 0));
    seeds[c] = static_cast<float>(values[0]);
  }
  return 2.0 * static_cast<double>(steps) * chains * lanes * D::step;
}

template <class S>
double burn(Dtype dtype, int64_t steps) {
  if (dtype == Dtype::bf16) return burn_with<typename S::Bf16Dot>(steps);
  if (dtype == Dtype::int8) return burn_with<typename S::Int8Dot>(steps);
  return burn_with<FloatDot<S>>(steps);
}

}  // namespace
}  // namespace menura
