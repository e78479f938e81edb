// attn_chain and attn_chain_reduce: several elementwise operations in one pass, a block that stays in the
// first cache at a time. Every element goes through the same runs as alone, so the bits are those of one
// after the other.
#include <string.h>

#include "elementwise.h"
#include "CKernels.h"
#include "machine/pool.h"
#include "machine/scratch.h"
#include "vector/chunk.h"

#define DECLARE(F, E)                                                                              \
  ATTN_DECLARE(void, attn_reduce_rows_##F, attn_reduce_op op, attn_order order, int64_t rows,      \
               int64_t n, const E *x, E *y);                                                       \
  ATTN_DECLARE(void, attn_join_chunks_##F, attn_reduce_op op, int64_t chunks, const E *results,    \
               E *y);

DECLARE(f32, float)
DECLARE(f64, double)

enum {
  BLOCK_BYTES = 8192,
  MOST_SLOTS = 64,
};

typedef struct {
  attn_dtype dtype;
  int64_t n, size, block, tasks;
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

// Runs the steps over elements first..<first + n. at[s] is where those of slot s are.
static void run_block(const chain_job *j, int64_t first, int64_t n, char *space, char *at[MOST_SLOTS]) {
  for (int32_t s = 0; s < j->slot_count; s++)
    at[s] = begin(j, &j->slots[s], first, n, space + s * j->block * j->size);
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

static void run_task(void *context, int64_t task) {
  const chain_job *j = context;
  char *space = attn_scratch((size_t)(j->slot_count * j->block * j->size)), *at[MOST_SLOTS];
  if (space == NULL) return;
  int64_t end = attn_task_start(j->n, j->tasks, task + 1, j->block);
  for (int64_t first = attn_task_start(j->n, j->tasks, task, j->block); first < end; first += j->block)
    run_block(j, first, end - first < j->block ? end - first : j->block, space, at);
}

void attn_chain(attn_dtype dtype, int64_t n, int32_t slot_count, const attn_chain_slot *slots,
                int32_t step_count, const attn_chain_step *steps) {
  int64_t size = dtype == ATTN_F64 ? 8 : 4;
  chain_job job = {.dtype = dtype, .n = n, .size = size, .block = BLOCK_BYTES / size,
                   .slot_count = slot_count, .step_count = step_count, .slots = slots, .steps = steps};
  // A step costs about a nanosecond for four elements; functions more, which is worth more threads.
  job.tasks = attn_tasks(n * step_count / 4, (n + job.block - 1) / job.block);
  attn_parallel(job.tasks, run_task, &job);
}

// MARK: A reduction at the end

// Rows of at most a chunk are reduced several to a block; of a longer row, each chunk is a block.
typedef struct {
  chain_job chain;
  attn_reduce_op op;
  int64_t row, chunks, blocks, tasks;
  void *results;
} reduce_job;

static void reduce_task(void *context, int64_t task) {
  const reduce_job *job = context;
  const chain_job *j = &job->chain;
  char *space = attn_scratch((size_t)(j->slot_count * j->block * j->size)), *at[MOST_SLOTS];
  if (space == NULL) return;
  int64_t end = attn_task_start(job->blocks, job->tasks, task + 1, 1);
  for (int64_t b = attn_task_start(job->blocks, job->tasks, task, 1); b < end; b++) {
    int64_t first = b * j->block, n = j->n - first < j->block ? j->n - first : j->block, rows = 1;
    if (job->chunks > 1) {
      int64_t start = b % job->chunks * ATTN_CHUNK;
      first = b / job->chunks * job->row + start;
      n = job->row - start < ATTN_CHUNK ? job->row - start : ATTN_CHUNK;
    } else {
      rows = n / job->row;
    }
    run_block(j, first, n, space, at);
    char *from = at[j->steps[j->step_count - 1].y];
    int64_t to = job->chunks > 1 ? b : first / job->row;
    if (j->dtype == ATTN_F32)
      ATTN_PICK(attn_reduce_rows_f32)(job->op, ATTN_LANES, rows, n / rows, (const float *)from,
                                      (float *)job->results + to);
    else
      ATTN_PICK(attn_reduce_rows_f64)(job->op, ATTN_LANES, rows, n / rows, (const double *)from,
                                      (double *)job->results + to);
  }
}

int64_t attn_chain_room(int64_t rows, int64_t n) { return n > ATTN_CHUNK ? rows * ((n + ATTN_CHUNK - 1) / ATTN_CHUNK) : 0; }

void attn_chain_reduce(attn_reduce_op op, attn_dtype dtype, int64_t rows, int64_t n, int32_t slot_count,
                       const attn_chain_slot *slots, int32_t step_count, const attn_chain_step *steps,
                       void *room, void *y) {
  int64_t size = dtype == ATTN_F64 ? 8 : 4, chunks = (n + ATTN_CHUNK - 1) / ATTN_CHUNK;
  reduce_job job = {.chain = {.dtype = dtype, .n = rows * n, .size = size,
                              .block = chunks > 1 ? ATTN_CHUNK : BLOCK_BYTES / size / n * n,
                              .slot_count = slot_count, .step_count = step_count, .slots = slots,
                              .steps = steps},
                    .op = op, .row = n, .chunks = chunks, .results = chunks > 1 ? room : y};
  if (job.chain.block == 0) job.chain.block = n;
  job.blocks = chunks > 1 ? rows * chunks : (rows * n + job.chain.block - 1) / job.chain.block;
  job.tasks = attn_tasks(rows * n * (step_count + 1) / 4, job.blocks);
  attn_parallel(job.tasks, reduce_task, &job);
  for (int64_t r = 0; r < rows && chunks > 1; r++) {
    if (dtype == ATTN_F32)
      ATTN_PICK(attn_join_chunks_f32)(op, chunks, (const float *)room + r * chunks, (float *)y + r);
    else
      ATTN_PICK(attn_join_chunks_f64)(op, chunks, (const double *)room + r * chunks, (double *)y + r);
  }
}
