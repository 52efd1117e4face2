#include "dot_avx512.inl.hpp"
#include "simd_scalar.inl.hpp"
#include "table.inl.hpp"

namespace menura {

const Kernels avx512_bf16_kernels = {table_of<Avx512Bf16>(), table_of<Scalar<double>>(), burn<Avx512Bf16>};

}  // namespace menura
