#include "bind.hpp"

namespace menura {
namespace {

// data, dtype, texts, tokens, batch stride, row stride, offsets, mask, scales; 0 for what there is not
using SequencesArgument = std::tuple<Address, int, int64_t, int64_t, int64_t, int64_t, Address, Address, Address>;
// dim, normalize, pairing, pairs, pair count
using PairsArgument = std::tuple<int64_t, bool, int, Address, int64_t>;

Sequences sequences(const SequencesArgument& argument) {
  const auto [data, dtype, count, tokens, batch_stride, row_stride, offsets, mask, scales] = argument;
  check_sizes(count, tokens);
  return {at<void>(data), static_cast<Dtype>(dtype), count,          tokens,           batch_stride,
          row_stride,     at<int64_t>(offsets),      at<bool>(mask), at<float>(scales)};
}

MaxSim maxsim(const SequencesArgument& query, const SequencesArgument& document, const PairsArgument& pairs) {
  const auto [dim, normalize, pairing, list, pair_count] = pairs;
  check_sizes(dim, pair_count);
  return {sequences(query),  sequences(document), dim, normalize, static_cast<Pairing>(pairing),
          at<int64_t>(list), pair_count};
}

void maxsim_forward(bool fp64, const SequencesArgument& query, const SequencesArgument& document,
                    const PairsArgument& pairs, Address scores, const IndicesArgument& argmax) {
  const MaxSim arguments = maxsim(query, document, pairs);
  const Indices winners = indices(argmax, arguments.document.tokens);
  dispatch(fp64, [&](const auto& table, auto element) {
    table.maxsim_forward({arguments, at<decltype(element)>(scores), winners});
  });
}

void maxsim_backward(bool fp64, const SequencesArgument& query, const SequencesArgument& document,
                     const PairsArgument& pairs, Address grad, const IndicesArgument& argmax, Address grad_query,
                     Address grad_document) {
  const MaxSim arguments = maxsim(query, document, pairs);
  const Indices winners = indices(argmax, arguments.document.tokens);
  dispatch(fp64, [&](const auto& table, auto element) {
    table.maxsim_backward(
        {arguments, at<const decltype(element)>(grad), winners, at<void>(grad_query), at<void>(grad_document)});
  });
}

}  // namespace

void bind_maxsim(pybind11::module_& m) {
  m.def("maxsim_forward", &maxsim_forward);
  m.def("maxsim_backward", &maxsim_backward);
}

}  // namespace menura
