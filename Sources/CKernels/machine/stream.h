// Streaming stores for large results: a plain store that misses the caches would first read the line that
// it overwrites, and evict what the next operation reads.
#ifndef ATTN_STREAM_H
#define ATTN_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { ATTN_STREAM_BOUNDARY = 64 };  // where vectors of 16 elements may be streamed to

// memcpy with streaming stores, where `to` is on a boundary of 16 bytes.
static inline void attn_stream(void *to, const void *from, size_t bytes) {
  typedef float lanes __attribute__((vector_size(16), may_alias));
  typedef float loose_lanes __attribute__((vector_size(16), aligned(1), may_alias));
  size_t whole = (uintptr_t)to % 16 == 0 ? bytes / 16 : 0;
  for (size_t i = 0; i < whole; i++)
    __builtin_nontemporal_store((lanes)((const loose_lanes *)from)[i], (lanes *)to + i);
  memcpy((char *)to + whole * 16, (const char *)from + whole * 16, bytes - whole * 16);
}

// Makes streamed stores visible to other threads, together with a release behind it.
static inline void attn_stream_end(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

#endif
