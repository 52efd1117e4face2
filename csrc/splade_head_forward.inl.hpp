// The SPLADE head's forward, into a dense array or as compressed rows.
#pragma once

#include <cstdlib>

#include "parallel.hpp"
#include "scratch.inl.hpp"
#include "splade_head.hpp"
#include "splade_head_groups.inl.hpp"
#include "top_k.inl.hpp"

namespace menura {
namespace {

template <class T>
class DenseRows final : public GroupSink<T> {
 public:
  explicit DenseRows(const SpladeHeadForward<T>& a) : a_(a) {}
  void begin(int64_t) override {}
  void take(int64_t, int64_t row, int64_t first_term, int64_t terms, const T* values, const int32_t* tokens) override {
    const int64_t at = row * a_.vocabulary + first_term;
    for (int64_t i = 0; i < terms; ++i) a_.output[at + i] = values[i];
    if (a_.argmax.data)
      for (int64_t i = 0; i < terms; ++i) a_.argmax.set(at + i, tokens[i]);
  }

 private:
  const SpladeHeadForward<T>& a_;
};

template <class S>
void splade_head_forward(const SpladeHeadForward<typename S::T>& a) {
  using T = typename S::T;
  DenseRows<T> rows(a);
  visit_groups<S>(a, rows);
  if (a.top_k >= a.vocabulary) return;
  parallel_for(a.batch, [&](int64_t row) {
    T* values = a.output + row * a.vocabulary;
    TopK<T> top(a.vocabulary, a.top_k, [&](int64_t i) { return values[i]; });
    for (int64_t i = 0; i < a.vocabulary; ++i)
      if (!top.keeps(values[i])) values[i] = 0;
  });
}

template <class T>
struct ActiveEntry {
  int32_t term, token;
  T value;
};

// The active entries that one group of terms has, row by row.
template <class T>
class ActiveList {
 public:
  ActiveList() = default;
  ~ActiveList() { ::free(entries_); }
  ActiveList(const ActiveList&) = delete;
  ActiveList& operator=(const ActiveList&) = delete;

  void add(int64_t first_term, int64_t terms, const T* values, const int32_t* arguments) {
    int64_t active = 0;
    for (int64_t i = 0; i < terms; ++i) active += !(values[i] <= 0);
    if (active == 0) return;
    reserve(count_ + active);
    for (int64_t i = 0; i < terms; ++i)
      if (!(values[i] <= 0)) entries_[count_++] = {static_cast<int32_t>(first_term + i), arguments[i], values[i]};
  }
  int64_t count() const { return count_; }
  const ActiveEntry<T>* entries() const { return entries_; }

 private:
  void reserve(int64_t count) {
    if (count <= capacity_) return;
    capacity_ = count + count / 2;
    void* grown = ::realloc(entries_, static_cast<uint64_t>(capacity_) * sizeof(ActiveEntry<T>));
    if (grown == nullptr) out_of_memory();
    entries_ = static_cast<ActiveEntry<T>*>(grown);
  }

  ActiveEntry<T>* entries_ = nullptr;
  int64_t count_ = 0, capacity_ = 0;
};

// What all groups have: memory follows the active entries, not [batch, vocabulary].
template <class T>
class ActiveLists final : public GroupSink<T> {
 public:
  explicit ActiveLists(int64_t batch) : batch_(batch) {}
  ~ActiveLists() {
    delete[] lists_;
    ::free(starts_);
  }
  ActiveLists(const ActiveLists&) = delete;
  ActiveLists& operator=(const ActiveLists&) = delete;

  void begin(int64_t groups) override {
    groups_ = groups;
    lists_ = new ActiveList<T>[groups];
    starts_ = static_cast<int64_t*>(::calloc(static_cast<uint64_t>(groups * (batch_ + 1) + 1), sizeof(int64_t)));
    if (starts_ == nullptr) out_of_memory();
  }
  void take(int64_t group, int64_t row, int64_t first_term, int64_t terms, const T* values,
            const int32_t* tokens) override {
    lists_[group].add(first_term, terms, values, tokens);
    starts(group)[row + 1] = lists_[group].count();
  }
  int64_t count(int64_t row) const {
    int64_t count = 0;
    for (int64_t group = 0; group < groups_; ++group) count += starts(group)[row + 1] - starts(group)[row];
    return count;
  }
  // The row's entries, terms ascending.
  void copy(int64_t row, ActiveEntry<T>* to) const {
    for (int64_t group = 0; group < groups_; ++group)
      for (int64_t i = starts(group)[row]; i < starts(group)[row + 1]; ++i) *to++ = lists_[group].entries()[i];
  }

 private:
  int64_t* starts(int64_t group) const { return starts_ + group * (batch_ + 1); }

  const int64_t batch_;
  int64_t groups_ = 0;
  ActiveList<T>* lists_ = nullptr;
  int64_t* starts_ = nullptr;
};

template <class S>
void splade_head_forward_csr(const SpladeHeadForwardCsr<typename S::T>& a) {
  using T = typename S::T;
  ActiveLists<T> active(a.batch);
  visit_groups<S>(a, active);

  a.crow[0] = 0;
  for (int64_t row = 0; row < a.batch; ++row) {
    const int64_t count = active.count(row);
    a.crow[row + 1] = a.crow[row] + (count < a.top_k ? count : a.top_k);
  }
  const CsrEntries<T> kept = a.allocate(a.context, a.crow[a.batch]);
  parallel_for(a.batch, [&](int64_t row) {
    const int64_t count = active.count(row);
    const Scratch<ActiveEntry<T>> entries(count);
    active.copy(row, entries.get());
    TopK<T> top(count, a.top_k, [&](int64_t i) { return entries[i].value; });
    int64_t at = a.crow[row];
    for (int64_t i = 0; i < count; ++i) {
      if (!top.keeps(entries[i].value)) continue;
      kept.col[at] = entries[i].term;
      kept.values[at] = entries[i].value;
      if (kept.argmax.data) kept.argmax.set(at, entries[i].token);
      ++at;
    }
  });
}

}  // namespace
}  // namespace menura
