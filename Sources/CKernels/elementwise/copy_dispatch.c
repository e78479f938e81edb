// Copies between layouts, fills and ranges: what moves or makes elements without computing with them.
#include "elementwise.h"

#include <string.h>

#include "index_space.h"
#include "machine/machine.h"
#include "machine/pool.h"
#include "machine/stream.h"

enum {
  SHORTEST_STREAM = 512,    // bytes of a row from which streaming stores pay
  LONGEST_RUN = 1 << 18,    // elements copied between two checks for cancellation
  LONGEST_STRIP = 1 << 14,  // rows of 64 elements, likewise
};

// MARK: Copies

typedef struct {
  space s;  // operands x and y
  int32_t item_size;
  bool transposes;  // the last two axes: y contiguous along the last, x along the one before
  bool is_one_run;  // which may be cut anywhere
  int64_t tasks;
  const void *x;
  void *y;
} copy_job;

// Whether a copy of rows of `length` elements uses streaming stores: for many contiguous elements.
static bool streams(const copy_job *job, int64_t length) {
  const space *s = &job->s;
  int32_t last = s->rank - 1;
  return attn_streams(s->count * job->item_size) && length * job->item_size >= SHORTEST_STREAM &&
         s->strides[0][last] == 1 && s->strides[1][last] == 1;
}

// Elements start..<end of a row, from offsets x and y.
static void copy_chunk(const copy_job *job, bool streams, int64_t x, int64_t y, int64_t start,
                         int64_t end) {
  int32_t last = job->s.rank - 1, size = job->item_size;
  int64_t x_stride = job->s.strides[0][last], y_stride = job->s.strides[1][last];
  const void *from = at(job->x, x + start * x_stride, size);
  void *to = (void *)at(job->y, y + start * y_stride, size);
  if (streams) attn_stream(to, from, (size_t)((end - start) * size));
  else copy_run(size, end - start, from, x_stride, to, y_stride);
}

static void copy_rows(const copy_job *job, int64_t first, int64_t end) {
  const space *s = &job->s;
  int64_t row = s->shape[s->rank - 1];
  bool past = streams(job, row);
  position p;
  seek(s, first * row, &p);
  for (int64_t i = first; i < end; i++) {
    for (ATTN_CHECKED_CHUNKS(start, stop, row, LONGEST_RUN))
      copy_chunk(job, past, p.offset[0], p.offset[1], start, stop);
    advance(s, &p, row);
  }
  if (past) attn_stream_end();
}

// A strip of the last axis of one matrix, so that threads can split a single matrix too.
static void copy_strip(copy_job *job, int64_t matrix, int64_t first, int64_t end) {
  space *s = &job->s;
  int32_t last = s->rank - 1, size = job->item_size;
  position p;
  seek(s, matrix * s->shape[last - 1] * s->shape[last] + first, &p);
  int64_t y_stride = s->strides[1][last - 1];
  for (ATTN_CHECKED_CHUNKS(from, to, s->shape[last - 1], LONGEST_STRIP))
    ATTN_PICK(attn_transpose_run)(size, end - first, to - from,
                                  at(job->x, p.offset[0] + from, size), s->strides[0][last],
                                  (void *)at(job->y, p.offset[1] + from * y_stride, size), y_stride);
}

static void copy_task(void *context, int64_t task) {
  copy_job *job = context;
  space *s = &job->s;
  int64_t row = s->shape[s->rank - 1];
  if (job->is_one_run) {
    bool past = streams(job, row);
    copy_chunk(job, past, 0, 0, attn_task_start(row, job->tasks, task, 64),
                 attn_task_start(row, job->tasks, task + 1, 64));
    if (past) attn_stream_end();
    return;
  }
  if (!job->transposes) {
    int64_t rows = s->count / row;
    copy_rows(job, attn_task_start(rows, job->tasks, task, 1),
              attn_task_start(rows, job->tasks, task + 1, 1));
    return;
  }
  // Strips of all matrices, numbered in a row: 64 rows of x each.
  int64_t strips = (row + 63) / 64, all = s->count / row / s->shape[s->rank - 2] * strips;
  int64_t end = attn_task_start(all, job->tasks, task + 1, 1);
  for (int64_t i = attn_task_start(all, job->tasks, task, 1); i < end; i++) {
    int64_t first = i % strips * 64, next = first + 64 < row ? first + 64 : row;
    copy_strip(job, i / strips, first, next);
  }
}

static int64_t size_of_stride(int64_t stride) { return stride < 0 ? -stride : stride; }

