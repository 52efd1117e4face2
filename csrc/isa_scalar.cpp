#include "simd_scalar.inl.hpp"
#include "table.inl.hpp"

namespace menura {

const Kernels scalar_kernels = {table_of<Scalar<float>>(), table_of<Scalar<double>>(), burn<Scalar<float>>};

}  // namespace menura
