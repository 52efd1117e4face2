// One parallel loop, on the OpenMP pool that torch's own operators use.
#pragma once

#include <omp.h>

#include <cstdint>

namespace menura {

// Calls body(i) for every i in [0, count). Which thread runs which i is left open, so a body owns all that it writes.
template <class Body>
void parallel_for(int64_t count, const Body& body) {
  const int threads = omp_get_max_threads();
  const int64_t chunk = count / (threads * int64_t{8}) + 1;
#pragma omp parallel for schedule(dynamic, chunk) if (count > 1 && threads > 1)
  for (int64_t i = 0; i < count; ++i) body(i);
}

}  // namespace menura
