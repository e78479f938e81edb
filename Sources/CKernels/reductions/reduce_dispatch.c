// attn_reduce, attn_arg_reduce, attn_cumsum and attn_sort_positions: cutting work for the threads,
// and everything about integers. The kernels of floats are in reduce_kernels.h.
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "machine/isa.h"
#include "machine/machine.h"
#include "vector/chunk.h"
#include "machine/pool.h"
#include "machine/scratch.h"

#pragma STDC FP_CONTRACT OFF

#define DECLARE(F, E)                                                                              \
  ATTN_DECLARE(void, attn_reduce_rows_##F, attn_reduce_op op, attn_order order, int64_t rows,      \
               int64_t n, const E *x, E *y);                                                       \
  ATTN_DECLARE(void, attn_reduce_chunks_##F, attn_reduce_op op, int64_t n, int64_t c0, int64_t c1, \
               const E *x, E *results);                                                            \
  ATTN_DECLARE(void, attn_join_chunks_##F, attn_reduce_op op, int64_t chunks, const E *results,    \
               E *y);                                                                              \
  ATTN_DECLARE(void, attn_reduce_columns_##F, attn_reduce_op op, attn_order order, int64_t n,      \
               int64_t inner, int64_t j0, int64_t j1, const E *x, E *y);
DECLARE(f32, float)
DECLARE(f64, double)

enum {
  COLUMN_GRAIN = 128,    // columns that a kernel holds at once
  ELEMENTS_PER_NS = 8,   // of a simple reduction; logsumexp does about one
};

// MARK: Integers and bools

// The size of a product and its sign apart, so that 2^63 on the way to -2^63 is no overflow, and an
// overflow before a factor of zero is none.
typedef struct {
  uint64_t size;
  bool negative, too_large, zero;
} product;

static void multiply(product *p, int64_t x) {
  uint64_t size = x < 0 ? -(uint64_t)x : (uint64_t)x;
  if (size == 0) p->zero = true;
  p->negative ^= x < 0;
  p->too_large |= __builtin_mul_overflow(p->size, size, &p->size);
}

// Whether the product is outside low..<=high; *result is its low bits in any case.
static bool finish(const product *p, int64_t low, int64_t high, int64_t *result) {
  if (p->zero) {
    *result = 0;
    return false;
  }
  *result = (int64_t)(p->negative ? -p->size : p->size);
  return p->too_large || (p->negative ? p->size > -(uint64_t)low : p->size > (uint64_t)high);
}

// Exact sums, so that the order does not matter and only a result that does not fit is reported.
#define INTEGER_REDUCE(T, WIDE, LEAST, GREATEST)                                                  \
  static bool reduce_##T(attn_reduce_op op, int64_t outer, int64_t n, int64_t inner, const T *x,  \
                         T *y) {                                                                  \
    enum { AT_ONCE = 64 };                                                                        \
    bool overflow = false;                                                                        \
    for (int64_t o = 0; o < outer; o++)                                                           \
      for (int64_t j0 = 0; j0 < inner; j0 += AT_ONCE) {                                           \
        int64_t width = inner - j0 < AT_ONCE ? inner - j0 : AT_ONCE;                              \
        const T *from = x + o * n * inner + j0;                                                   \
        T *to = y + o * inner + j0;                                                               \
        if (op == ATTN_SUM) {                                                                     \
          WIDE sums[AT_ONCE] = {0};                                                               \
          for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))                                       \
            for (int64_t i = start; i < end; i++)                                                 \
              for (int64_t j = 0; j < width; j++) sums[j] += from[i * inner + j];                 \
          for (int64_t j = 0; j < width; j++) {                                                   \
            overflow |= sums[j] < LEAST || sums[j] > GREATEST;                                    \
            to[j] = (T)(uint64_t)sums[j];                                                         \
          }                                                                                       \
        } else if (op == ATTN_PROD) {                                                             \
          for (int64_t j = 0; j < width; j++) {                                                   \
            product p = {.size = 1};                                                              \
            int64_t result;                                                                       \
            for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))                                     \
              for (int64_t i = start; i < end; i++) multiply(&p, from[i * inner + j]);            \
            overflow |= finish(&p, LEAST, GREATEST, &result);                                     \
            to[j] = (T)result;                                                                    \
          }                                                                                       \
        } else {                                                                                  \
          bool largest = op == ATTN_REDUCE_MAX || op == ATTN_ANY;                                 \
          for (int64_t j = 0; j < width; j++) to[j] = largest ? LEAST : GREATEST;                 \
          for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))                                       \
            for (int64_t i = start; i < end; i++)                                                 \
              for (int64_t j = 0; j < width; j++) {                                               \
                T v = from[i * inner + j];                                                        \
                to[j] = largest ? (v > to[j] ? v : to[j]) : (v < to[j] ? v : to[j]);              \
              }                                                                                   \
        }                                                                                         \
      }                                                                                           \
    return overflow;                                                                              \
  }
