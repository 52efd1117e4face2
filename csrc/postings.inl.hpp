// The entries of vocabulary vectors by column.
#pragma once

#include "entries.inl.hpp"

namespace menura {
namespace {

// The rows that share a column. Where they are many, the list is `whole`: one value for every row, so that a loop over
// it vectorises.
struct Posting {
  int64_t first;
  int64_t count;
  int32_t column;
  bool whole;
};

template <class T>
class Postings {
 public:
  Postings(const Entries<T>& entries, int64_t vocabulary)
      : matrix_rows_(entries.rows()),
        vocabulary_(vocabulary),
        slots_(vocabulary),
        postings_(entries.count() < vocabulary ? entries.count() : vocabulary),
        places_(entries.count()),
        length_(lay_out(entries, vocabulary)),
        rows_(length_),
        values_(length_) {
    fill(entries);
  }
  int64_t matrix_rows() const { return matrix_rows_; }
  int64_t size() const { return size_; }
  int64_t length() const { return length_; }
  const Posting& operator[](int64_t slot) const { return postings_[slot]; }
  // The columns of all postings, in ascending order.
  void sorted_columns(int32_t* columns) const {
    for (int64_t v = 0; v < vocabulary_; ++v)
      if (slots_[v] >= 0) *columns++ = static_cast<int32_t>(v);
  }
  // Null where no row has the column.
  const Posting* find(int32_t column) const {
    const int32_t slot = slots_[column];
    return slot < 0 ? nullptr : &postings_[slot];
  }
  const int32_t* rows(const Posting& posting) const { return rows_.get() + posting.first; }
  const T* values(const Posting& posting) const { return values_.get() + posting.first; }
  // Where, of `length()` places, the e-th entry went.
  int64_t place(int64_t e) const { return places_[e]; }

 private:
  int64_t lay_out(const Entries<T>& entries, int64_t vocabulary) {
    for (int64_t v = 0; v < vocabulary; ++v) slots_[v] = -1;
    for (int64_t r = 0; r < matrix_rows_; ++r)
      for (int64_t e = 0; e < entries[r].count; ++e) {
        const int32_t column = entries[r].columns[e];
        if (slots_[column] < 0) {
          slots_[column] = static_cast<int32_t>(size_);
          postings_[size_++] = {0, 0, column, false};
        }
        ++postings_[slots_[column]].count;
      }
    int64_t length = 0;
    for (int64_t s = 0; s < size_; ++s) {
      Posting& posting = postings_[s];
      posting.whole = 4 * posting.count >= matrix_rows_;
      posting.first = length;
      length += posting.whole ? matrix_rows_ : posting.count;
    }
    return length;
  }
  void fill(const Entries<T>& entries) {
    for (int64_t s = 0; s < size_; ++s) {
      Posting& posting = postings_[s];
      if (posting.whole)
        for (int64_t r = 0; r < matrix_rows_; ++r) values_[posting.first + r] = 0;
      posting.count = posting.whole ? matrix_rows_ : 0;
    }
    int64_t seen = 0;
    for (int64_t r = 0; r < matrix_rows_; ++r)
      for (int64_t e = 0; e < entries[r].count; ++e) {
        Posting& posting = postings_[slots_[entries[r].columns[e]]];
        const T value = entries[r].values[e];
        const int64_t place = posting.first + (posting.whole ? r : posting.count++);
        rows_[place] = static_cast<int32_t>(r);
        values_[place] = posting.whole ? values_[place] + value : value;
        places_[seen++] = place;
      }
  }

  int64_t matrix_rows_;
  int64_t vocabulary_;
  int64_t size_ = 0;
  Scratch<int32_t> slots_;
  Scratch<Posting> postings_;
  Scratch<int64_t> places_;
  int64_t length_;
  Scratch<int32_t> rows_;
  Scratch<T> values_;
};

}  // namespace
}  // namespace menura
