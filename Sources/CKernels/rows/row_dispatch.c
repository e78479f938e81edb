// Softmax, norms, cross-entropy and AdamW: cutting rows and columns for the threads. The kernels are
// in row_kernels.h.
#include <stdbool.h>

#include "CKernels.h"
#include "machine/isa.h"
#include "machine/machine.h"
#include "machine/pool.h"
#include "machine/stream.h"

#define DECLARE(F, E)                                                                              \
  ATTN_DECLARE(void, attn_softmax_##F, bool log, int64_t r0, int64_t r1, int64_t n, const E *x,    \
               const uint8_t *keep, const int64_t *keep_offsets, int32_t keep_stride, E *y);       \
  ATTN_DECLARE(void, attn_softmax_backward_##F, bool log, int64_t r0, int64_t r1, int64_t n,       \
               const E *y, const E *dy, E *dx);                                                    \
  ATTN_DECLARE(void, attn_layer_norm_##F, bool rms, int64_t r0, int64_t r1, int64_t n,             \
               double epsilon, const E *x, const E *weight, const E *bias, E *y, E *mean,          \
               E *rstd);                                                                           \
  ATTN_DECLARE(void, attn_layer_norm_backward_##F, bool rms, int64_t r0, int64_t r1, int64_t n,    \
               const E *x, const E *weight, const E *mean, const E *rstd, const E *dy, E *dx);     \
  ATTN_DECLARE(void, attn_layer_norm_sums_##F, bool rms, int64_t rows, int64_t n, int64_t j0,      \
               int64_t j1, const E *x, const E *mean, const E *rstd, const E *dy, E *dweight,      \
               E *dbias);                                                                          \
  ATTN_DECLARE(void, attn_cross_entropy_##F, int64_t r0, int64_t r1, int64_t n, const E *x,        \
               const int64_t *targets, int64_t ignore, double smoothing, E *losses, E *lse);       \
  ATTN_DECLARE(void, attn_cross_entropy_backward_##F, int64_t r0, int64_t r1, int64_t n,           \
               const E *x, const int64_t *targets, int64_t ignore, double smoothing,               \
               const E *lse, const E *scale, int64_t scale_stride, E *dx);                         \
  ATTN_DECLARE(void, attn_adamw_##F, int64_t n, const E *p, const E *g, const E *m, const E *v,    \
               double lr, double b1, double b2, double epsilon, double decay, double c1,           \
               double c2, double gradient_scale, bool streams, E *p_out, E *m_out, E *v_out);
DECLARE(f32, float)
DECLARE(f64, double)

enum {
  // Elements that one thread computes in a nanosecond, roughly.
  EXPONENTIALS_PER_NS = 1,
  SIMPLE_PER_NS = 3,
  COLUMN_GRAIN = 64,
};

// MARK: Softmax

typedef struct {
  attn_dtype dtype;
  bool log;
  int64_t rows, n, tasks;
  const void *x, *dy;
  const uint8_t *keep;
  const int64_t *keep_offsets;
  int32_t keep_stride;
  void *y;
} softmax_job;

static void softmax_task(void *context, int64_t task) {
  softmax_job *j = context;
  int64_t r0 = attn_task_start(j->rows, j->tasks, task, 1);
  int64_t r1 = attn_task_start(j->rows, j->tasks, task + 1, 1);
  if (j->dtype == ATTN_F32)
    ATTN_PICK(attn_softmax_f32)(j->log, r0, r1, j->n, j->x, j->keep, j->keep_offsets,
                                j->keep_stride, j->y);
  else
    ATTN_PICK(attn_softmax_f64)(j->log, r0, r1, j->n, j->x, j->keep, j->keep_offsets,
                                j->keep_stride, j->y);
}