INTEGER_REDUCE(int32_t, int64_t, INT32_MIN, INT32_MAX)
INTEGER_REDUCE(int64_t, __int128, INT64_MIN, INT64_MAX)
INTEGER_REDUCE(uint8_t, int64_t, 0, 1)

// MARK: attn_reduce

typedef struct {
  attn_reduce_op op;
  attn_dtype dtype;
  attn_order order;
  int64_t outer, n, inner;
  int64_t outer_tasks, column_tasks, chunks;
  const void *x;
  void *y, *results;
  _Atomic bool overflow;
} reduce_job;

static void reduce_chunks(void *context, int64_t task) {
  reduce_job *job = context;
  int64_t c0 = attn_task_start(job->chunks, job->column_tasks, task, 1);
  int64_t c1 = attn_task_start(job->chunks, job->column_tasks, task + 1, 1);
  if (job->dtype == ATTN_F32)
    ATTN_PICK(attn_reduce_chunks_f32)(job->op, job->n, c0, c1, job->x, job->results);
  else
    ATTN_PICK(attn_reduce_chunks_f64)(job->op, job->n, c0, c1, job->x, job->results);
}

static void reduce_task(void *context, int64_t task) {
  reduce_job *job = context;
  int64_t column_task = task % job->column_tasks, outer_task = task / job->column_tasks;
  int64_t o0 = attn_task_start(job->outer, job->outer_tasks, outer_task, 1);
  int64_t o1 = attn_task_start(job->outer, job->outer_tasks, outer_task + 1, 1);
  int64_t j0 = attn_task_start(job->inner, job->column_tasks, column_task, COLUMN_GRAIN);
  int64_t j1 = attn_task_start(job->inner, job->column_tasks, column_task + 1, COLUMN_GRAIN);
  int64_t n = job->n, inner = job->inner, x_at = o0 * n * inner, y_at = o0 * inner;
  bool overflow = false;
#define FLOATS(F, E)                                                                         \
  if (inner == 1) {                                                                          \
    ATTN_PICK(attn_reduce_rows_##F)(job->op, job->order, o1 - o0, n, (const E *)job->x + x_at, \
                                    (E *)job->y + y_at);                                     \
  } else {                                                                                   \
    for (int64_t o = o0; o < o1; o++)                                                        \
      ATTN_PICK(attn_reduce_columns_##F)(job->op, job->order, n, inner, j0, j1,              \
                                         (const E *)job->x + o * n * inner,                  \
                                         (E *)job->y + o * inner);                           \
  }
  switch (job->dtype) {
    case ATTN_F32: FLOATS(f32, float) break;
    case ATTN_F64: FLOATS(f64, double) break;
    // Integers are cut over `outer` only.
    case ATTN_I32:
      overflow = reduce_int32_t(job->op, o1 - o0, n, inner, (const int32_t *)job->x + x_at,
                                (int32_t *)job->y + y_at);
      break;
    case ATTN_I64:
      overflow = reduce_int64_t(job->op, o1 - o0, n, inner, (const int64_t *)job->x + x_at,
                                (int64_t *)job->y + y_at);
      break;
    case ATTN_BOOL:
      reduce_uint8_t(job->op, o1 - o0, n, inner, (const uint8_t *)job->x + x_at,
                     (uint8_t *)job->y + y_at);
      break;
  }
#undef FLOATS
  if (overflow) atomic_store_explicit(&job->overflow, true, memory_order_relaxed);
}

