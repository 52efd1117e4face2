#include "bind.hpp"

namespace menura {
namespace {

// batch, tokens, dim, vocabulary, pooling, activation
using HeadSizes = std::tuple<int64_t, int64_t, int64_t, int64_t, int, int>;
// dtype, hidden, batch stride, row stride, mask, cu_seqlens, weight, bias
using HeadInputs = std::tuple<int, Address, int64_t, int64_t, Address, Address, Address, Address>;

template <class T>
SpladeHead<T> splade_head(const HeadSizes& sizes, const HeadInputs& inputs) {
  const auto [batch, tokens, dim, vocabulary, pooling, activation] = sizes;
  const auto [dtype, hidden, batch_stride, row_stride, mask, cu_seqlens, weight, bias] = inputs;
  check_sizes(batch, tokens, dim, vocabulary);
  return {batch,
          tokens,
          dim,
          vocabulary,
          static_cast<Pooling>(pooling),
          static_cast<Activation>(activation),
          static_cast<Dtype>(dtype),
          at<const void>(hidden),
          batch_stride,
          row_stride,
          at<const bool>(mask),
          at<const int64_t>(cu_seqlens),
          at<const void>(weight),
          at<const T>(bias)};
}

void splade_head_forward(bool fp64, const HeadSizes& sizes, const HeadInputs& inputs, int64_t top_k, Address output,
                         const IndicesArgument& argmax) {
  const Indices winners = indices(argmax, std::get<1>(sizes));
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.splade_head_forward({splade_head<T>(sizes, inputs), top_k, at<T>(output), winners});
  });
}

// allocate(nnz) returns the addresses of col and values, and argmax.
void splade_head_forward_csr(bool fp64, const HeadSizes& sizes, const HeadInputs& inputs, int64_t top_k, Address crow,
                             const pybind11::function& allocate) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    auto entries = [&](int64_t nnz) -> CsrEntries<T> {
      const pybind11::gil_scoped_acquire acquire;
      const auto [col, values, argmax] = allocate(nnz).template cast<std::tuple<Address, Address, IndicesArgument>>();
      return {at<int64_t>(col), at<T>(values), indices(argmax, std::get<1>(sizes))};
    };
    table.splade_head_forward_csr(
        {splade_head<T>(sizes, inputs), top_k, at<int64_t>(crow),
         [](void* context, int64_t nnz) { return (*static_cast<decltype(entries)*>(context))(nnz); }, &entries});
  });
}

void splade_head_backward(bool fp64, const HeadSizes& sizes, const HeadInputs& inputs, Address crow, Address col,
                          Address grad, Address output, const IndicesArgument& argmax, Address grad_hidden,
                          Address grad_weight, Address grad_bias) {
  const Indices winners = indices(argmax, std::get<1>(sizes));
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.splade_head_backward({splade_head<T>(sizes, inputs), at<const int64_t>(crow), at<const int64_t>(col),
                                at<const T>(grad), at<const T>(output), winners, at<void>(grad_hidden),
                                at<void>(grad_weight), at<T>(grad_bias)});
  });
}

}  // namespace

void bind_splade_head(pybind11::module_& m) {
  m.def("splade_head_forward", &splade_head_forward);
  m.def("splade_head_forward_csr", &splade_head_forward_csr);
  m.def("splade_head_backward", &splade_head_backward);
}

}  // namespace menura
