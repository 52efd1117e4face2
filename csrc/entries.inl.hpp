// The entries of vocabulary vectors, row by row: those that a CSR matrix stores, or a dense one's non-zeros.
#pragma once

#include "bitmap.inl.hpp"
#include "blocks.inl.hpp"
#include "scratch.inl.hpp"
#include "sparse_vectors.hpp"

namespace menura {
namespace {

template <class T>
struct Row {
  int64_t count;
  const T* values;
  const int32_t* columns;
  int64_t first;  // the place of its first entry among those of all rows

  // 0 * NaN and 0 * infinity are NaN: such an entry also meets the columns that the other side does not have.
  bool finite() const {
    bool all = true;
    for (int64_t e = 0; e < count; ++e) all &= values[e] - values[e] == 0;
    return all;
  }
};

// A dense row of zeros that sparse rows borrow, one after the other.
template <class T>
class DenseRow {
 public:
  explicit DenseRow(int64_t vocabulary) : values_(vocabulary) {
    for (int64_t v = 0; v < vocabulary; ++v) values_[v] = 0;
  }
  // Columns that occur twice add up.
  T* spread(const Row<T>& row) const {
    for (int64_t e = 0; e < row.count; ++e) values_[row.columns[e]] += row.values[e];
    return values_.get();
  }
  void clear(const Row<T>& row) const {
    for (int64_t e = 0; e < row.count; ++e) values_[row.columns[e]] = 0;
  }

 private:
  Scratch<T> values_;
};

template <class T>
int64_t row_start(const Vectors<T>& source, int64_t row) {
  return source.wide ? static_cast<const int64_t*>(source.crow)[row] : static_cast<const int32_t*>(source.crow)[row];
}

template <class T>
class Entries {
 public:
  // A dense source is read once; where there is room for its bitmap, that is kept, or believed if it is `known`.
  Entries(const Vectors<T>& source, int64_t vocabulary, uint64_t* bitmap, bool known)
      : dense_(source.crow == nullptr),
        size_(source.rows),
        rows_(source.rows),
        columns_(dense_ || !source.wide ? 0 : row_start(source, source.rows)) {
    if (dense_)
      compress(source, vocabulary, bitmap, known);
    else
      borrow(source);
    for (int64_t r = 0; r < size_; ++r) {
      rows_[r].first = count_;
      count_ += rows_[r].count;
    }
  }
  ~Entries() {
    for (int64_t r = 0; dense_ && r < size_; ++r) ::free(const_cast<T*>(rows_[r].values));
  }
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;

  const Row<T>& operator[](int64_t row) const { return rows_[row]; }
  bool dense() const { return dense_; }
  int64_t rows() const { return size_; }
  int64_t count() const { return count_; }

 private:
  void borrow(const Vectors<T>& source) {
    const int32_t* columns = static_cast<const int32_t*>(source.col);
    if (source.wide) {
      const int64_t* wide = static_cast<const int64_t*>(source.col);
      const int64_t nnz = row_start(source, size_);
      for (int64_t e = 0; e < nnz; ++e) columns_[e] = static_cast<int32_t>(wide[e]);
      columns = columns_.get();
    }
    for (int64_t r = 0; r < size_; ++r) {
      const int64_t first = row_start(source, r);
      rows_[r] = {row_start(source, r + 1) - first, source.values + first, columns + first, 0};
    }
  }
  void compress(const Vectors<T>& source, int64_t vocabulary, uint64_t* bitmap, bool known) {
    const int64_t words = words_of(vocabulary);
    parallel_for_work(size_, size_ * vocabulary, [&](int64_t r) {
      const Scratch<uint64_t> own(bitmap ? 0 : words);
      uint64_t* bits = bitmap ? bitmap + r * words : own.get();
      const T* row = source.values + r * vocabulary;
      if (!bitmap || !known) find_nonzeros(row, vocabulary, bits);
      rows_[r] = nonzeros(row, bits, words);
    });
  }
  static Row<T> nonzeros(const T* row, const uint64_t* bits, int64_t words) {
    const int64_t count = count_bits(bits, words);
    void* memory = ::malloc(static_cast<size_t>(count) * (sizeof(T) + sizeof(int32_t)) + 1);
    if (memory == nullptr) out_of_memory();
    T* values = static_cast<T*>(memory);
    int32_t* columns = reinterpret_cast<int32_t*>(values + count);
    int64_t e = 0;
    for_bits(bits, words, [&](int64_t column) { columns[e++] = static_cast<int32_t>(column); });
    for (e = 0; e < count; ++e) values[e] = row[columns[e]];
    return {count, values, columns, 0};
  }

  bool dense_;
  int64_t size_;
  int64_t count_ = 0;
  Scratch<Row<T>> rows_;
  Scratch<int32_t> columns_;
};

}  // namespace
}  // namespace menura
