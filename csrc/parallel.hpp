// One parallel loop, on the OpenMP pool that torch's own operators use.
#pragma once

#include <omp.h>

#include <cstdint>

namespace menura {

// Calls body(first, last) for ranges that make up [0, count). Which thread runs which is left open, so a body owns all
// that it writes.
template <class Body>
void parallel_ranges(int64_t count, const Body& body) {
  const int threads = omp_get_max_threads();
  const int64_t size = count / (threads * int64_t{8}) + 1;
  const int64_t ranges = (count + size - 1) / size;
#pragma omp parallel for schedule(dynamic) if (ranges > 1 && threads > 1)
  for (int64_t r = 0; r < ranges; ++r) body(r * size, (r + 1) * size < count ? (r + 1) * size : count);
}

// Calls body(i) for every i in [0, count).
template <class Body>
void parallel_for(int64_t count, const Body& body) {
  parallel_ranges(count, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) body(i);
  });
}

}  // namespace menura
