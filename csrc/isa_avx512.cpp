#include "simd_avx512.inl.hpp"
#include "table.inl.hpp"

namespace menura {

const Kernels avx512_kernels = {table_of<Avx512>(), burn<Avx512>};

}  // namespace menura
