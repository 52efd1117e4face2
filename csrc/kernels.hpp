// What every instruction set implements: one table of functions.
#pragma once

#include "flops.hpp"
#include "maxsim.hpp"
#include "sparse_dot.hpp"
#include "splade_head.hpp"

namespace menura {

template <class T>
struct Table {
  void (*maxsim_forward)(const MaxSimForward<T>&);
  void (*maxsim_backward)(const MaxSimBackward<T>&);
  void (*splade_head_forward)(const SpladeHeadForward<T>&);
  void (*splade_head_forward_csr)(const SpladeHeadForwardCsr<T>&);
  void (*splade_head_backward)(const SpladeHeadBackward<T>&);
  void (*sparse_dot_forward)(const SparseDotForward<T>&);
  void (*sparse_dot_backward)(const SparseDotBackward<T>&);
  void (*flops_forward)(const FlopsForward<T>&);
  void (*flops_backward)(const FlopsBackward<T>&);
};

struct Kernels {
  Table<float> single;
  // Multiplies and adds in registers, `steps` times over; returns the operations done. For the machine's peak.
  double (*burn)(Dtype dtype, int64_t steps);
};

// Double precision is for checking gradients: one table serves every instruction set.
extern const Table<double> fp64_kernels;
extern const Kernels scalar_kernels;
#ifdef MENURA_X86
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
extern const Kernels avx512_bf16_kernels;
#endif

}  // namespace menura
