// Packs vectors side by side, as the tile reads them.
#pragma once

#include <cstdint>
#include <utility>

#include "dot_tile.inl.hpp"

namespace menura {
namespace {

// `lanes` vectors of `lanes` words each, held in registers.
template <class Word, int lanes>
struct Square {
  typedef Word Vector __attribute__((vector_size(lanes * sizeof(Word))));
  Vector rows[lanes];

  // Swaps the off-diagonal blocks of `size` x `size` words in every square of twice that size.
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

// Packs up to `width` vectors of E as [steps][width] words, and where their sums start, if not at zero; missing lanes
// are zero. row(i) is the i-th vector.
template <class D, int width, class E, class RowOf>
void pack_panel(typename D::Packed* panel, int64_t count, int64_t dim, const RowOf& row) {
  using S = typename D::Simd;
  using Packed = typename D::Packed;
  constexpr int lanes = S::lanes;
  using Vector = typename Square<Packed, lanes>::Vector;
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(E));
  const int64_t steps = dim / D::step, all_steps = (dim + D::step - 1) / D::step;
  for (int64_t half = 0; half < width; half += lanes) {
    const E* vectors[lanes];
    for (int64_t i = 0; i < lanes; ++i) {
      vectors[i] = half + i < count ? row(half + i) : nullptr;
      // Touched one after the other: the prefetcher of the CPU follows one stream well, and `lanes` of them badly.
      for (int64_t k = 0; vectors[i] && k < dim; k += line)
        static_cast<void>(*reinterpret_cast<const volatile char*>(vectors[i] + k));
    }
    int64_t k = 0;
    for (; k + lanes <= steps; k += lanes) {
      Square<Packed, lanes> square;
      for (int i = 0; i < lanes; ++i) {
        square.rows[i] = Vector{};
        if (vectors[i]) D::words(vectors[i] + k * D::step, &square.rows[i]);
      }
      square.transpose();
      for (int i = 0; i < lanes; ++i) __builtin_memcpy(panel + (k + i) * width + half, &square.rows[i], sizeof(Vector));
    }
    for (; k < all_steps; ++k)
      for (int64_t i = 0; i < lanes; ++i)
        panel[k * width + half + i] = vectors[i] ? D::word(vectors[i] + k * D::step, dim - k * D::step) : Packed(0);
    if constexpr (D::offset)
      for (int64_t i = 0; i < lanes; ++i)
        panel[all_steps * width + half + i] = vectors[i] ? D::offset_of(vectors[i], dim) : Packed(0);
  }
}

}  // namespace
}  // namespace menura
