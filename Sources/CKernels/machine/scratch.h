// Working memory for kernels: kept by each thread, grown as needed, never shared.
#ifndef ATTN_SCRATCH_H
#define ATTN_SCRATCH_H

#include <stddef.h>

// At least `bytes` bytes at a 64-byte boundary, the calling thread's until it asks again. What was
// in them is lost. Does not return when the memory cannot be had.
void *attn_scratch(size_t bytes);
// The same, and NULL when the memory cannot be had.
void *attn_try_scratch(size_t bytes);

#endif
