// Packs vectors side by side, as the tile reads them.
#pragma once

#include <cstdint>
#include <utility>

#include "dot_tile.inl.hpp"

namespace menura {
namespace {

// `lanes` vectors of `lanes` elements each, held in registers.
template <class T, int lanes>
struct Square {
  typedef T Vector __attribute__((vector_size(lanes * sizeof(T))));
  Vector rows[lanes];

  // Swaps the off-diagonal blocks of `size` x `size` elements in every square of twice that size.
  template <int size, int... lane>
  MENURA_INLINE void swap_blocks(std::integer_sequence<int, lane...>) {
    for (int i = 0; i < lanes; ++i) {
      if (i & size) continue;
      const Vector above = rows[i], below = rows[i + size];
      rows[i] = __builtin_shufflevector(above, below, (lane & size ? lanes + lane - size : lane)...);
      rows[i + size] = __builtin_shufflevector(above, below, (lane & size ? lanes + lane : lane + size)...);
    }
  }

  template <int size = 1>
  MENURA_INLINE void transpose() {
    if constexpr (size < lanes) {
      swap_blocks<size>(std::make_integer_sequence<int, lanes>{});
      transpose<2 * size>();
    }
  }
};

// Packs up to panel_width vectors as [dim][panel_width]; missing lanes are zero. row(i) is the i-th vector.
template <class S, class RowOf>
void pack_vectors(typename S::T* panel, int64_t count, int64_t dim, const RowOf& row) {
  using T = typename S::T;
  using Vector = typename Square<T, S::lanes>::Vector;
  constexpr int64_t width = panel_width<S>;
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  for (int64_t half = 0; half < width; half += S::lanes) {
    const T* vectors[S::lanes];
    for (int64_t i = 0; i < S::lanes; ++i) {
      vectors[i] = half + i < count ? row(half + i) : nullptr;
      // Touched one after the other: the prefetcher of the CPU follows one stream well, and `lanes` of them badly.
      for (int64_t k = 0; vectors[i] && k < dim; k += line)
        static_cast<void>(static_cast<const volatile T*>(vectors[i])[k]);
    }
    int64_t k = 0;
    for (; k + S::lanes <= dim; k += S::lanes) {
      Square<T, S::lanes> square;
      for (int i = 0; i < S::lanes; ++i) {
        square.rows[i] = Vector{};
        if (vectors[i]) __builtin_memcpy(&square.rows[i], vectors[i] + k, sizeof(Vector));
      }
      square.transpose();
      for (int i = 0; i < S::lanes; ++i)
        __builtin_memcpy(panel + (k + i) * width + half, &square.rows[i], sizeof(Vector));
    }
    for (; k < dim; ++k)
      for (int64_t i = 0; i < S::lanes; ++i) panel[k * width + half + i] = vectors[i] ? vectors[i][k] : T(0);
  }
}

}  // namespace
}  // namespace menura
