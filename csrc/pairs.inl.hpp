// Which query meets which document, seen from either side.
#pragma once

#include <cstdint>

#include "grouped.inl.hpp"
#include "maxsim.hpp"
#include "scratch.inl.hpp"

namespace menura {
namespace {

class Pairs {
 public:
  explicit Pairs(const MaxSim& a)
      : a_(a),
        columns_(a.query.count > 0 ? a.document.count / a.query.count : 0),
        argmax_(a.pairing == Pairing::listed ? a.pair_count : 0),
        by_document_(a.document.count, [&](const auto& add) { list(1, add); }),
        by_query_(a.query.count, [&](const auto& add) { list(0, add); }) {
    for (int64_t p = 0; p < listed_count(); ++p) {
      argmax_[p] = argmax_count_;
      argmax_count_ += a.query.length(a.pairs[2 * p]);
    }
  }

  // body(query, pair), in ascending order of the pairs.
  template <class Body>
  void of_document(int64_t document, const Body& body) const {
    if (a_.pairing == Pairing::in_batch)
      for (int64_t i = 0; i < a_.query.count; ++i) body(i, i * a_.document.count + document);
    else if (a_.pairing == Pairing::grouped)
      body(document / columns_, document);
    else
      for (int64_t n = 0; n < by_document_.count(document); ++n)
        body(a_.pairs[2 * by_document_.items(document)[n]], by_document_.items(document)[n]);
  }

  // body(document, pair), in ascending order of the pairs.
  template <class Body>
  void of_query(int64_t query, const Body& body) const {
    if (a_.pairing == Pairing::in_batch)
      for (int64_t j = 0; j < a_.document.count; ++j) body(j, query * a_.document.count + j);
    else if (a_.pairing == Pairing::grouped)
      for (int64_t j = query * columns_; j < (query + 1) * columns_; ++j) body(j, j);
    else
      for (int64_t n = 0; n < by_query_.count(query); ++n)
        body(a_.pairs[2 * by_query_.items(query)[n] + 1], by_query_.items(query)[n]);
  }

  int64_t count() const {
    if (a_.pairing == Pairing::in_batch) return a_.query.count * a_.document.count;
    return a_.pairing == Pairing::grouped ? a_.document.count : a_.pair_count;
  }

  // Entries of all pairs' argmax.
  int64_t argmax_count() const {
    if (a_.pairing == Pairing::listed) return argmax_count_;
    return a_.query.offsets ? a_.query.tokens * a_.document.count : count() * a_.query.tokens;
  }

  // Where the pair's argmax begins.
  int64_t argmax(int64_t query, int64_t pair) const {
    if (a_.pairing == Pairing::listed) return argmax_[pair];
    if (!a_.query.offsets) return pair * a_.query.tokens;
    return a_.query.offsets[query] * a_.document.count + (pair - query * a_.document.count) * a_.query.length(query);
  }

 private:
  // add(query or document, pair) for every listed pair; side 0: queries.
  template <class Add>
  void list(int side, const Add& add) const {
    for (int64_t p = 0; p < listed_count(); ++p) add(a_.pairs[2 * p + side], p);
  }
  int64_t listed_count() const { return a_.pairing == Pairing::listed ? a_.pair_count : 0; }

  const MaxSim& a_;
  int64_t columns_;
  int64_t argmax_count_ = 0;
  const Scratch<int64_t> argmax_;
  const GroupedByTarget<int64_t> by_document_;
  const GroupedByTarget<int64_t> by_query_;
};

}  // namespace
}  // namespace menura
