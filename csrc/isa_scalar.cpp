#include "simd_scalar.inl.hpp"
#include "table.inl.hpp"

namespace menura {

const Table<double> fp64_kernels = table_of<Scalar<double>>();
const Kernels scalar_kernels = {table_of<Scalar<float>>(), burn<Scalar<float>>};

}  // namespace menura
