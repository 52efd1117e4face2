// The Python face: addresses, sizes and strides in; checks them, releases the GIL, calls the active kernels.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "isa.hpp"

namespace py = pybind11;

namespace menura {
namespace {

using Address = uintptr_t;

// (data, batch stride, row stride), both strides in elements.
using RowsArgument = std::tuple<Address, int64_t, int64_t>;
// (data, bytes an index); bytes 0: not wanted.
using IndicesArgument = std::tuple<Address, int>;

template <class T>
T* at(Address address) {
  return reinterpret_cast<T*>(address);
}

template <class T>
Rows<T> rows(const RowsArgument& argument) {
  return {at<const T>(std::get<0>(argument)), std::get<1>(argument), std::get<2>(argument)};
}

Indices indices(const IndicesArgument& argument, int64_t tokens) {
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
  const py::gil_scoped_release release;
  if (fp64)
    call(kernels.fp64, double{});
  else
    call(kernels.single, float{});
}

// queries, columns, query tokens, document tokens, dim, documents shared
using MaxSimSizes = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, bool>;

template <class T>
MaxSim<T> maxsim(const MaxSimSizes& sizes, const RowsArgument& query, const RowsArgument& document, Address query_mask,
                 Address document_mask) {
  const auto [queries, columns, query_tokens, document_tokens, dim, shared] = sizes;
  check_sizes(queries, columns, query_tokens, document_tokens, dim);
  return {queries, columns,        query_tokens,      document_tokens,      dim,
          shared,  rows<T>(query), rows<T>(document), at<bool>(query_mask), at<bool>(document_mask)};
}

void maxsim_forward(bool fp64, const MaxSimSizes& sizes, const RowsArgument& query, const RowsArgument& document,
                    Address query_mask, Address document_mask, Address scores, const IndicesArgument& argmax) {
  const Indices winners = indices(argmax, std::get<3>(sizes));
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.maxsim_forward({maxsim<T>(sizes, query, document, query_mask, document_mask), at<T>(scores), winners});
  });
}

void maxsim_backward(bool fp64, const MaxSimSizes& sizes, const RowsArgument& query, const RowsArgument& document,
                     Address query_mask, Address document_mask, Address grad, const IndicesArgument& argmax,
                     Address grad_query, Address grad_document) {
  const Indices winners = indices(argmax, std::get<3>(sizes));
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.maxsim_backward({maxsim<T>(sizes, query, document, query_mask, document_mask), at<const T>(grad), winners,
                           at<T>(grad_query), at<T>(grad_document)});
  });
}

// batch, tokens, dim, vocabulary, activation
using HeadSizes = std::tuple<int64_t, int64_t, int64_t, int64_t, int>;

template <class T>
SpladeHead<T> splade_head(const HeadSizes& sizes, const RowsArgument& hidden, Address weight) {
  const auto [batch, tokens, dim, vocabulary, activation] = sizes;
  check_sizes(batch, tokens, dim, vocabulary);
  return {batch, tokens, dim, vocabulary, static_cast<Activation>(activation), rows<T>(hidden), at<const T>(weight)};
}

void splade_head_forward(bool fp64, const HeadSizes& sizes, const RowsArgument& hidden, Address weight, Address bias,
                         Address mask, Address output, const IndicesArgument& argmax) {
  const Indices winners = indices(argmax, std::get<1>(sizes));
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.splade_head_forward(
        {splade_head<T>(sizes, hidden, weight), at<const T>(bias), at<bool>(mask), at<T>(output), winners});
  });
}

void splade_head_backward(bool fp64, const HeadSizes& sizes, const RowsArgument& hidden, Address weight, Address grad,
                          Address output, const IndicesArgument& argmax, Address grad_hidden, Address grad_weight,
                          Address grad_bias) {
  const Indices winners = indices(argmax, std::get<1>(sizes));
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.splade_head_backward({splade_head<T>(sizes, hidden, weight), at<const T>(grad), at<const T>(output), winners,
                                at<T>(grad_hidden), at<T>(grad_weight), at<T>(grad_bias)});
  });
}

// queries, documents, vocabulary, pairwise
using DotSizes = std::tuple<int64_t, int64_t, int64_t, bool>;

template <class T>
SparseDot<T> sparse_dot(const DotSizes& sizes, Address query, Address document) {
  const auto [queries, documents, vocabulary, pairwise] = sizes;
  check_sizes(queries, documents, vocabulary);
  return {queries, documents, vocabulary, pairwise, at<const T>(query), at<const T>(document)};
}

void sparse_dot_forward(bool fp64, const DotSizes& sizes, Address query, Address document, Address scores) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.sparse_dot_forward({sparse_dot<T>(sizes, query, document), at<T>(scores)});
  });
}

void sparse_dot_backward(bool fp64, const DotSizes& sizes, Address query, Address document, Address grad,
                         Address grad_query, Address grad_document) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.sparse_dot_backward(
        {sparse_dot<T>(sizes, query, document), at<const T>(grad), at<T>(grad_query), at<T>(grad_document)});
  });
}

// batch, vocabulary, estimator
using FlopsSizes = std::tuple<int64_t, int64_t, int>;

template <class T>
Flops<T> flops(const FlopsSizes& sizes, Address activations) {
  const auto [batch, vocabulary, estimator] = sizes;
  check_sizes(batch, vocabulary);
  return {batch, vocabulary, static_cast<Estimator>(estimator), at<const T>(activations)};
}

void flops_forward(bool fp64, const FlopsSizes& sizes, Address activations, Address value, Address totals) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.flops_forward({flops<T>(sizes, activations), at<T>(value), at<T>(totals)});
  });
}

void flops_backward(bool fp64, const FlopsSizes& sizes, Address activations, Address grad, Address totals,
                    Address grad_activations) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.flops_backward(
        {flops<T>(sizes, activations), at<const T>(grad), at<const T>(totals), at<T>(grad_activations)});
  });
}

}  // namespace
}  // namespace menura

PYBIND11_MODULE(_C, m, py::mod_gil_not_used()) {
  using namespace menura;
  m.doc() = "Menura's CPU kernels. Addresses come from torch tensors; menura.ops checks everything before.";
  m.def("isa", &active_isa);
  m.def("set_isa", &set_isa);
  m.def("available_isas", &available_isas);
  m.def("maxsim_forward", &maxsim_forward);
  m.def("maxsim_backward", &maxsim_backward);
  m.def("splade_head_forward", &splade_head_forward);
  m.def("splade_head_backward", &splade_head_backward);
  m.def("sparse_dot_forward", &sparse_dot_forward);
  m.def("sparse_dot_backward", &sparse_dot_backward);
  m.def("flops_forward", &flops_forward);
  m.def("flops_backward", &flops_backward);
}
