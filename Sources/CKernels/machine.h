// Requests to stop, for the kernels.
#ifndef ATTN_MACHINE_H
#define ATTN_MACHINE_H

#include <stdatomic.h>
#include <stdbool.h>

// Whether to give up: looked at every few milliseconds of a long kernel.
extern _Atomic bool attn_stop_flag;
static inline bool attn_should_stop(void) {
  return atomic_load_explicit(&attn_stop_flag, memory_order_relaxed);
}

#endif
