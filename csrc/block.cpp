#include "block.hpp"

#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace menura {
namespace {

constexpr int64_t huge_page = int64_t{2} << 20;
constexpr int64_t most_waiting_bytes = int64_t{256} << 20;

void* allocate(int64_t capacity) {
  void* data = std::aligned_alloc(huge_page, static_cast<size_t>(capacity));
  if (data == nullptr) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  // Advice only: a kernel that knows no huge pages may decline.
  (void)::madvise(data, static_cast<size_t>(capacity), MADV_HUGEPAGE);
#endif
  return data;
}

// Memory that waits to be used again, oldest first.
class Waiting {
 public:
  // The smallest that holds so many bytes and not much more; null if there is none.
  void* take(int64_t bytes, int64_t* capacity) {
    const std::lock_guard lock(mutex_);
    auto found = memory_.end();
    for (auto each = memory_.begin(); each != memory_.end(); ++each)
      if (each->capacity >= bytes && each->capacity <= bytes + bytes / 4 + huge_page &&
          (found == memory_.end() || each->capacity < found->capacity))
        found = each;
    if (found == memory_.end()) return nullptr;
    void* data = found->data;
    *capacity = found->capacity;
    bytes_ -= found->capacity;
    memory_.erase(found);
    return data;
  }
  void give(void* data, int64_t capacity) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      memory_.push_back({data, capacity});
    } catch (const std::bad_alloc&) {
      std::free(data);
      return;
    }
    bytes_ += capacity;
    drop_to(most_waiting_bytes);
  }
  void drop_all() {
    const std::lock_guard lock(mutex_);
    drop_to(0);
  }

 private:
  struct Memory {
    void* data;
    int64_t capacity;
  };

  void drop_to(int64_t bytes) {
    auto first = memory_.begin();
    for (; bytes_ > bytes; ++first) {
      std::free(first->data);
      bytes_ -= first->capacity;
    }
    memory_.erase(memory_.begin(), first);
  }

  std::mutex mutex_;
  std::vector<Memory> memory_;
  int64_t bytes_ = 0;
};

// Never destroyed: tensors may outlive everything else in the process.
Waiting& waiting() {
  static auto* all = new Waiting;
  return *all;
}

}  // namespace

Block::Block(int64_t bytes)
    : bytes_(bytes),
      capacity_((bytes + huge_page - 1) / huge_page * huge_page),
      data_(waiting().take(bytes, &capacity_)) {
  if (data_ == nullptr) data_ = allocate(capacity_);
}

Block::~Block() { waiting().give(data_, capacity_); }

void release_blocks() { waiting().drop_all(); }

}  // namespace menura
