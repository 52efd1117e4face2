// Large fresh memory costs a page fault every 4 KB; huge pages make that one every 2 MB.
#pragma once

#include <cstdint>

namespace menura {

// Asks for huge pages in the part of the memory that consists of whole ones. Contents stay as they are.
void advise_huge_pages(void* data, int64_t bytes);

}  // namespace menura
