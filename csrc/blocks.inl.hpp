// Loops over rows of vocabulary vectors, on as many threads as the work is worth.
#pragma once

#include "parallel.hpp"

namespace menura {
namespace {

// Little work stays on one thread: waking the others would cost more.
template <class Body>
void parallel_for_work(int64_t count, int64_t work, const Body& body) {
  if (work < 1 << 15)
    for (int64_t i = 0; i < count; ++i) body(i);
  else
    parallel_for(count, body);
}

constexpr int64_t block_rows = 16;

// Calls body(first, count) for every block of rows.
template <class Body>
void for_blocks(int64_t rows, int64_t work, const Body& body) {
  parallel_for_work((rows + block_rows - 1) / block_rows, work, [&](int64_t block) {
    const int64_t first = block * block_rows;
    body(first, rows - first < block_rows ? rows - first : block_rows);
  });
}

}  // namespace
}  // namespace menura
