#include "dot_avx512.inl.hpp"
#include "table.inl.hpp"

namespace menura {

const Kernels avx512_bf16_kernels = {table_of<Avx512Bf16>(), burn<Avx512Bf16>};

}  // namespace menura
