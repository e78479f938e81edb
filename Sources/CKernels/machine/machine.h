// Cancellation, for the kernels.
#ifndef ATTN_MACHINE_H
#define ATTN_MACHINE_H

#include <stdatomic.h>
#include <stdbool.h>

// Whether cancellation is requested. A long kernel checks it every few milliseconds.
extern _Atomic bool attn_stop_flag;
static inline bool attn_should_stop(void) {
  return atomic_load_explicit(&attn_stop_flag, memory_order_relaxed);
}

// The head of a loop over 0..<n in chunks start..<end, with a check for cancellation before each chunk:
// for (ATTN_STRETCHES(start, end, n, length)) for (int64_t i = start; i < end; i++) ...
// After cancellation the loop ends early, so the code behind it has to be safe on unfinished results.
#define ATTN_STRETCHES(start, end, n, length)                                                     \
  int64_t start = 0, end = 0;                                                                     \
  start < (n) && !attn_should_stop() && (end = (n) - start < (length) ? (n) : start + (length));  \
  start = end

enum { ATTN_STRETCH = 1 << 16 };  // elements, of which each takes from a tenth to ten nanoseconds

#endif
