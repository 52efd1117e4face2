// Gathers the kernels of one translation unit into its table.
#pragma once

#include "burn.inl.hpp"
#include "flops.inl.hpp"
#include "kernels.hpp"
#include "maxsim.inl.hpp"
#include "sparse_dot.inl.hpp"
#include "splade_head_backward.inl.hpp"
#include "splade_head_forward.inl.hpp"

namespace menura {
namespace {

template <class S>
constexpr Table<typename S::T> table_of() {
  return {
      maxsim_forward<S>,          maxsim_backward<S>,      splade_head_forward<S>,
      splade_head_forward_csr<S>, splade_head_backward<S>, sparse_dot_forward<S>,
      sparse_dot_backward<S>,     flops_forward<S>,        flops_backward<S>,
  };
}

}  // namespace
}  // namespace menura
