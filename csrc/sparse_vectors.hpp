// The arguments that all operators on vocabulary vectors share.
#pragma once

#include <cstdint>

namespace menura {

// A matrix [rows, vocabulary], dense or CSR.
template <class T>
struct Vectors {
  int64_t rows;
  const T* values;   // [rows, vocabulary]; CSR: [nnz]
  const void* crow;  // CSR: [rows + 1]; null when dense
  const void* col;   // CSR: [nnz]
  bool wide;         // the type of crow and col: int64_t, or else int32_t
};

}  // namespace menura