attn_status attn_reduce(attn_reduce_op op, attn_dtype dtype, attn_order order, int64_t outer,
                        int64_t n, int64_t inner, const void *x, void *y) {
  if (outer <= 0 || inner <= 0) return ATTN_OK;
  reduce_job job = {.op = op, .dtype = dtype, .order = order, .outer = outer, .n = n,
                    .inner = inner, .outer_tasks = 1, .column_tasks = 1, .x = x, .y = y};
  bool floats = dtype == ATTN_F32 || dtype == ATTN_F64;
  int64_t work = outer * n * inner / (op == ATTN_LOGSUMEXP || !floats ? 1 : ELEMENTS_PER_NS);
  int64_t tasks = attn_tasks(work, INT64_MAX);
  if (tasks > 1 && floats && outer * inner == 1 && op != ATTN_LOGSUMEXP &&
      (order == ATTN_LANES || op == ATTN_REDUCE_MAX || op == ATTN_REDUCE_MIN)) {
    job.chunks = (n + ATTN_CHUNK - 1) / ATTN_CHUNK;
    job.column_tasks = tasks < job.chunks ? tasks : job.chunks;
    job.results = attn_scratch((size_t)job.chunks * sizeof(double));
    if (job.results == NULL) return ATTN_OK;
    attn_parallel(job.column_tasks, reduce_chunks, &job);
    if (dtype == ATTN_F32) ATTN_PICK(attn_join_chunks_f32)(op, job.chunks, job.results, y);
    else ATTN_PICK(attn_join_chunks_f64)(op, job.chunks, job.results, y);
    return ATTN_OK;
  }
  if (tasks > 1) {
    job.outer_tasks = outer < tasks ? outer : tasks;
    int64_t most = floats ? (inner + COLUMN_GRAIN - 1) / COLUMN_GRAIN : 1;
    job.column_tasks = tasks / job.outer_tasks < most ? tasks / job.outer_tasks : most;
  }
  attn_parallel(job.outer_tasks * job.column_tasks, reduce_task, &job);
  return job.overflow ? ATTN_OVERFLOW : ATTN_OK;
}

// MARK: Positions of the largest and smallest

// -0 and +0 are equal here, as in a comparison: the first of them counts.
#define ARG_REDUCE(T)                                                                            \
  static void arg_reduce_##T(bool largest, int64_t outer, int64_t n, int64_t inner, const T *x,  \
                             int64_t *y) {                                                       \
    for (int64_t o = 0; o < outer; o++)                                                          \
      for (int64_t j = 0; j < inner && !attn_should_stop(); j++) {                               \
        const T *from = x + o * n * inner + j;                                                   \
        T best = from[0];                                                                        \
        int64_t at = 0;                                                                          \
        for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))                                        \
          for (int64_t i = start; i < end && best == best; i++) {                                \
            T v = from[i * inner];                                                               \
            if (v != v || (largest ? v > best : v < best)) {                                     \
              best = v;                                                                          \
              at = i;                                                                            \
            }                                                                                    \
          }                                                                                      \
        y[o * inner + j] = at;                                                                   \
      }                                                                                          \
  }
ARG_REDUCE(float)
ARG_REDUCE(double)
ARG_REDUCE(int32_t)
ARG_REDUCE(int64_t)
ARG_REDUCE(uint8_t)

typedef struct {
  bool flag;  // largest, reverse or descending
  attn_dtype dtype;
  int64_t outer, n, inner, tasks;
  const void *x;
  void *y, *work;
  _Atomic bool overflow;
} row_job;

static void arg_reduce_task(void *context, int64_t task) {
  row_job *job = context;
  int64_t o0 = attn_task_start(job->outer, job->tasks, task, 1);
  int64_t rows = attn_task_start(job->outer, job->tasks, task + 1, 1) - o0;
  int64_t n = job->n, inner = job->inner, at = o0 * n * inner;
  int64_t *y = (int64_t *)job->y + o0 * inner;
  switch (job->dtype) {
    case ATTN_F32:
      arg_reduce_float(job->flag, rows, n, inner, (const float *)job->x + at, y);
      break;
    case ATTN_F64:
      arg_reduce_double(job->flag, rows, n, inner, (const double *)job->x + at, y);
      break;
    case ATTN_I32:
      arg_reduce_int32_t(job->flag, rows, n, inner, (const int32_t *)job->x + at, y);
      break;
    case ATTN_I64:
      arg_reduce_int64_t(job->flag, rows, n, inner, (const int64_t *)job->x + at, y);
      break;
    case ATTN_BOOL:
      arg_reduce_uint8_t(job->flag, rows, n, inner, (const uint8_t *)job->x + at, y);
      break;
  }
}

void attn_arg_reduce(bool largest, attn_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                     const void *x, int64_t *y) {
  row_job job = {.flag = largest, .dtype = dtype, .outer = outer, .n = n, .inner = inner,
                 .tasks = attn_tasks(outer * n * inner, outer), .x = x, .y = y};
  attn_parallel(job.tasks, arg_reduce_task, &job);
}

// MARK: Running sums

// Sums start from 0 as those of attn_reduce do. Where inner is 1, rows are taken four at a time, since
// the additions of one chain wait for each other.
#define CUMSUM_CHECKED_CHUNK(inner) ((inner) < ATTN_CHECKED_CHUNK ? ATTN_CHECKED_CHUNK / (inner) : 1)

