#include "bind.hpp"

namespace menura {
namespace {

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

}  // namespace

void bind_maxsim(pybind11::module_& m) {
  m.def("maxsim_forward", &maxsim_forward);
  m.def("maxsim_backward", &maxsim_backward);
}

}  // namespace menura