void attn_softmax(attn_dtype dtype, bool log, int64_t rows, int64_t n, const void *x,
                  const uint8_t *keep, const int64_t *keep_offsets, int32_t keep_stride, void *y) {
  softmax_job j = {.dtype = dtype, .log = log, .rows = rows, .n = n, .x = x, .keep = keep,
                   .keep_offsets = keep_offsets, .keep_stride = keep_stride, .y = y,
                   .tasks = attn_tasks(rows * n / EXPONENTIALS_PER_NS, rows)};
  attn_parallel(j.tasks, softmax_task, &j);
}

static void softmax_backward_task(void *context, int64_t task) {
  softmax_job *j = context;
  int64_t r0 = attn_task_start(j->rows, j->tasks, task, 1);
  int64_t r1 = attn_task_start(j->rows, j->tasks, task + 1, 1);
  if (j->dtype == ATTN_F32)
    ATTN_PICK(attn_softmax_backward_f32)(j->log, r0, r1, j->n, j->x, j->dy, j->y);
  else
    ATTN_PICK(attn_softmax_backward_f64)(j->log, r0, r1, j->n, j->x, j->dy, j->y);
}

void attn_softmax_backward(attn_dtype dtype, bool log, int64_t rows, int64_t n, const void *y,
                           const void *dy, void *dx) {
  softmax_job j = {.dtype = dtype, .log = log, .rows = rows, .n = n, .x = y, .dy = dy, .y = dx,
                   .tasks = attn_tasks(
                       rows * n / (log ? EXPONENTIALS_PER_NS : SIMPLE_PER_NS), rows)};
  attn_parallel(j.tasks, softmax_backward_task, &j);
}

// MARK: Layer norm

typedef struct {
  attn_dtype dtype;
  bool rms;
  int64_t rows, n, row_tasks, column_tasks;
  double epsilon;
  const void *x, *weight, *bias, *mean, *rstd, *dy;
  void *y, *mean_out, *rstd_out, *dweight, *dbias;
} norm_job;

static void norm_task(void *context, int64_t task) {
  norm_job *j = context;
  int64_t r0 = attn_task_start(j->rows, j->row_tasks, task, 1);
  int64_t r1 = attn_task_start(j->rows, j->row_tasks, task + 1, 1);
  if (j->dtype == ATTN_F32)
    ATTN_PICK(attn_layer_norm_f32)(j->rms, r0, r1, j->n, j->epsilon, j->x, j->weight, j->bias,
                                   j->y, j->mean_out, j->rstd_out);
  else
    ATTN_PICK(attn_layer_norm_f64)(j->rms, r0, r1, j->n, j->epsilon, j->x, j->weight, j->bias,
                                   j->y, j->mean_out, j->rstd_out);
}

void attn_layer_norm(attn_dtype dtype, bool rms, int64_t rows, int64_t n, double epsilon,
                     const void *x, const void *weight, const void *bias, void *y, void *mean,
                     void *rstd) {
  norm_job j = {.dtype = dtype, .rms = rms, .rows = rows, .n = n, .epsilon = epsilon, .x = x,
                .weight = weight, .bias = bias, .y = y, .mean_out = mean, .rstd_out = rstd,
                .row_tasks = attn_tasks(rows * n / SIMPLE_PER_NS, rows)};
  attn_parallel(j.row_tasks, norm_task, &j);
}