#define FLOAT_CUMSUM(T)                                                                            \
  static void cumsum_##T(bool reverse, int64_t outer, int64_t n, int64_t inner, const T *x, T *y) { \
    int64_t first = reverse ? n - 1 : 0, step = reverse ? -1 : 1;                                  \
    int64_t o = 0;                                                                                 \
    for (; inner == 1 && o + 4 <= outer; o += 4) {                                                 \
      T sums[4] = {0, 0, 0, 0};                                                                    \
      for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))                                            \
        for (int64_t k = start, i = first + start * step; k < end; k++, i += step)                 \
          for (int64_t l = 0; l < 4; l++) {                                                        \
            sums[l] += x[(o + l) * n + i];                                                         \
            y[(o + l) * n + i] = sums[l];                                                          \
          }                                                                                        \
    }                                                                                              \
    for (; o < outer; o++)                                                                         \
      for (ATTN_CHECKED_CHUNKS(start, end, n, CUMSUM_CHECKED_CHUNK(inner)))                                   \
        for (int64_t k = start, i = first + start * step; k < end; k++, i += step) {               \
          const T *from = x + (o * n + i) * inner;                                                 \
          T *to = y + (o * n + i) * inner;                                                         \
          if (k == 0)                                                                              \
            for (int64_t j = 0; j < inner; j++) to[j] = (T)0 + from[j];                            \
          else                                                                                     \
            for (int64_t j = 0; j < inner; j++) to[j] = to[j - step * inner] + from[j];            \
        }                                                                                          \
  }
FLOAT_CUMSUM(float)
FLOAT_CUMSUM(double)

#define INTEGER_CUMSUM(T)                                                                         \
  static bool cumsum_##T(bool reverse, int64_t outer, int64_t n, int64_t inner, const T *x, T *y) { \
    bool overflow = false;                                                                        \
    int64_t first = reverse ? n - 1 : 0, step = reverse ? -1 : 1;                                 \
    for (int64_t o = 0; o < outer; o++)                                                           \
      for (ATTN_CHECKED_CHUNKS(start, end, n, CUMSUM_CHECKED_CHUNK(inner)))                                  \
        for (int64_t k = start, i = first + start * step; k < end; k++, i += step) {              \
          const T *from = x + (o * n + i) * inner;                                                \
          T *to = y + (o * n + i) * inner;                                                        \
          for (int64_t j = 0; j < inner; j++)                                                     \
            overflow |=                                                                           \
                __builtin_add_overflow(k == 0 ? 0 : to[j - step * inner], from[j], &to[j]);       \
        }                                                                                         \
    return overflow;                                                                              \
  }
INTEGER_CUMSUM(int32_t)
INTEGER_CUMSUM(int64_t)

static void cumsum_task(void *context, int64_t task) {
  row_job *job = context;
  int64_t o0 = attn_task_start(job->outer, job->tasks, task, 1);
  int64_t rows = attn_task_start(job->outer, job->tasks, task + 1, 1) - o0;
  int64_t n = job->n, inner = job->inner, at = o0 * n * inner;
  bool overflow = false;
  switch (job->dtype) {
    case ATTN_F32:
      cumsum_float(job->flag, rows, n, inner, (const float *)job->x + at, (float *)job->y + at);
      break;
    case ATTN_F64:
      cumsum_double(job->flag, rows, n, inner, (const double *)job->x + at, (double *)job->y + at);
      break;
    case ATTN_I32:
      overflow = cumsum_int32_t(job->flag, rows, n, inner, (const int32_t *)job->x + at,
                                (int32_t *)job->y + at);
      break;
    case ATTN_I64:
      overflow = cumsum_int64_t(job->flag, rows, n, inner, (const int64_t *)job->x + at,
                                (int64_t *)job->y + at);
      break;
    case ATTN_BOOL: break;
  }
  if (overflow) atomic_store_explicit(&job->overflow, true, memory_order_relaxed);
}

attn_status attn_cumsum(bool reverse, attn_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                        const void *x, void *y) {
  if (inner <= 0) return ATTN_OK;
  row_job job = {.flag = reverse, .dtype = dtype, .outer = outer, .n = n, .inner = inner,
                 .tasks = attn_tasks(outer * n * inner, outer), .x = x, .y = y};
  attn_parallel(job.tasks, cumsum_task, &job);
  return job.overflow ? ATTN_OVERFLOW : ATTN_OK;
}

// MARK: Sorting

enum { MOST_SCRATCH = 1 << 22 };  // bytes that a thread keeps for rows to be sorted

