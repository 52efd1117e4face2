// The queries' tokens, of type E, packed as panels. A group of panels stays in cache while documents pass by; it holds
// whole queries, or a piece of one that is too long. Tokens of several short queries share a panel.
#pragma once

#include <cstdint>

#include "max_dot.inl.hpp"
#include "pack.inl.hpp"
#include "parallel.hpp"
#include "scratch.inl.hpp"
#include "token_scales.inl.hpp"
#include "tokens.inl.hpp"

namespace menura {
namespace {

template <class D, class E>
class QueryPanels {
 public:
  using S = typename D::Simd;
  using Packed = typename D::Packed;
  static constexpr int64_t width = panel_width<S>;
  static constexpr int64_t longest = 16 * width;  // lanes of a group

  struct Group {
    int64_t first_query, last_query;
    int64_t first_lane, last_lane;
    int64_t first_panel;
    int64_t piece;  // -1: whole queries; else which piece this is, counted over all queries
    int64_t panels() const { return (last_lane - first_lane + width - 1) / width; }
  };

  // Groups of about `lanes_wanted` lanes; 0: group i is query i, however long.
  QueryPanels(const Sequences& queries, const Tokens& tokens, const TokenScales<S>& scales, int64_t dim,
              int64_t lanes_wanted)
      : size_(panel_size<D>(dim)),
        lane_query_(total(tokens, queries.count)),
        lane_token_(total(tokens, queries.count)),
        scale_(total(tokens, queries.count)),
        groups_(queries.count + total(tokens, queries.count) / longest + 1),
        packed_(plan(queries.count, tokens, lanes_wanted) * size_) {
    parallel_for(group_count_, [&](int64_t g) { pack(queries, scales, groups_[g], dim); });
  }

  int64_t group_count() const { return group_count_; }
  int64_t piece_count() const { return piece_count_; }
  const Group& group(int64_t g) const { return groups_[g]; }
  const Packed* panel(const Group& group, int64_t p) const { return packed_.get() + (group.first_panel + p) * size_; }
  int64_t query(int64_t lane) const { return lane_query_[lane]; }
  int32_t token(int64_t lane) const { return lane_token_[lane]; }
  // What the dot products of a lane are to be multiplied by.
  typename S::T scale(int64_t lane) const { return scale_[lane]; }

  int64_t most_panels() const {
    int64_t most = 0;
    for (int64_t g = 0; g < group_count_; ++g) most = groups_[g].panels() > most ? groups_[g].panels() : most;
    return most;
  }
  int64_t lanes(const Group& group, int64_t p) const {
    const int64_t left = group.last_lane - group.first_lane - p * width;
    return left < width ? left : width;
  }
  // Groups large enough to read documents seldom, small enough to keep every thread busy.
  static int64_t lanes_wanted(int64_t documents) {
    const int64_t shares = 8 * int64_t{omp_get_max_threads()} / (documents + 1) + 1;
    return longest / shares > width ? longest / shares : width;
  }

 private:
  static constexpr int lanes_of_half = S::lanes;

  static int64_t total(const Tokens& tokens, int64_t queries) {
    int64_t sum = 0;
    for (int64_t i = 0; i < queries; ++i) sum += tokens.count(i);
    return sum;
  }

  // Lays out lanes and groups; returns the number of panels.
  int64_t plan(int64_t queries, const Tokens& tokens, int64_t lanes_wanted) {
    int64_t lane = 0;
    int64_t panels = 0;
    int64_t first_query = 0;
    int64_t first_lane = 0;
    const auto close = [&](int64_t last_query, int64_t piece) {
      const Group group{first_query, last_query, first_lane, lane, panels, piece};
      groups_[group_count_++] = group;
      panels += group.panels();
      first_query = last_query;
      first_lane = lane;
    };
    for (int64_t i = 0; i < queries; ++i) {
      const int64_t count = tokens.count(i);
      const bool split = lanes_wanted > 0 && count > longest;
      if (i > first_query && (split || lane - first_lane + count > lanes_wanted)) close(i, -1);
      for (int64_t n = 0; n < count; ++n, ++lane) {
        if (split && n > 0 && n % longest == 0) {
          close(i + 1, piece_count_++);
          first_query = i;
        }
        lane_query_[lane] = static_cast<int32_t>(i);
        lane_token_[lane] = tokens.token(i, n);
      }
      if (split) close(i + 1, piece_count_++);
    }
    if (first_query < queries) close(queries, -1);
    return panels;
  }

  void pack(const Sequences& queries, const TokenScales<S>& scales, const Group& group, int64_t dim) {
    for (int64_t p = 0; p < group.panels(); ++p) {
      const int64_t first = group.first_lane + p * width;
      const int64_t count = lanes(group, p);
      Packed* panel = packed_.get() + (group.first_panel + p) * size_;
      const auto vector = [&](int64_t lane) {
        return static_cast<const E*>(queries.data) + queries.first_element(lane_query_[first + lane]) +
               lane_token_[first + lane] * queries.row_stride;
      };
      if (count <= lanes_of_half)
        pack_panel<D, lanes_of_half, E>(panel, count, dim, vector);
      else
        pack_panel<D, width, E>(panel, count, dim, vector);
      for (int64_t lane = first; lane < first + count; ++lane)
        scale_[lane] = scales.at(lane_query_[lane], lane_token_[lane]);
    }
  }

  int64_t size_;
  int64_t group_count_ = 0;
  int64_t piece_count_ = 0;
  const Scratch<int32_t> lane_query_;
  const Scratch<int32_t> lane_token_;
  const Scratch<typename S::T> scale_;
  const Scratch<Group> groups_;
  const Scratch<Packed> packed_;
};

}  // namespace
}  // namespace menura
