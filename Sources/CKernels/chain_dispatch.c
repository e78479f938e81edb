// attn_chain: several elementwise operations in one pass, a block that stays in the first cache at a
// time. Every element goes through the same runs as alone, so the bits are those of one after the other.
#include <string.h>

#include "elementwise.h"
#include "include/CKernels.h"
#include "pool.h"
#include "scratch.h"

enum { BLOCK_BYTES = 8192, MOST_SLOTS = 64 };

typedef struct {
  attn_dtype dtype;
  int64_t n, size, block, parts;
  int32_t slot_count, step_count;
  const attn_chain_slot *slots;
  const attn_chain_step *steps;
} chain_job;

// The elements of a slot from `first` on, which for rows that repeat are written out beside.
static char *begin(const chain_job *j, const attn_chain_slot *slot, int64_t first, int64_t n,
                   char *beside) {
  if (slot->pointer == NULL) return beside;
  if (slot->period == 1) return slot->pointer;
  if (slot->period == j->n) return (char *)slot->pointer + first * j->size;
  for (int64_t done = 0, at = first % slot->period; done < n; at = 0) {
    int64_t run = slot->period - at < n - done ? slot->period - at : n - done;
    memcpy(beside + done * j->size, (char *)slot->pointer + at * j->size, (size_t)(run * j->size));
    done += run;
  }
  return beside;
}

static void run_part(void *context, int64_t part) {
  const chain_job *j = context;
  char *space = attn_scratch((size_t)j->slot_count * BLOCK_BYTES);
  int64_t end = attn_piece_start(j->n, j->parts, part + 1, j->block);
  for (int64_t first = attn_piece_start(j->n, j->parts, part, j->block); first < end;
       first += j->block) {
    int64_t n = end - first < j->block ? end - first : j->block;
    char *at[MOST_SLOTS];
    for (int32_t s = 0; s < j->slot_count; s++)
      at[s] = begin(j, &j->slots[s], first, n, space + (int64_t)s * BLOCK_BYTES);
    for (int32_t s = 0; s < j->step_count; s++) {
      const attn_chain_step *step = &j->steps[s];
      if (step->b < 0)
        ATTN_PICK(attn_unary_run)((attn_unary_op)step->op, j->dtype, n, at[step->a], at[step->y]);
      else
        ATTN_PICK(attn_binary_run)((attn_binary_op)step->op, j->dtype, n, at[step->a],
                                   j->slots[step->a].period != 1 || j->n == 1, at[step->b],
                                   j->slots[step->b].period != 1 || j->n == 1, at[step->y]);
    }
  }
}

void attn_chain(attn_dtype dtype, int64_t n, int32_t slot_count, const attn_chain_slot *slots,
                int32_t step_count, const attn_chain_step *steps) {
  int64_t size = dtype == ATTN_F64 ? 8 : 4;
  chain_job job = {.dtype = dtype, .n = n, .size = size, .block = BLOCK_BYTES / size,
                   .slot_count = slot_count, .step_count = step_count, .slots = slots, .steps = steps};
  // A step costs about a nanosecond for four elements; functions more, which is worth more threads.
  job.parts = attn_pieces(n * step_count / 4, (n + job.block - 1) / job.block);
  attn_parallel(job.parts, run_part, &job);
}
