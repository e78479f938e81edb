// attn_matmul: how a batch of products is cut into chunks for the threads. The kernels are in
// matmul_kernels.h; integer products, which no program spends its time in, are here.
#include "matmul.h"

#include <stdbool.h>
#include <stdatomic.h>

#include "CKernels.h"
#include "machine/isa.h"
#include "machine/machine.h"
#include "machine/pool.h"

ATTN_DECLARE(void, attn_matmul_f32, const attn_product *p, const float *a, const float *b, float *c,
             int64_t i0, int64_t i1, int64_t j0, int64_t j1);
ATTN_DECLARE(void, attn_matmul_f64, const attn_product *p, const double *a, const double *b,
             double *c, int64_t i0, int64_t i1, int64_t j0, int64_t j1);

enum {
  // A chunk's edges are multiples of these, which every tile's sides divide or nearly do.
  ROW_GRAIN = 24,
  COLUMN_GRAIN = 32,
  SMALL = 256,  // as in matmul_float.h
  BYTES_PER_NS = 40,  // that one thread reads from the caches
  NARROW = 16,  // c of fewer columns is computed transposed, its rows in the lanes
};

typedef struct {
  attn_dtype dtype;
  attn_product p;
  int64_t batch;
  const char *a, *b;
  char *c;
  const int64_t *a_offsets, *b_offsets, *c_offsets;
  int64_t batch_tasks, row_tasks, column_tasks;
  void (*f32)(const attn_product *p, const float *a, const float *b, float *c, int64_t i0,
              int64_t i1, int64_t j0, int64_t j1);
  void (*f64)(const attn_product *p, const double *a, const double *b, double *c, int64_t i0,
              int64_t i1, int64_t j0, int64_t j1);
  _Atomic bool overflow;
} product_job;

// A sum of products in 128 bits: exact, so that only a result that does not fit is an overflow.
#define INTEGER_PRODUCT(T)                                                                     \
  static bool product_##T(const attn_product *p, const T *a, const T *b, T *c, int64_t i0,     \
                          int64_t i1, int64_t j0, int64_t j1) {                                \
    bool overflow = false;                                                                     \
    for (int64_t i = i0; i < i1; i++)                                                          \
      for (int64_t j = j0; j < j1; j++) {                                                      \
        __int128 sum = 0;                                                                      \
        for (ATTN_CHECKED_CHUNKS(start, end, p->k, ATTN_CHECKED_CHUNK))                                   \
          for (int64_t l = start; l < end; l++)                                                \
            overflow |= __builtin_add_overflow(                                                \
                sum, (__int128)a[i * p->a_rs + l * p->a_cs] * b[l * p->b_rs + j * p->b_cs],    \
                &sum);                                                                         \
        T result = (T)(uint64_t)sum;                                                           \
        overflow |= result != sum;                                                             \
        c[i * p->c_rs + j * p->c_cs] = result;                                                 \
      }                                                                                        \
    return overflow;                                                                           \
  }
INTEGER_PRODUCT(int32_t)
INTEGER_PRODUCT(int64_t)

static void run_range(product_job *job, int64_t first, int64_t end, int64_t i0, int64_t i1,
                      int64_t j0, int64_t j1) {
  for (int64_t block = first; block < end && !attn_should_stop(); block++) {
    int64_t a = job->a_offsets[block], b = job->b_offsets[block], c = job->c_offsets[block];
    bool overflow = false;
    switch (job->dtype) {
      case ATTN_F32:
        job->f32(&job->p, (const float *)job->a + a, (const float *)job->b + b,
                 (float *)job->c + c, i0, i1, j0, j1);
        break;
      case ATTN_F64:
        job->f64(&job->p, (const double *)job->a + a, (const double *)job->b + b,
                 (double *)job->c + c, i0, i1, j0, j1);
        break;
      case ATTN_I32:
        overflow = product_int32_t(&job->p, (const int32_t *)job->a + a,
                                   (const int32_t *)job->b + b, (int32_t *)job->c + c, i0, i1, j0,
                                   j1);
        break;
      case ATTN_I64:
        overflow = product_int64_t(&job->p, (const int64_t *)job->a + a,
                                   (const int64_t *)job->b + b, (int64_t *)job->c + c, i0, i1, j0,
                                   j1);
        break;
      case ATTN_BOOL: break;
    }
    if (overflow) atomic_store_explicit(&job->overflow, true, memory_order_relaxed);
  }
}