// The first row_tasks tasks are rows of dx, the rest columns of dweight and dbias.
static void norm_backward_task(void *context, int64_t task) {
  norm_job *j = context;
  if (task < j->row_tasks) {
    int64_t r0 = attn_task_start(j->rows, j->row_tasks, task, 1);
    int64_t r1 = attn_task_start(j->rows, j->row_tasks, task + 1, 1);
    if (j->dtype == ATTN_F32)
      ATTN_PICK(attn_layer_norm_backward_f32)(j->rms, r0, r1, j->n, j->x, j->weight, j->mean,
                                              j->rstd, j->dy, j->y);
    else
      ATTN_PICK(attn_layer_norm_backward_f64)(j->rms, r0, r1, j->n, j->x, j->weight, j->mean,
                                              j->rstd, j->dy, j->y);
    return;
  }
  task -= j->row_tasks;
  int64_t j0 = attn_task_start(j->n, j->column_tasks, task, COLUMN_GRAIN);
  int64_t j1 = attn_task_start(j->n, j->column_tasks, task + 1, COLUMN_GRAIN);
  if (j->dtype == ATTN_F32)
    ATTN_PICK(attn_layer_norm_sums_f32)(j->rms, j->rows, j->n, j0, j1, j->x, j->mean, j->rstd,
                                        j->dy, j->dweight, j->dbias);
  else
    ATTN_PICK(attn_layer_norm_sums_f64)(j->rms, j->rows, j->n, j0, j1, j->x, j->mean, j->rstd,
                                        j->dy, j->dweight, j->dbias);
}

void attn_layer_norm_backward(attn_dtype dtype, bool rms, int64_t rows, int64_t n, const void *x,
                              const void *weight, const void *mean, const void *rstd,
                              const void *dy, void *dx, void *dweight, void *dbias) {
  norm_job j = {.dtype = dtype, .rms = rms, .rows = rows, .n = n, .x = x, .weight = weight,
                .mean = mean, .rstd = rstd, .dy = dy, .y = dx, .dweight = dweight,
                .dbias = dbias};
  int64_t tasks = attn_tasks(rows * n / SIMPLE_PER_NS, INT64_MAX);
  if (dx != NULL && rows > 0) j.row_tasks = tasks < rows ? tasks : rows;
  if ((dweight != NULL || dbias != NULL) && n > 0) {
    int64_t most = (n + COLUMN_GRAIN - 1) / COLUMN_GRAIN;
    j.column_tasks = tasks < most ? tasks : most;
  }
  attn_parallel(j.row_tasks + j.column_tasks, norm_backward_task, &j);
}

// MARK: Cross-entropy

typedef struct {
  attn_dtype dtype;
  int64_t rows, n, tasks;
  const void *x, *lse, *scale;
  const int64_t *targets;
  int64_t ignore, scale_stride;
  double smoothing;
  void *losses, *lse_out, *dx;
} loss_job;

static void loss_task(void *context, int64_t task) {
  loss_job *j = context;
  int64_t r0 = attn_task_start(j->rows, j->tasks, task, 1);
  int64_t r1 = attn_task_start(j->rows, j->tasks, task + 1, 1);
  if (j->dtype == ATTN_F32)
    ATTN_PICK(attn_cross_entropy_f32)(r0, r1, j->n, j->x, j->targets, j->ignore, j->smoothing,
                                      j->losses, j->lse_out);
  else
    ATTN_PICK(attn_cross_entropy_f64)(r0, r1, j->n, j->x, j->targets, j->ignore, j->smoothing,
                                      j->losses, j->lse_out);
}

attn_status attn_cross_entropy(attn_dtype dtype, int64_t rows, int64_t n, const void *x,
                               const int64_t *targets, int64_t ignore, double smoothing,
                               void *losses, void *lse, int64_t *position) {
  int64_t checked = 0;
  for (ATTN_CHECKED_CHUNKS(start, end, rows, ATTN_CHECKED_CHUNK)) {
    for (int64_t r = start; r < end; r++)
      if (targets[r] != ignore && (targets[r] < 0 || targets[r] >= n)) {
        *position = r;
        return ATTN_OUT_OF_RANGE;
      }
    checked = end;
  }
  if (checked < rows) return ATTN_OK;  // cancelled
  loss_job j = {.dtype = dtype, .rows = rows, .n = n, .x = x, .targets = targets,
                .ignore = ignore, .smoothing = smoothing, .losses = losses, .lse_out = lse,
                .tasks = attn_tasks(rows * n / EXPONENTIALS_PER_NS, rows)};
  attn_parallel(j.tasks, loss_task, &j);
  return ATTN_OK;
}

