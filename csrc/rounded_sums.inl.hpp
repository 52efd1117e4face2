// Sums in S's precision that are rounded once, to E.
#pragma once

#include <omp.h>

#include "scratch.inl.hpp"
#include "vectors.inl.hpp"

namespace menura {
namespace {

template <class S, class E>
class RoundedSums {
 public:
  using T = typename S::T;

  // Of at most `longest` numbers at once.
  explicit RoundedSums(int64_t longest) : longest_(longest), memory_(as_is ? 0 : omp_get_max_threads() * longest) {}

  // add(sums) adds to `count` zeros, which become the target.
  template <class Add>
  void write(E* target, int64_t count, const Add& add) const {
    T* sums = as_is ? reinterpret_cast<T*>(target) : memory_.get() + omp_get_thread_num() * longest_;
    fill_zero(sums, count);
    add(sums);
    if constexpr (!as_is) convert<S>(count, sums, target);
  }

 private:
  static constexpr bool as_is = same<T, E>;

  int64_t longest_;
  const Scratch<T> memory_;
};

}  // namespace
}  // namespace menura
