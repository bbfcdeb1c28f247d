// Memory for arrays, kept for the next array of its size; no arrays here.
//
// A training step wants the same large arrays each time. Handed back to the system they would come back as fresh pages, zeroed by
// the kernel one fault at a time: about a tenth of a step's time.
#pragma once

#include <cstddef>

namespace unrolled {

// At least `bytes` bytes, at the start of a cache line. Throws std::bad_alloc.
void* take_memory(std::size_t bytes);

// Back from where it came, for the next of its size; the longest unused goes to the system once too much lies idle.
void give_memory(void* memory) noexcept;

// Hands all idle memory to the system; returns how many bytes.
std::size_t release_memory();

}  // namespace unrolled
