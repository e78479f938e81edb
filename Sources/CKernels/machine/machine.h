// Cancellation of kernels: on request, or because there is no memory to work in.
#ifndef ATTN_MACHINE_H
#define ATTN_MACHINE_H

#include <stdatomic.h>
#include <stdbool.h>

enum { ATTN_STOP_REQUESTED = 1, ATTN_STOP_NO_MEMORY = 2 };

// Whether a kernel is cancelled: a long one looks every few milliseconds.
extern _Atomic int attn_stop_reasons;
static inline bool attn_should_stop(void) {
  return atomic_load_explicit(&attn_stop_reasons, memory_order_relaxed) != 0;
}

// Cancels what runs, because working memory can't be had.
void attn_record_no_memory(void);

// The head of a loop over 0..<n in chunks start..<end, which looks at the request between two of
// them: for (ATTN_CHECKED_CHUNKS(start, end, n, length)) for (int64_t i = start; i < end; i++) ...
// What comes behind it has to be of no account, or harmless, once a stop has been requested.
#define ATTN_CHECKED_CHUNKS(start, end, n, length)                                                     \
  int64_t start = 0, end = 0;                                                                     \
  start < (n) && !attn_should_stop() && (end = (n) - start < (length) ? (n) : start + (length));  \
  start = end

enum { ATTN_CHECKED_CHUNK = 1 << 16 };  // elements, of which each takes from a tenth to ten nanoseconds

#endif