typedef struct {
  uint64_t key;
  int64_t position;
} entry;

// Unsigned integers in the order of the numbers: -0 with +0, and NaN above all.
static uint64_t key_of(attn_dtype dtype, const void *x, int64_t i) {
  switch (dtype) {
    case ATTN_F32: {
      float v = ((const float *)x)[i];
      uint32_t bits;
      if (v != v) return UINT32_MAX;
      v += 0.0f;  // -0 becomes +0
      memcpy(&bits, &v, sizeof bits);
      return bits >> 31 ? (uint32_t)~bits : bits | 0x80000000u;
    }
    case ATTN_F64: {
      double v = ((const double *)x)[i];
      uint64_t bits;
      if (v != v) return UINT64_MAX;
      v += 0.0;
      memcpy(&bits, &v, sizeof bits);
      return bits >> 63 ? ~bits : bits | 0x8000000000000000u;
    }
    case ATTN_I32: return (uint32_t)((const int32_t *)x)[i] ^ 0x80000000u;
    case ATTN_I64: return (uint64_t)((const int64_t *)x)[i] ^ 0x8000000000000000u;
    case ATTN_BOOL: return ((const uint8_t *)x)[i];
  }
  return 0;
}

// Insertion for short rows; else by bytes from the lowest up, which keeps equal keys in their order.
// A byte that is the same in all keys is passed over.
// The result lies in one of the two.
static const entry *sort_row(entry *entries, entry *other, int64_t n) {
  if (n <= 32) {
    for (int64_t i = 1; i < n; i++) {
      entry e = entries[i];
      int64_t j = i;
      for (; j > 0 && entries[j - 1].key > e.key; j--) entries[j] = entries[j - 1];
      entries[j] = e;
    }
    return entries;
  }
  uint64_t some = 0, all = UINT64_MAX;
  for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
    for (int64_t i = start; i < end; i++) some |= entries[i].key, all &= entries[i].key;
  entry *from = entries, *to = other;
  for (int shift = 0; shift < 64; shift += 8) {
    if (((some ^ all) >> shift & 255) == 0) continue;
    int64_t starts[256] = {0}, sum = 0;
    for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
      for (int64_t i = start; i < end; i++) starts[from[i].key >> shift & 255]++;
    for (int b = 0; b < 256; b++) {
      int64_t count = starts[b];
      starts[b] = sum;
      sum += count;
    }
    for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
      for (int64_t i = start; i < end; i++) to[starts[from[i].key >> shift & 255]++] = from[i];
    entry *swap = from;
    from = to;
    to = swap;
  }
  return from;
}

static void sort_task(void *context, int64_t task) {
  row_job *job = context;
  int64_t n = job->n;
  entry *entries = job->work != NULL ? (entry *)job->work + task * 2 * n
                                     : attn_scratch(2 * (size_t)n * sizeof(entry));
  if (entries == NULL) return;
  int64_t r0 = attn_task_start(job->outer, job->tasks, task, 1);
  int64_t r1 = attn_task_start(job->outer, job->tasks, task + 1, 1);
  for (int64_t r = r0; r < r1; r++) {
    for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
      for (int64_t i = start; i < end; i++) {
        uint64_t key = key_of(job->dtype, job->x, r * n + i);
        entries[i] = (entry){job->flag ? ~key : key, i};
      }
    const entry *sorted = sort_row(entries, entries + n, n);
    for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
      for (int64_t i = start; i < end; i++) ((int64_t *)job->y)[r * n + i] = sorted[i].position;
  }
}

// Bytes of working memory for one row.
static size_t row_work(int64_t n) { return 2 * (size_t)n * sizeof(entry); }

size_t attn_sort_work(int64_t rows, int64_t n) {
  if (row_work(n) <= MOST_SCRATCH) return 0;
  return row_work(n) * (size_t)(rows < attn_thread_count() ? rows : attn_thread_count());
}

void attn_sort_positions(bool descending, attn_dtype dtype, int64_t rows, int64_t n, const void *x,
                         int64_t *positions, void *work, size_t work_bytes) {
  int64_t tasks = attn_tasks(rows * n * 16, rows);
  // As many rows at once as fit into `work`: the thread count may have changed since attn_sort_work.
  if (work != NULL && tasks > (int64_t)(work_bytes / row_work(n)))
    tasks = (int64_t)(work_bytes / row_work(n));
  row_job job = {.flag = descending, .dtype = dtype, .outer = rows, .n = n, .inner = 1,
                 .tasks = tasks, .x = x, .y = positions, .work = work};
  attn_parallel(job.tasks, sort_task, &job);
}
