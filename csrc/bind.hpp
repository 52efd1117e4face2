// What the operators' bindings share: addresses, sizes and strides from Python, checked; the call without the GIL.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include "isa.hpp"

namespace menura {

using Address = uintptr_t;

// (data, bytes an index); bytes 0: not wanted.
using IndicesArgument = std::tuple<Address, int>;

template <class T>
T* at(Address address) {
  return reinterpret_cast<T*>(address);
}

inline Indices indices(const IndicesArgument& argument, int64_t tokens) {
  const auto [address, bytes] = argument;
  if (bytes == 0) return {nullptr, 1};
  if (bytes != 1 && bytes != 2 && bytes != 4)
    throw std::invalid_argument("an index must take 1, 2 or 4 bytes; got " + std::to_string(bytes) + ".");
  if (tokens > (bytes == 1 ? 256 : bytes == 2 ? 32768 : std::numeric_limits<int32_t>::max()))
    throw std::invalid_argument(std::to_string(tokens) + " tokens do not fit an index of " + std::to_string(bytes) +
                                " bytes.");
  return {at<void>(address), bytes};
}

template <class... Sizes>
void check_sizes(Sizes... sizes) {
  for (const int64_t size : {static_cast<int64_t>(sizes)...})
    if (size < 0) throw std::invalid_argument("a size must not be negative; got " + std::to_string(size) + ".");
}

template <class Call>
void dispatch(bool fp64, const Call& call) {
  const Kernels& kernels = active_kernels();
  const pybind11::gil_scoped_release release;
  if (fp64)
    call(fp64_kernels, double{});
  else
    call(kernels.single, float{});
}

void bind_maxsim(pybind11::module_& m);
void bind_sparse(pybind11::module_& m);
void bind_splade_head(pybind11::module_& m);

}  // namespace menura
