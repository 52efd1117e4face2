// Dot products of rows with a packed panel, stored: for sums over rows, and for rows too few to fill max_dot's tile.
#pragma once

#include <cstdint>

#include "dot_tile.inl.hpp"

namespace menura {
namespace {

template <class D, int R>
MENURA_INLINE void dot_group(const typename D::Packed* panel, const typename D::Element* const* rows, int64_t dim,
                             typename D::Simd::T* products) {
  using S = typename D::Simd;
  typename D::Sum sums[R][2];
  dot_tile<D, 2, R>(panel, rows, nullptr, dim, sums);
  for (int r = 0; r < R; ++r)
    for (int half = 0; half < 2; ++half)
      S::store(products + r * panel_width<S> + half * S::lanes, D::value(sums[r][half], nullptr, 0));
}

// products[i][lane], [count][panel_width]: row i with the panel's vector `lane`.
template <class D>
void dot_rows(const typename D::Packed* panel, const typename D::Element* const* rows, int64_t count, int64_t dim,
              typename D::Simd::T* products) {
  using S = typename D::Simd;
  constexpr int R = S::rows;
  int64_t i = 0;
  for (; i + R <= count; i += R) dot_group<D, R>(panel, rows + i, dim, products + i * panel_width<S>);
  if constexpr (R > 4)
    for (; i + 4 <= count; i += 4) dot_group<D, 4>(panel, rows + i, dim, products + i * panel_width<S>);
  for (; i + 2 <= count; i += 2) dot_group<D, 2>(panel, rows + i, dim, products + i * panel_width<S>);
  for (; i < count; ++i) dot_group<D, 1>(panel, rows + i, dim, products + i * panel_width<S>);
}

}  // namespace
}  // namespace menura
