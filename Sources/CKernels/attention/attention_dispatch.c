// Attention: cutting blocks, queries and keys for the threads. The kernels are in attention_kernels.h.
#include "attention.h"

#include <math.h>
#include <stdlib.h>

#include "machine/isa.h"
#include "machine/machine.h"
#include "machine/pool.h"

ATTN_DECLARE(void, attn_attention_find_rows, const attn_attention_operands *p, int64_t block,
             attn_attention_row *rows);
#define DECLARE_FOR(T)                                                                              \
  ATTN_DECLARE(void, attn_attention_rows_##T, const attn_attention_operands *p,                    \
               const attn_attention_row *kept, int64_t block, int64_t i0, int64_t i1,               \
               attn_row_blocks y, void *largest, void *sums);                                       \
  ATTN_DECLARE(attn_attention_state *, attn_attention_state_##T, const attn_attention_operands *p, \
               const attn_attention_row *kept, int64_t block);                                      \
  ATTN_DECLARE(void, attn_attention_run_##T, const attn_attention_operands *p,                     \
               const attn_attention_gradients *g, attn_attention_state *state,                      \
               attn_attention_phase phase, int64_t first, int64_t end);
DECLARE_FOR(f32)
DECLARE_FOR(f64)

// The kernel for the operands' type.
#define PICK(p, name) ((p)->dtype == ATTN_F64 ? ATTN_PICK(name##_f64) : ATTN_PICK(name##_f32))

enum {
  LEAST_ROWS = 2 * ATTN_ATTENTION_ROWS,  // of a chunk: every chunk packs all keys and values
  KEY_GRAIN = 32,                        // a multiple of every tile's columns
  ROW_GRAIN = 24,                        // a multiple of every tile's rows
  FMAS_PER_NS = 32,
};

// Roughly the nanoseconds of `products` products of queries and keys.
static int64_t work(const attn_attention_operands *p, int64_t batch, int64_t products) {
  double total = (double)batch * (double)p->t * (double)p->s * (double)(p->d + p->e) / 2;
  total *= (double)products / (p->dtype == ATTN_F64 ? FMAS_PER_NS / 2 : FMAS_PER_NS);
  return total < 1e15 ? (int64_t)total : (int64_t)1e15;
}

// A division by a power of two is a multiplication by its inverse, to the bit.
static attn_attention_operands simplified(const attn_attention_operands *operands) {
  attn_attention_operands p = *operands;
  int exponent;
  if (p.divides && frexp(p.scale, &exponent) == 0.5 && exponent > -100 && exponent < 100) {
    p.divides = false;
    p.scale = 1 / p.scale;
  }
  return p;
}

// What the rows of every block keep, where all blocks keep the same; else, and where memory is short,
// NULL. The caller frees it.
static attn_attention_row *shared_rows(const attn_attention_operands *p) {
  if (p->keep == NULL || p->batch < 2 || p->keep_rows != p->t) return NULL;
  for (int64_t block = 1; block < p->batch; block++)
    if (p->keep_offsets[block] != p->keep_offsets[0]) return NULL;
  attn_attention_row *rows = calloc((size_t)p->t, sizeof *rows);
  if (rows != NULL) ATTN_PICK(attn_attention_find_rows)(p, 0, rows);
  return rows;
}

// MARK: Forward

typedef struct {
  attn_attention_operands p;
  const attn_attention_row *kept;
  attn_row_blocks y;
  void *largest, *sums;
  int64_t row_tasks;
} forward_job;

static void forward_task(void *context, int64_t task) {
  forward_job *j = context;
  // The last rows first: where keys come before queries they have the most to do.
  int64_t row_task = j->row_tasks - 1 - task % j->row_tasks;
  int64_t i0 = attn_task_start(j->p.t, j->row_tasks, row_task, ATTN_ATTENTION_ROWS);
  int64_t i1 = attn_task_start(j->p.t, j->row_tasks, row_task + 1, ATTN_ATTENTION_ROWS);
  if (i0 < i1)
    PICK(&j->p, attn_attention_rows)(&j->p, j->kept, task / j->row_tasks, i0, i1, j->y, j->largest,
                                     j->sums);
}

