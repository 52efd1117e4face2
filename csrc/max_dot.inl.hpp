// The tile that MaxSim and the SPLADE head share. A panel of packed vectors (query tokens, vocabulary rows) meets
// rows (document tokens, hidden states) one group at a time; every lane keeps the largest dot product that it has
// seen and the row it came from. Dot products live in registers only.
#pragma once

#include <cstdint>

#include "arguments.hpp"

namespace menura {
namespace {

// Vectors in a panel: two registers wide, so that a broadcast row element is used twice.
template <class S>
constexpr int64_t panel_width = 2 * S::lanes;

// Packs up to panel_width vectors as [dim][panel_width]; missing lanes are zero. row(i) is the i-th vector.
template <class S, class RowOf>
void pack_panel(typename S::T* panel, int64_t count, int64_t dim, const RowOf& row) {
  constexpr int64_t width = panel_width<S>;
  for (int64_t lane = 0; lane < width; ++lane) {
    if (lane < count) {
      const typename S::T* source = row(lane);
      for (int64_t k = 0; k < dim; ++k) panel[k * width + lane] = source[k];
    } else {
      for (int64_t k = 0; k < dim; ++k) panel[k * width + lane] = 0;
    }
  }
}

template <class S>
struct Best {
  typename S::Reg value[2];
  typename S::Index index[2];
};

// R rows against one panel. Rows are visited in ascending order and only a strictly larger value replaces the best,
// so the lowest index wins a tie; a NaN replaces any number and then stays.
template <class S, int R>
MENURA_INLINE void max_dot_rows(const typename S::T* panel, const typename S::T* base, int64_t stride,
                                const int32_t* indices, const int32_t* ahead, int64_t dim, Best<S>& best) {
  using T = typename S::T;
  const T* rows[R];
  const T* next[R];
  for (int r = 0; r < R; ++r) {
    rows[r] = base + indices[r] * stride;
    next[r] = base + ahead[r] * stride;
  }
  typename S::Reg sums[R][2];
  for (int r = 0; r < R; ++r) sums[r][0] = sums[r][1] = S::zero();
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  for (int64_t k = 0; k < dim; ++k) {
    // One line of the coming rows a step: by the time they are needed they are near.
    const int64_t prefetched = k / R * line;
    if (prefetched < dim) __builtin_prefetch(next[k % R] + prefetched);
    const typename S::Reg low = S::load(panel + k * panel_width<S>);
    const typename S::Reg high = S::load(panel + k * panel_width<S> + S::lanes);
    for (int r = 0; r < R; ++r) {
      const typename S::Reg element = S::broadcast(rows[r][k]);
      sums[r][0] = S::fma(element, low, sums[r][0]);
      sums[r][1] = S::fma(element, high, sums[r][1]);
    }
  }
  for (int r = 0; r < R; ++r) {
    const typename S::Index index = S::broadcast_index(indices[r]);
    for (int half = 0; half < 2; ++half) {
      const typename S::Mask better = S::improves(sums[r][half], best.value[half]);
      best.value[half] = S::select(better, sums[r][half], best.value[half]);
      best.index[half] = S::select_index(better, index, best.index[half]);
    }
  }
}

// For every lane of the panel the largest dot product with any of `count` rows, and that row's index.
// count must be at least 1. values and indices hold panel_width entries.
template <class S>
void max_dot(const typename S::T* panel, const typename S::T* base, int64_t stride, const int32_t* indices,
             int64_t count, int64_t dim, typename S::T* values, int32_t* arguments) {
  constexpr int R = S::rows;
  Best<S> best;
  for (int half = 0; half < 2; ++half) {
    best.value[half] = S::broadcast(-__builtin_inf());
    best.index[half] = S::broadcast_index(indices[0]);
  }
  int64_t at = 0;
  for (; at + R <= count; at += R) {
    const int32_t* ahead = indices + (at + 2 * R <= count ? at + R : at);
    max_dot_rows<S, R>(panel, base, stride, indices + at, ahead, dim, best);
  }
  if constexpr (R > 4)
    for (; at + 4 <= count; at += 4) max_dot_rows<S, 4>(panel, base, stride, indices + at, indices + at, dim, best);
  for (; at < count; ++at) max_dot_rows<S, 1>(panel, base, stride, indices + at, indices + at, dim, best);
  for (int half = 0; half < 2; ++half) {
    S::store(values + half * S::lanes, best.value[half]);
    S::store_index(arguments + half * S::lanes, best.index[half]);
  }
}

// target += factor * source, over `dim` elements.
template <class S>
void axpy(int64_t dim, typename S::T factor, const typename S::T* source, typename S::T* target) {
  const typename S::Reg broadcast = S::broadcast(factor);
  int64_t k = 0;
  for (; k + S::lanes <= dim; k += S::lanes)
    S::store(target + k, S::fma(broadcast, S::load(source + k), S::load(target + k)));
  for (; k < dim; ++k) target[k] += factor * source[k];
}

template <class T>
void fill_zero(T* data, int64_t count) {
  __builtin_memset(data, 0, static_cast<uint64_t>(count) * sizeof(T));
}

}  // namespace
}  // namespace menura
