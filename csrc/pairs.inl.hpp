// Which query meets which document, seen from either side.
#pragma once

#include <cstdint>

#include "maxsim.hpp"
#include "scratch.inl.hpp"

namespace menura {
namespace {

// Members of `count` sets, given the set of each of `members`; in ascending order within a set.
class Partition {
 public:
  template <class SetOf>
  Partition(int64_t count, int64_t members, const SetOf& set_of) : first_(count + 1), members_(members) {
    for (int64_t s = 0; s <= count; ++s) first_[s] = 0;
    for (int64_t m = 0; m < members; ++m) ++first_[set_of(m)];
    int64_t sum = 0;
    for (int64_t s = 0; s <= count; ++s) {
      sum += first_[s];
      first_[s] = sum;
    }
    for (int64_t m = members - 1; m >= 0; --m) members_[--first_[set_of(m)]] = m;
  }
  int64_t begin(int64_t set) const { return first_[set]; }
  int64_t end(int64_t set) const { return first_[set + 1]; }
  int64_t member(int64_t at) const { return members_[at]; }

 private:
  const Scratch<int64_t> first_;
  const Scratch<int64_t> members_;
};

class Pairs {
 public:
  explicit Pairs(const MaxSim& a)
      : a_(a),
        columns_(a.query.count > 0 ? a.document.count / a.query.count : 0),
        argmax_(a.pairing == Pairing::listed ? a.pair_count : 0),
        by_document_(a.document.count, listed_count(), [&](int64_t p) { return a.pairs[2 * p + 1]; }),
        by_query_(a.query.count, listed_count(), [&](int64_t p) { return a.pairs[2 * p]; }) {
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
      for (int64_t at = by_document_.begin(document); at < by_document_.end(document); ++at)
        body(a_.pairs[2 * by_document_.member(at)], by_document_.member(at));
  }

  // body(document, pair), in ascending order of the pairs.
  template <class Body>
  void of_query(int64_t query, const Body& body) const {
    if (a_.pairing == Pairing::in_batch)
      for (int64_t j = 0; j < a_.document.count; ++j) body(j, query * a_.document.count + j);
    else if (a_.pairing == Pairing::grouped)
      for (int64_t j = query * columns_; j < (query + 1) * columns_; ++j) body(j, j);
    else
      for (int64_t at = by_query_.begin(query); at < by_query_.end(query); ++at)
        body(a_.pairs[2 * by_query_.member(at) + 1], by_query_.member(at));
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
  int64_t listed_count() const { return a_.pairing == Pairing::listed ? a_.pair_count : 0; }

  const MaxSim& a_;
  int64_t columns_;
  int64_t argmax_count_ = 0;
  const Scratch<int64_t> argmax_;
  const Partition by_document_;
  const Partition by_query_;
};

}  // namespace
}  // namespace menura