static void loss_backward_task(void *context, int64_t task) {
  loss_job *j = context;
  int64_t r0 = attn_task_start(j->rows, j->tasks, task, 1);
  int64_t r1 = attn_task_start(j->rows, j->tasks, task + 1, 1);
  if (j->dtype == ATTN_F32)
    ATTN_PICK(attn_cross_entropy_backward_f32)(r0, r1, j->n, j->x, j->targets, j->ignore,
                                               j->smoothing, j->lse, j->scale, j->scale_stride,
                                               j->dx);
  else
    ATTN_PICK(attn_cross_entropy_backward_f64)(r0, r1, j->n, j->x, j->targets, j->ignore,
                                               j->smoothing, j->lse, j->scale, j->scale_stride,
                                               j->dx);
}

void attn_cross_entropy_backward(attn_dtype dtype, int64_t rows, int64_t n, const void *x,
                                 const int64_t *targets, int64_t ignore, double smoothing,
                                 const void *lse, const void *scale, int64_t scale_stride,
                                 void *dx) {
  loss_job j = {.dtype = dtype, .rows = rows, .n = n, .x = x, .targets = targets,
                .ignore = ignore, .smoothing = smoothing, .lse = lse, .scale = scale,
                .scale_stride = scale_stride, .dx = dx,
                .tasks = attn_tasks(rows * n / EXPONENTIALS_PER_NS, rows)};
  attn_parallel(j.tasks, loss_backward_task, &j);
}

// MARK: AdamW

typedef struct {
  attn_dtype dtype;
  bool streams;
  int64_t n, tasks;
  const void *p, *g, *m, *v;
  double lr, b1, b2, epsilon, decay, c1, c2, gradient_scale;
  void *p_out, *m_out, *v_out;
} adamw_job;

static void adamw_task(void *context, int64_t task) {
  adamw_job *j = context;
  int64_t i0 = attn_task_start(j->n, j->tasks, task, COLUMN_GRAIN);
  int64_t count = attn_task_start(j->n, j->tasks, task + 1, COLUMN_GRAIN) - i0;
#define RUN(F, E)                                                                                 \
  ATTN_PICK(attn_adamw_##F)(count, (const E *)j->p + i0, (const E *)j->g + i0,                    \
                            (const E *)j->m + i0, (const E *)j->v + i0, j->lr, j->b1, j->b2,      \
                            j->epsilon, j->decay, j->c1, j->c2, j->gradient_scale, j->streams,    \
                            (E *)j->p_out + i0, (E *)j->m_out + i0, (E *)j->v_out + i0)
  if (j->dtype == ATTN_F32) RUN(f32, float);
  else RUN(f64, double);
#undef RUN
  if (j->streams) attn_stream_end();
}

void attn_adamw(attn_dtype dtype, int64_t n, const void *p, const void *g, const void *m,
                const void *v, double lr, double b1, double b2, double epsilon, double decay,
                double c1, double c2, double gradient_scale, bool streams, void *p_out, void *m_out,
                void *v_out) {
  uintptr_t places = (uintptr_t)p_out | (uintptr_t)m_out | (uintptr_t)v_out;
  adamw_job j = {.dtype = dtype, .streams = streams && places % ATTN_STREAM_BOUNDARY == 0, .n = n,
                 .p = p, .g = g, .m = m, .v = v, .lr = lr, .b1 = b1, .b2 = b2, .epsilon = epsilon,
                 .decay = decay, .c1 = c1, .c2 = c2, .gradient_scale = gradient_scale,
                 .p_out = p_out, .m_out = m_out, .v_out = v_out,
                 .tasks = attn_tasks(n / SIMPLE_PER_NS, (n + COLUMN_GRAIN - 1) / COLUMN_GRAIN)};
  attn_parallel(j.tasks, adamw_task, &j);
}
