#include "bind.hpp"

namespace menura {
namespace {

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

void bind_sparse(pybind11::module_& m) {
  m.def("sparse_dot_forward", &sparse_dot_forward);
  m.def("sparse_dot_backward", &sparse_dot_backward);
  m.def("flops_forward", &flops_forward);
  m.def("flops_backward", &flops_backward);
}

}  // namespace menura
