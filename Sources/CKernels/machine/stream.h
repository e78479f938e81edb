// Large results written past the caches: a store that misses them would first read the line that it is
// about to replace, and push out what the next operation reads.
#ifndef ATTN_STREAM_H
#define ATTN_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { ATTN_STREAM_BOUNDARY = 64 };  // where vectors of 16 elements may be streamed to

// memcpy past the caches, where `to` is on a boundary of 16 bytes.
static inline void attn_stream(void *to, const void *from, size_t bytes) {
  typedef float lanes __attribute__((vector_size(16), may_alias));
  typedef float loose_lanes __attribute__((vector_size(16), aligned(1), may_alias));
  size_t whole = (uintptr_t)to % 16 == 0 ? bytes / 16 : 0;
  for (size_t i = 0; i < whole; i++)
    __builtin_nontemporal_store((lanes)((const loose_lanes *)from)[i], (lanes *)to + i);
  memcpy((char *)to + whole * 16, (const char *)from + whole * 16, bytes - whole * 16);
}

// What was streamed is there for other threads once this and a release have passed.
static inline void attn_stream_end(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

#endif
