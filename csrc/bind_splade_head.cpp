#include "bind.hpp"

namespace menura {
namespace {

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

}  // namespace

void bind_splade_head(pybind11::module_& m) {
  m.def("splade_head_forward", &splade_head_forward);
  m.def("splade_head_backward", &splade_head_backward);
}

}  // namespace menura
