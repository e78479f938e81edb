// What the machine has, for the pool.
#ifndef ATTN_MACHINE_H
#define ATTN_MACHINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// The cores that this process may run on.
int32_t attn_core_count(void);

// Whether to give up: looked at every few milliseconds of a long kernel.
extern _Atomic bool attn_stop_flag;
static inline bool attn_should_stop(void) {
  return atomic_load_explicit(&attn_stop_flag, memory_order_relaxed);
}

#endif
