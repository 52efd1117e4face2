// Dot products of rows with a packed panel, stored: for sums over rows, and for rows too few to fill max_dot's tile.
#pragma once

#include <cstdint>

#include "dot_tile.inl.hpp"

namespace menura {
namespace {

template <class S, int R>
MENURA_INLINE void dot_group(const typename S::T* panel, const typename S::T* const* rows, int64_t dim,
                             typename S::T* products) {
  typename S::Reg sums[R][2];
  dot_tile<FloatDot<S>, 2, R>(panel, rows, nullptr, dim, sums);
  for (int r = 0; r < R; ++r)
    for (int half = 0; half < 2; ++half) S::store(products + r * panel_width<S> + half * S::lanes, sums[r][half]);
}

// products[i][lane], [count][panel_width]: row i with the panel's vector `lane`.
template <class S>
void dot_rows(const typename S::T* panel, const typename S::T* const* rows, int64_t count, int64_t dim,
              typename S::T* products) {
  constexpr int R = S::rows;
  int64_t i = 0;
  for (; i + R <= count; i += R) dot_group<S, R>(panel, rows + i, dim, products + i * panel_width<S>);
  if constexpr (R > 4)
    for (; i + 4 <= count; i += 4) dot_group<S, 4>(panel, rows + i, dim, products + i * panel_width<S>);
  for (; i + 2 <= count; i += 2) dot_group<S, 2>(panel, rows + i, dim, products + i * panel_width<S>);
  for (; i < count; ++i) dot_group<S, 1>(panel, rows + i, dim, products + i * panel_width<S>);
}

}  // namespace
}  // namespace menura
