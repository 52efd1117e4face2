// The tile that all scores come from: dot products of R rows with the vectors of a packed panel, in registers.
#pragma once

#include <cstdint>

#include "arguments.hpp"
#include "dot.inl.hpp"

namespace menura {
namespace {

// Vectors in a panel: two registers wide, so that a broadcast row element is used twice.
template <class S>
constexpr int64_t panel_width = 2 * S::lanes;

// Elements of a packed panel.
template <class D>
int64_t panel_size(int64_t dim) {
  return ((dim + D::step - 1) / D::step + D::offset) * panel_width<typename D::Simd>;
}

// R rows against one panel, W registers wide. The rows to come, `ahead`, are prefetched meanwhile, unless null.
template <class D, int W, int R>
MENURA_INLINE void dot_tile(const typename D::Packed* panel, const typename D::Element* const* row,
                            const char* const* ahead, int64_t dim, typename D::Sum (&sums)[R][W]) {
  using S = typename D::Simd;
  constexpr int64_t width = W * S::lanes;
  constexpr int64_t chain = 128;
  for (int w = 0; w < W; ++w) {
    const typename D::Sum start = D::start(panel + (dim + D::step - 1) / D::step * width + w * S::lanes);
    for (int r = 0; r < R; ++r) sums[r][w] = start;
  }

  const auto meet = [&](int64_t k) __attribute__((always_inline)) {
    typename D::Operand lanes[W];
    for (int w = 0; w < W; ++w) lanes[w] = D::load(panel + k * width + w * S::lanes);
    for (int r = 0; r < R; ++r) {
      const typename D::Operand element = D::broadcast(row[r] + k * D::step);
      for (int w = 0; w < W; ++w) sums[r][w] = D::multiply_add(element, lanes[w], sums[r][w]);
    }
  };
  // One line of the coming rows a step, in the order of their addresses, which is what hardware prefetchers follow.
  const int64_t steps = dim / D::step;
  const int64_t first = steps < chain ? steps : chain;
  const int64_t bytes = dim * static_cast<int64_t>(sizeof(typename D::Element));
  int64_t k = 0;
  for (int r = 0; ahead && r < R; ++r)
    for (int64_t line = 0; line < bytes && k < first; line += 64, ++k) {
      __builtin_prefetch(ahead[r] + line);
      meet(k);
    }
  for (; k < first; ++k) meet(k);
  // Long sums are made of short ones: their rounding errors grow with the length of a chain.
  while (k < steps) {
    typename D::Sum before[R][W];
    for (int r = 0; r < R; ++r)
      for (int w = 0; w < W; ++w) {
        before[r][w] = sums[r][w];
        sums[r][w] = typename D::Sum{};
      }
    for (const int64_t end = steps - k < chain ? steps : k + chain; k < end; ++k) meet(k);
    for (int r = 0; r < R; ++r)
      for (int w = 0; w < W; ++w) sums[r][w] = D::add(before[r][w], sums[r][w]);
  }
  if (const int64_t rest = dim - steps * D::step; D::step > 1 && rest > 0) {
    // Unrolled, or all sums of the tile would live in memory from the first step on.
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const typename D::Operand element = D::broadcast_rest(row[r] + steps * D::step, rest);
      for (int w = 0; w < W; ++w)
        sums[r][w] = D::multiply_add(element, D::load(panel + steps * width + w * S::lanes), sums[r][w]);
    }
  }
}

}  // namespace
}  // namespace menura