static void run_task(void *context, int64_t task) {
  product_job *job = context;
  int64_t column_task = task % job->column_tasks;
  int64_t row_task = task / job->column_tasks % job->row_tasks;
  int64_t batch_task = task / job->column_tasks / job->row_tasks;
  int64_t i0 = attn_task_start(job->p.m, job->row_tasks, row_task, ROW_GRAIN);
  int64_t i1 = attn_task_start(job->p.m, job->row_tasks, row_task + 1, ROW_GRAIN);
  int64_t j0 = attn_task_start(job->p.n, job->column_tasks, column_task, COLUMN_GRAIN);
  int64_t j1 = attn_task_start(job->p.n, job->column_tasks, column_task + 1, COLUMN_GRAIN);
  if (i0 < i1 && j0 < j1)
    run_range(job, attn_task_start(job->batch, job->batch_tasks, batch_task, 1),
              attn_task_start(job->batch, job->batch_tasks, batch_task + 1, 1), i0, i1, j0, j1);
}

// Cuts c into about `tasks` tasks so that few of them read the same elements of a and b.
static void cut(product_job *job, int64_t tasks) {
  job->batch_tasks = job->row_tasks = job->column_tasks = 1;
  if (job->batch >= tasks || (job->batch > 1 && tasks <= 2 * job->batch)) {
    job->batch_tasks = job->batch < tasks ? job->batch : tasks;
    return;
  }
  job->batch_tasks = job->batch;
  tasks = (tasks + job->batch - 1) / job->batch;
  const attn_product *p = &job->p;
  int64_t most_row_tasks = (p->m + ROW_GRAIN - 1) / ROW_GRAIN;
  int64_t most_column_tasks = (p->n + COLUMN_GRAIN - 1) / COLUMN_GRAIN;
  int64_t least = INT64_MAX;
  for (int64_t rows = 1; rows <= tasks && rows <= most_row_tasks; rows++) {
    int64_t columns = tasks / rows < most_column_tasks ? tasks / rows : most_column_tasks;
    // Every row chunk reads all of b, every column chunk all of a; a chunk too few costs most.
    int64_t cost = rows * p->n + columns * p->m + (tasks - rows * columns) * (p->m + p->n);
    if (cost < least) {
      least = cost;
      job->row_tasks = rows;
      job->column_tasks = columns;
    }
  }
}

attn_status attn_matmul(attn_dtype dtype, int64_t batch, int64_t m, int64_t n, int64_t k,
                        const void *a, const int64_t *a_offsets, int64_t a_rs, int64_t a_cs,
                        const void *b, const int64_t *b_offsets, int64_t b_rs, int64_t b_cs,
                        void *c, const int64_t *c_offsets, int64_t c_rs) {
  if (batch <= 0 || m <= 0 || n <= 0) return ATTN_OK;
  product_job job = {
      .dtype = dtype,
      .p = {m, n, k, a_rs, a_cs, b_rs, b_cs, c_rs, 1},
      .batch = batch,
      .a = a, .b = b, .c = c,
      .a_offsets = a_offsets, .b_offsets = b_offsets, .c_offsets = c_offsets,
      .f32 = ATTN_PICK(attn_matmul_f32), .f64 = ATTN_PICK(attn_matmul_f64),
  };
  // a b and the transpose of (b^T a^T) have the same chains.
  if (n < NARROW && m >= 2 * n && m * k > SMALL && (dtype == ATTN_F32 || dtype == ATTN_F64)) {
    job.p = (attn_product){n, m, k, b_cs, b_rs, a_cs, a_rs, 1, c_rs};
    const int64_t *offsets = job.a_offsets;
    job.a_offsets = job.b_offsets, job.b_offsets = offsets;
    job.a = b, job.b = a;
  }
  // In double, as the product of four sizes may pass 2^63.
  double multiplications = (double)batch * (double)m * (double)n * (double)(k > 0 ? k : 1);
  int64_t tasks = 1;
  if (multiplications > 1e5) {
    double each = dtype == ATTN_F32 ? 1.0 / 32 : dtype == ATTN_F64 ? 1.0 / 16 : 1.0;
    double work = multiplications * each;
    // With few rows or columns it takes as long as reading the larger operand does.
    double bytes = (double)batch * (double)k * (double)(m < n ? n : m) *
                   (dtype == ATTN_F32 || dtype == ATTN_I32 ? 4 : 8);
    if (work < bytes / BYTES_PER_NS) work = bytes / BYTES_PER_NS;
    tasks = attn_tasks((int64_t)work, INT64_MAX);
    // More chunks than threads even out what other work takes, and cost packing twice.
    int64_t threads = attn_thread_count();
    int64_t most = batch >= 4 * threads ? 4 * threads : multiplications > 2e8 ? 2 * threads : threads;
    if (tasks > most) tasks = most;
  }
  if (tasks <= 1) {
    run_range(&job, 0, batch, 0, job.p.m, 0, job.p.n);
  } else {
    cut(&job, tasks);
    attn_parallel(job.batch_tasks * job.row_tasks * job.column_tasks, run_task, &job);
  }
  return job.overflow ? ATTN_OVERFLOW : ATTN_OK;
}
