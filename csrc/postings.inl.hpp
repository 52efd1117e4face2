// The entries of vocabulary vectors by column.
#pragma once

#include "entries.inl.hpp"

namespace menura {
namespace {

// The rows that share a column. Where they are many, the list is `whole`: one value for every row, so that a loop over
// it vectorises; `rows` is then of no use.
template <class T>
struct Posting {
  int64_t count;
  int64_t first;  // the place of its first value among those of all postings
  const T* values;
  const int32_t* rows;
  bool whole;
};

template <class T>
class Postings {
 public:
  Postings(const Entries<T>& entries, int64_t vocabulary)
      : matrix_rows_(entries.rows()),
        vocabulary_(vocabulary),
        counts_(vocabulary),
        firsts_(vocabulary),
        present_(words_of(vocabulary)),
        places_(entries.count()),
        length_(lay_out(entries)),
        rows_(length_),
        values_(length_) {
    fill(entries);
  }
  // Of the matrix whose entries these are.
  int64_t matrix_rows() const { return matrix_rows_; }
  // The number of columns that some row has.
  int64_t size() const { return count_bits(present_.get(), words_of(vocabulary_)); }
  // Calls body(column) for each of them, in ascending order.
  template <class Body>
  void for_columns(const Body& body) const {
    for_bits(present_.get(), words_of(vocabulary_), body);
  }
  // The number of places, of the e-th entry among others.
  int64_t length() const { return length_; }
  int64_t place(int64_t e) const { return places_[e]; }

  bool has(int64_t column) const { return counts_[column] != 0; }
  Posting<T> operator[](int64_t column) const {
    const int64_t count = counts_[column], first = firsts_[column];
    return {count, first, values_.get() + first, rows_.get() + first, whole(column)};
  }

 private:
  int64_t lay_out(const Entries<T>& entries) {
    for (int64_t v = 0; v < vocabulary_; ++v) counts_[v] = 0;
    for (int64_t w = 0; w < words_of(vocabulary_); ++w) present_[w] = 0;
    for (int64_t r = 0; r < matrix_rows_; ++r)
      for (int64_t e = 0; e < entries[r].count; ++e) {
        const int32_t column = entries[r].columns[e];
        ++counts_[column];
        present_[column / word_bits] |= uint64_t{1} << column % word_bits;
      }
    int64_t length = 0;
    for_columns([&](int64_t column) {
      firsts_[column] = length;
      if (int64_t{4} * counts_[column] >= matrix_rows_) counts_[column] = static_cast<int32_t>(matrix_rows_);
      length += counts_[column];
    });
    return length;
  }
  void fill(const Entries<T>& entries) {
    for_columns([&](int64_t column) {
      for (int64_t r = 0; whole(column) && r < matrix_rows_; ++r) values_[firsts_[column] + r] = 0;
    });
    int64_t seen = 0;
    for (int64_t r = 0; r < matrix_rows_; ++r)
      for (int64_t e = 0; e < entries[r].count; ++e) {
        const int32_t column = entries[r].columns[e];
        const T value = entries[r].values[e];
        const int64_t place = whole(column) ? firsts_[column] + r : firsts_[column]++;
        values_[place] = whole(column) ? values_[place] + value : value;
        rows_[place] = static_cast<int32_t>(r);
        places_[seen++] = place;
      }
    for_columns([&](int64_t column) {
      if (!whole(column)) firsts_[column] -= counts_[column];
    });
  }
  bool whole(int64_t column) const { return counts_[column] == matrix_rows_; }

  int64_t matrix_rows_;
  int64_t vocabulary_;
  Scratch<int32_t> counts_;  // of values in a column's posting
  Scratch<int64_t> firsts_;  // unset where the count is zero
  Scratch<uint64_t> present_;
  Scratch<int64_t> places_;
  int64_t length_;
  Scratch<int32_t> rows_;
  Scratch<T> values_;
};

}  // namespace
}  // namespace menura
