// What the machine has, for the pool.
#ifndef ATTN_MACHINE_H
#define ATTN_MACHINE_H

#include <stdint.h>

// The cores that this process may run on.
int32_t attn_core_count(void);

#endif