void attn_copy(int32_t item_size, int32_t rank, const int64_t *shape, const int64_t *x_strides,
               const void *x, const int64_t *y_strides, void *y) {
  // The order of axes is free: put y's greatest stride first. Then neighbours in y are neighbours
  // in the loop, and axes merge whatever order the caller has them in.
  int64_t ordered_shape[MOST_AXES], ordered_x[MOST_AXES], ordered_y[MOST_AXES];
  for (int32_t axis = 0; axis < rank; axis++) {
    int32_t to = axis;
    while (to > 0 && size_of_stride(ordered_y[to - 1]) < size_of_stride(y_strides[axis])) {
      ordered_shape[to] = ordered_shape[to - 1];
      ordered_x[to] = ordered_x[to - 1];
      ordered_y[to] = ordered_y[to - 1];
      to--;
    }
    ordered_shape[to] = shape[axis];
    ordered_x[to] = x_strides[axis];
    ordered_y[to] = y_strides[axis];
  }
  const int64_t *strides[] = {ordered_x, ordered_y};
  copy_job job = {.item_size = item_size, .x = x, .y = y};
  space *s = &job.s;
  collapse(s, rank, ordered_shape, 2, strides);
  if (s->count == 0) return;

  int32_t last = s->rank - 1;
  if (s->strides[1][last] == 1 && size_of_stride(s->strides[0][last]) > 1) {
    // Where x is contiguous along another axis, that one comes next to the last.
    for (int32_t axis = 0; axis < last; axis++) {
      if (s->strides[0][axis] != 1) continue;
      job.transposes = true;
      int64_t length = s->shape[axis], y_stride = s->strides[1][axis];
      for (int32_t i = axis; i < last - 1; i++) {
        s->shape[i] = s->shape[i + 1];
        for (int32_t k = 0; k < 2; k++) s->strides[k][i] = s->strides[k][i + 1];
      }
      s->shape[last - 1] = length;
      s->strides[0][last - 1] = 1;
      s->strides[1][last - 1] = y_stride;
      break;
    }
  }
  job.is_one_run = s->rank == 1 && s->strides[0][0] == 1 && s->strides[1][0] == 1;
  int64_t tasks = job.is_one_run ? (s->count + 63) / 64 : s->count / s->shape[s->rank - 1];
  if (job.transposes) tasks = tasks / s->shape[s->rank - 2] * ((s->shape[s->rank - 1] + 63) / 64);
  job.tasks = attn_tasks(s->count / (job.transposes ? 2 : 4), tasks);
  if (job.tasks == 1) copy_task(&job, 0);
  else attn_parallel(job.tasks, copy_task, &job);
}

// MARK: Fills

typedef struct {
  int32_t item_size;
  int64_t n, tasks, start, step;
  uint64_t value;
  void *y;
} fill_job;

static void fill_task(void *context, int64_t task) {
  const fill_job *j = context;
  int64_t first = attn_task_start(j->n, j->tasks, task, 64);
  int64_t end = attn_task_start(j->n, j->tasks, task + 1, 64);
#define FILL_AS(E)                                                  \
  do {                                                              \
    E v;                                                            \
    memcpy(&v, &j->value, sizeof v);                                \
    for (int64_t i = first; i < end; i++) ((E *)j->y)[i] = v;       \
    return;                                                         \
  } while (0)
  switch (j->item_size) {
    case 1: FILL_AS(uint8_t);
    case 4: FILL_AS(uint32_t);
    case 8: FILL_AS(uint64_t);
  }
}

void attn_fill(int32_t item_size, int64_t n, const void *value, void *y) {
  fill_job j = {.item_size = item_size, .n = n, .y = y};
  memcpy(&j.value, value, (size_t)item_size);
  j.tasks = attn_tasks(n / 8 * item_size, (n + 63) / 64);
  if (j.tasks == 1) fill_task(&j, 0);
  else attn_parallel(j.tasks, fill_task, &j);
}

static void range_task(void *context, int64_t task) {
  const fill_job *j = context;
  int64_t end = attn_task_start(j->n, j->tasks, task + 1, 64);
  for (int64_t i = attn_task_start(j->n, j->tasks, task, 64); i < end; i++)
    ((int64_t *)j->y)[i] = (int64_t)((uint64_t)j->start + (uint64_t)i * (uint64_t)j->step);
}

void attn_range(int64_t n, int64_t start, int64_t step, int64_t *y) {
  fill_job j = {.n = n, .start = start, .step = step, .y = y};
  j.tasks = attn_tasks(n, (n + 63) / 64);
  if (j.tasks == 1) range_task(&j, 0);
  else attn_parallel(j.tasks, range_task, &j);
}
