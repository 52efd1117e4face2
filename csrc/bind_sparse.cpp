#include "bind.hpp"

namespace menura {
namespace {

// rows, values; of a CSR matrix also crow, col, nnz, bytes an index; bytes 0: dense
using VectorsArgument = std::tuple<int64_t, Address, Address, Address, int64_t, int>;

template <class T>
Vectors<T> vectors(const VectorsArgument& argument, int64_t vocabulary) {
  const auto [rows, values, crow, col, nnz, bytes] = argument;
  check_sizes(rows, nnz, vocabulary);
  if (vocabulary > std::numeric_limits<int32_t>::max())
    throw std::invalid_argument("a vocabulary must have less than 2^31 terms; got " + std::to_string(vocabulary) + ".");
  if (bytes != 0 && bytes != 4 && bytes != 8)
    throw std::invalid_argument("an index must take 4 or 8 bytes; got " + std::to_string(bytes) + ".");
  return {rows, at<const T>(values), bytes ? at<const void>(crow) : nullptr, at<const void>(col), bytes == 8};
}

// Whether every index stays inside the matrix, which torch does not check; whether columns rise in every row.
template <class Index>
std::tuple<bool, bool> inspect(const VectorsArgument& argument, int64_t vocabulary) {
  const auto [rows, values, crow_address, col_address, nnz, bytes] = argument;
  const Index *crow = at<const Index>(crow_address), *col = at<const Index>(col_address);
  bool valid = crow[0] == 0 && crow[rows] == nnz;
  for (int64_t r = 0; r < rows; ++r) valid &= crow[r] <= crow[r + 1];
  bool ascending = true;
  for (int64_t r = 0; valid && r < rows; ++r) {
    Index smallest = 0, largest = 0;
    for (Index e = crow[r]; e < crow[r + 1]; ++e) {
      smallest = col[e] < smallest ? col[e] : smallest;
      largest = col[e] > largest ? col[e] : largest;
    }
    for (Index e = crow[r] + 1; e < crow[r + 1]; ++e) ascending &= col[e - 1] < col[e];
    valid &= smallest >= 0 && (largest < vocabulary || crow[r] == crow[r + 1]);
  }
  return {valid, ascending};
}

std::tuple<bool, bool> inspect_csr(const VectorsArgument& argument, int64_t vocabulary) {
  const pybind11::gil_scoped_release release;
  return std::get<5>(argument) == 8 ? inspect<int64_t>(argument, vocabulary) : inspect<int32_t>(argument, vocabulary);
}

// vocabulary, pairwise
using DotSizes = std::tuple<int64_t, bool>;
// query, document: [rows, ceil(vocabulary / 64)] int64; 0: not kept
using Bitmaps = std::tuple<Address, Address>;

template <class T>
SparseDot<T> sparse_dot(const DotSizes& sizes, const VectorsArgument& query, const VectorsArgument& document,
                        const Bitmaps& bitmaps) {
  const auto [vocabulary, pairwise] = sizes;
  // Row by row is the shorter way for one pair, too; bitmaps are neither written nor read on it.
  const bool one_pair = std::get<0>(query) == 1 && std::get<0>(document) == 1;
  return {vocabulary,
          pairwise || one_pair,
          vectors<T>(query, vocabulary),
          vectors<T>(document, vocabulary),
          at<uint64_t>(std::get<0>(bitmaps)),
          at<uint64_t>(std::get<1>(bitmaps))};
}

void sparse_dot_forward(bool fp64, const DotSizes& sizes, const VectorsArgument& query, const VectorsArgument& document,
                        const Bitmaps& bitmaps, Address scores) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.sparse_dot_forward({sparse_dot<T>(sizes, query, document, bitmaps), at<T>(scores)});
  });
}

void sparse_dot_backward(bool fp64, const DotSizes& sizes, const VectorsArgument& query,
                         const VectorsArgument& document, const Bitmaps& bitmaps, Address grad, Address grad_query,
                         Address grad_document) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.sparse_dot_backward(
        {sparse_dot<T>(sizes, query, document, bitmaps), at<const T>(grad), at<T>(grad_query), at<T>(grad_document)});
  });
}

// vocabulary, estimator
using FlopsSizes = std::tuple<int64_t, int>;

template <class T>
Flops<T> flops(const FlopsSizes& sizes, const VectorsArgument& activations, Address weights) {
  const auto [vocabulary, estimator] = sizes;
  return {vocabulary, static_cast<Estimator>(estimator), vectors<T>(activations, vocabulary), at<const T>(weights)};
}

void flops_forward(bool fp64, const FlopsSizes& sizes, const VectorsArgument& activations, Address weights,
                   Address value, Address totals) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.flops_forward({flops<T>(sizes, activations, weights), at<T>(value), at<T>(totals)});
  });
}

void flops_backward(bool fp64, const FlopsSizes& sizes, const VectorsArgument& activations, Address weights,
                    Address grad, Address totals, Address grad_activations) {
  dispatch(fp64, [&](const auto& table, auto element) {
    using T = decltype(element);
    table.flops_backward(
        {flops<T>(sizes, activations, weights), at<const T>(grad), at<const T>(totals), at<T>(grad_activations)});
  });
}

}  // namespace

void bind_sparse(pybind11::module_& m) {
  m.def("inspect_csr", &inspect_csr);
  m.def("sparse_dot_forward", &sparse_dot_forward);
  m.def("sparse_dot_backward", &sparse_dot_backward);
  m.def("flops_forward", &flops_forward);
  m.def("flops_backward", &flops_backward);
}

}  // namespace menura
