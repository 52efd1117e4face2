// Rows meet a panel one group at a time; every lane keeps the largest dot product that it has seen and the row it came
// from. Dot products live in registers only.
#pragma once

#include <cstdint>

#include "arguments.hpp"
#include "dot_tile.inl.hpp"

namespace menura {
namespace {

// Rows to meet a panel: row r is the (address ? address[r] : r)-th from base; its index is token[r], or first + r.
template <class D>
struct Stream {
  const typename D::Element* base;
  int64_t stride;
  const int32_t* address;
  const int32_t* token;
  int64_t first;
  const typename D::Simd::T* scales;  // one a row from base, where D has them
  int64_t count;

  MENURA_INLINE int64_t place(int64_t r) const { return address ? address[r] : r; }
  MENURA_INLINE int32_t name(int64_t r) const { return token ? token[r] : static_cast<int32_t>(first + r); }
};

// What the lanes of a panel have seen.
template <class S>
struct Best {
  typename S::Reg value[2];
  typename S::Index index[2];
  typename S::Mask nan[2];

  MENURA_INLINE void reset(int32_t first) {
    for (int w = 0; w < 2; ++w) {
      value[w] = S::broadcast(-__builtin_inff());
      index[w] = S::broadcast_index(first);
      nan[w] = S::none();
    }
  }
};

// R rows against one panel, W registers wide. Rows are visited in ascending order and only a strictly larger value
// replaces the best, so the lowest index wins a tie; a NaN replaces any number and then stays.
template <class D, int W, int R, bool Index>
MENURA_INLINE void max_dot_rows(const typename D::Packed* panel, const Stream<D>& rows, int64_t at, int64_t dim,
                                Best<typename D::Simd>& best) {
  using S = typename D::Simd;
  const typename D::Element* row[R];
  const char* ahead[R];
  for (int r = 0; r < R; ++r) {
    row[r] = rows.base + rows.place(at + r) * rows.stride;
    // The rows behind the last one are mostly the next document's; a prefetch never faults.
    const int64_t next = at + R + r;
    ahead[r] = reinterpret_cast<const char*>(
        rows.base + (rows.address ? rows.place(next < rows.count ? next : rows.count - 1) : next) * rows.stride);
  }
  typename D::Sum sums[R][W];
  dot_tile<D, W, R>(panel, row, ahead, dim, sums);
  for (int r = 0; r < R; ++r) {
    const int64_t place = rows.place(at + r);
    const typename S::Index index = S::broadcast_index(rows.name(at + r));
    for (int w = 0; w < W; ++w) {
      const typename S::Reg value = D::value(sums[r][w], rows.scales, place);
      if constexpr (Index) {
        const typename S::Mask better = S::improves(value, best.value[w]);
        best.value[w] = S::select(better, value, best.value[w]);
        best.index[w] = S::select_index(better, index, best.index[w]);
      } else {
        if constexpr (!D::whole) best.nan[w] = S::unordered(value, best.nan[w]);
        best.value[w] = S::maximum(best.value[w], value);
      }
    }
  }
}

// All rows against one panel, W registers wide; `best` goes on from where it was. A NaN among the scales of whole
// numbers is not seen.
template <class D, int W, bool Index>
void max_dot(const typename D::Packed* panel, const Stream<D>& rows, int64_t dim, Best<typename D::Simd>& best) {
  constexpr int R = D::Simd::rows;
  Best<typename D::Simd> seen = best;
  int64_t at = 0;
  for (; at + R <= rows.count; at += R) max_dot_rows<D, W, R, Index>(panel, rows, at, dim, seen);
  if constexpr (R > 4)
    for (; at + 4 <= rows.count; at += 4) max_dot_rows<D, W, 4, Index>(panel, rows, at, dim, seen);
  for (; at + 2 <= rows.count; at += 2) max_dot_rows<D, W, 2, Index>(panel, rows, at, dim, seen);
  for (; at < rows.count; ++at) max_dot_rows<D, W, 1, Index>(panel, rows, at, dim, seen);
  best = seen;
}

// The best values of a panel's lanes and the rows they came from, if they were seen with an Index.
template <class S>
void read_best(const Best<S>& best, bool index, typename S::T* values, int32_t* winners) {
  for (int w = 0; w < 2; ++w) {
    const typename S::Reg value = best.value[w];
    S::store(values + w * S::lanes, index ? value : S::select(best.nan[w], S::broadcast(__builtin_nanf("")), value));
    S::store_index(winners + w * S::lanes, best.index[w]);
  }
}

}  // namespace
}  // namespace menura
