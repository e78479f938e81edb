// Working memory for kernels: kept by each thread, grown as needed, never shared.
#ifndef ATTN_SCRATCH_H
#define ATTN_SCRATCH_H

#include <stddef.h>

// At least `bytes` bytes at a 64-byte boundary, the calling thread's until it asks again. What was
// in them is lost. NULL when the memory cannot be had: then the kernel is cancelled, writes nothing more and
// returns, and its caller in Swift throws.
void *attn_scratch(size_t bytes);
// The same without cancelling anything, for a kernel that can do without.
void *attn_try_scratch(size_t bytes);

#endif
