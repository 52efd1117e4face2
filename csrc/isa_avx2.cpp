#include "simd_avx2.inl.hpp"
#include "table.inl.hpp"

namespace menura {

const Kernels avx2_kernels = {table_of<Avx2>(), burn<Avx2>};

}  // namespace menura
