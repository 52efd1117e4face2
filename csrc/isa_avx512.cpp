#include "simd_avx512.inl.hpp"
#include "simd_scalar.inl.hpp"
#include "table.inl.hpp"

namespace menura {

const Kernels avx512_kernels = {table_of<Avx512>(), table_of<Scalar<double>>(), burn<Avx512>};

}  // namespace menura
