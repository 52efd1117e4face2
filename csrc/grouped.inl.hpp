// What each target is to be given, in one list.
#pragma once

#include <cstdint>

#include "scratch.inl.hpp"

namespace menura {
namespace {

// Items by target, by a stable counting sort. visit(add) calls add(target, item) for each, the same way twice.
template <class Item>
class GroupedByTarget {
 public:
  template <class Visit>
  GroupedByTarget(int64_t targets, const Visit& visit) : ends_(targets + 1), items_(count(targets, visit)) {
    // Until it is filled, ends_[target + 1] is where the target's next summand goes.
    visit([&](int64_t target, const Item& item) { items_[ends_[target + 1]++] = item; });
  }
  const Item* items(int64_t target) const { return items_.get() + ends_[target]; }
  int64_t count(int64_t target) const { return ends_[target + 1] - ends_[target]; }

 private:
  template <class Visit>
  int64_t count(int64_t targets, const Visit& visit) {
    for (int64_t i = 0; i < targets + 1; ++i) ends_[i] = 0;
    visit([&](int64_t target, const Item&) { ++ends_[target + 1]; });
    int64_t all = 0;
    for (int64_t i = 1; i < targets + 1; ++i) {
      const int64_t own = ends_[i];
      ends_[i] = all;
      all += own;
    }
    return all;
  }

  Scratch<int64_t> ends_;
  Scratch<Item> items_;
};

}  // namespace
}  // namespace menura
