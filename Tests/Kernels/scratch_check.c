// Working memory that can't be had: it is noted, told once, and the next that can be had is given.
#include <stdio.h>

#include "CKernels.h"
#include "machine/scratch.h"

#define HOLDS(condition)                              \
  do {                                                \
    if (!(condition)) {                               \
      printf("%s does not hold\n", #condition);       \
      return 1;                                       \
    }                                                 \
  } while (0)

int main(void) {
  HOLDS(!attn_must_look());
  HOLDS(attn_scratch((size_t)1 << 52) == NULL);
  HOLDS(attn_must_look());
  HOLDS(!attn_is_stop_requested());
  HOLDS(attn_take_no_memory());
  HOLDS(!attn_take_no_memory());
  HOLDS(!attn_must_look());
  HOLDS(attn_scratch(4096) != NULL);
  printf("a lack of memory is told\n");
  return 0;
}
