// Memory for large results. Every fresh page costs a fault, which is dearer than what a kernel computes into it: a
// block that is given back keeps its pages for the next one.
#pragma once

#include <cstdint>

namespace menura {

class Block {
 public:
  // Throws std::bad_alloc.
  explicit Block(int64_t bytes);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  int64_t bytes_;
  int64_t capacity_;
  void* data_;
};

// Returns all memory that waits for a block.
void release_blocks();

}  // namespace menura