void attn_attention(const attn_attention_operands *operands, attn_row_blocks y, void *largest,
                    void *sums) {
  forward_job j = {.p = simplified(operands), .y = y, .largest = largest, .sums = sums,
                   .row_tasks = 1};
  int64_t batch = j.p.batch, threads = attn_thread_count();
  attn_attention_row *kept = shared_rows(operands);
  j.kept = kept;
  if (attn_tasks(work(&j.p, batch, 2), INT64_MAX) <= 1) {
    for (int64_t block = 0; block < batch; block++) forward_task(&j, block);
  } else {
    // More chunks than blocks where the blocks don't divide among the threads.
    if (batch % threads != 0 && batch < 4 * threads) {
      j.row_tasks = (4 * threads + batch - 1) / batch;
      int64_t most = (j.p.t + LEAST_ROWS - 1) / LEAST_ROWS;
      if (j.row_tasks > most) j.row_tasks = most > 0 ? most : 1;
    }
    attn_parallel(batch * j.row_tasks, forward_task, &j);
  }
  free(kept);
}

// MARK: Backward

typedef struct {
  attn_attention_operands p;
  const attn_attention_row *kept;
  const attn_attention_gradients *g;
  // Where the threads share a block: the phase, and the range that they split between them.
  attn_attention_state *state;
  attn_attention_phase phase;
  int64_t first, end, grain, tasks;
} backward_job;

static void phase_task(void *context, int64_t task) {
  backward_job *j = context;
  int64_t count = j->end - j->first;
  int64_t from = j->first + attn_task_start(count, j->tasks, task, j->grain);
  int64_t to = j->first + attn_task_start(count, j->tasks, task + 1, j->grain);
  if (from < to) PICK(&j->p, attn_attention_run)(&j->p, j->g, j->state, j->phase, from, to);
}

static void phase(backward_job *j, attn_attention_phase phase, int64_t first, int64_t end,
                  int64_t grain, int64_t threads) {
  if (first >= end) return;
  j->phase = phase;
  j->first = first;
  j->end = end;
  j->grain = grain;
  j->tasks = threads;
  if (threads > 1) attn_parallel(j->tasks, phase_task, j);
  else PICK(&j->p, attn_attention_run)(&j->p, j->g, j->state, phase, first, end);
}

// One block by `threads` threads: strips in order, the keys or the rows of each divided.
static void backward_block(backward_job *j, int64_t block, int64_t threads) {
  const attn_attention_operands *p = &j->p;
  j->state = PICK(p, attn_attention_state)(p, j->kept, block);
  if (j->state == NULL) return;
  phase(j, ATTN_ATTENTION_PACK, 0, p->s, KEY_GRAIN, threads);
  for (int64_t i = 0; i < p->t && !attn_should_stop(); i += ATTN_ATTENTION_ROWS) {
    int64_t end = i + ATTN_ATTENTION_ROWS < p->t ? i + ATTN_ATTENTION_ROWS : p->t;
    phase(j, ATTN_ATTENTION_STRIP, i, end, 1, 1);
    attn_attention_strip *strip = &j->state->strip;
    // A grain more of keys, for the tiles that stick out.
    int64_t low = strip->low / KEY_GRAIN * KEY_GRAIN - KEY_GRAIN, high = strip->high + KEY_GRAIN;
    if (low < 0) low = 0;
    if (high > p->s) high = p->s;
    phase(j, ATTN_ATTENTION_WEIGHTS, low, high, KEY_GRAIN, threads);
    phase(j, ATTN_ATTENTION_QUERIES, 0, end - i, ROW_GRAIN, threads);
    if (j->state->touched > high) high = j->state->touched;
    phase(j, ATTN_ATTENTION_KEYS, 0, high, KEY_GRAIN, threads);
    if (strip->high > j->state->touched) j->state->touched = strip->high;
  }
}

static void backward_task(void *context, int64_t task) {
  backward_job job = *(backward_job *)context;
  backward_block(&job, task, 1);
}

void attn_attention_backward(const attn_attention_operands *operands,
                             const attn_attention_gradients *gradients) {
  attn_attention_row *kept = shared_rows(operands);
  backward_job j = {.p = simplified(operands), .kept = kept, .g = gradients};
  int64_t batch = j.p.batch, threads = attn_thread_count();
  int64_t whole = attn_tasks(work(&j.p, batch, 5), INT64_MAX) > 1 ? batch : 0;
  // Blocks left over, too few for the threads, are shared one by one if they are large.
  if (whole > 0 && batch < 4 * threads && work(&j.p, 1, 5) > 100000) whole -= batch % threads;
  attn_parallel(whole, backward_task, &j);
  for (int64_t block = whole; block < batch; block++)
    backward_block(&j, block, attn_tasks(work(&j.p, batch, 5), INT64_MAX) > 1 ? threads : 1);
  free(kept);
}
