// Gather, scatter, random numbers and digests.
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "CKernels.h"
#include "machine/isa.h"
#include "machine/machine.h"
#include "machine/pool.h"
#include "random/random.h"

#pragma STDC FP_CONTRACT OFF

ATTN_DECLARE(void, attn_random, attn_random_kind kind, int64_t n, uint64_t seed, uint64_t first,
             int64_t low, uint64_t span, void *y);

enum {
  BYTES_PER_NS = 8,          // of copying, roughly
  DIGEST_CHUNK = 1 << 20,    // elements between two checks for cancellation
  SAMPLE_GRAIN = 64,         // a group of 16 blocks in f32
  NANOSECONDS_PER_NORMAL = 4,
};

// MARK: Gather

typedef struct {
  int64_t row_bytes, count, tasks;
  const char *x;
  const int64_t *indices;
  const uint8_t *keep;
  char *y;
} gather_job;

#define GATHER(T)                                                                    \
  for (int64_t i = i0; i < i1; i++)                                                  \
    ((T *)j->y)[i] = j->keep == NULL || j->keep[i] ? ((const T *)j->x)[j->indices[i]] : 0;

static void gather_task(void *context, int64_t task) {
  gather_job *j = context;
  int64_t i0 = attn_task_start(j->count, j->tasks, task, 1);
  int64_t i1 = attn_task_start(j->count, j->tasks, task + 1, 1);
  switch (j->row_bytes) {
    case 1: GATHER(uint8_t) return;
    case 4: GATHER(uint32_t) return;
    case 8: GATHER(uint64_t) return;
  }
  size_t bytes = (size_t)j->row_bytes;
  for (int64_t i = i0; i < i1; i++) {
    char *to = j->y + (size_t)i * bytes;
    if (j->keep == NULL || j->keep[i]) memcpy(to, j->x + (size_t)j->indices[i] * bytes, bytes);
    else memset(to, 0, bytes);
  }
}

attn_status attn_gather(int32_t item_size, int64_t count, int64_t inner, int64_t rows,
                        const void *x, const int64_t *indices, const uint8_t *keep, void *y,
                        int64_t *position) {
  int64_t checked = 0;
  for (ATTN_CHECKED_CHUNKS(start, end, count, ATTN_CHECKED_CHUNK)) {
    for (int64_t i = start; i < end; i++)
      if ((indices[i] < 0 || indices[i] >= rows) && (keep == NULL || keep[i])) {
        *position = i;
        return ATTN_OUT_OF_RANGE;
      }
    checked = end;
  }
  if (checked < count) return ATTN_OK;  // cancelled: no row is read whose index has not been checked
  gather_job j = {.row_bytes = inner * item_size, .count = count, .x = x, .indices = indices,
                  .keep = keep, .y = y,
                  .tasks = attn_tasks(count * (inner * item_size / BYTES_PER_NS + 2), count)};
  attn_parallel(j.tasks, gather_task, &j);
  return ATTN_OK;
}

// MARK: Scatter

typedef struct {
  attn_dtype dtype;
  int64_t count, inner, rows, row_tasks, column_tasks;
  const void *dy;
  const int64_t *indices;
  const uint8_t *keep;
  void *y;
  _Atomic bool overflow;
} scatter_job;

// Each chunk owns some rows or some columns of y and reads all of dy in its order.
static void scatter_task(void *context, int64_t task) {
  enum { GRAIN = 16 };
  scatter_job *j = context;
  int64_t row_task = task / j->column_tasks, column_task = task % j->column_tasks;
  int64_t r0 = attn_task_start(j->rows, j->row_tasks, row_task, 1);
  int64_t r1 = attn_task_start(j->rows, j->row_tasks, row_task + 1, 1);
  int64_t c0 = attn_task_start(j->inner, j->column_tasks, column_task, GRAIN);
  int64_t c1 = attn_task_start(j->inner, j->column_tasks, column_task + 1, GRAIN);
  bool overflow = false;
  int64_t chunk = c1 - c0 < ATTN_CHECKED_CHUNK ? ATTN_CHECKED_CHUNK / (c1 - c0 + 1) : 1;
  for (ATTN_CHECKED_CHUNKS(start, end, j->count, chunk))
    for (int64_t i = start; i < end; i++) {
      if (j->keep != NULL && !j->keep[i]) continue;
      int64_t row = j->indices[i];
      if (row < r0 || row >= r1) continue;
#define ADD(T, ...)                                             \
  {                                                             \
    const T *restrict from = (const T *)j->dy + i * j->inner;   \
    T *restrict to = (T *)j->y + row * j->inner;                \
    for (int64_t c = c0; c < c1; c++) __VA_ARGS__;              \
    break;                                                      \
  }
      switch (j->dtype) {
        case ATTN_F32: ADD(float, to[c] += from[c])
        case ATTN_F64: ADD(double, to[c] += from[c])
        case ATTN_I32: ADD(int32_t, overflow |= __builtin_add_overflow(to[c], from[c], &to[c]))
        case ATTN_I64: ADD(int64_t, overflow |= __builtin_add_overflow(to[c], from[c], &to[c]))
        case ATTN_BOOL: break;
      }
#undef ADD
    }
  if (overflow) atomic_store_explicit(&j->overflow, true, memory_order_relaxed);
}

attn_status attn_scatter_add(attn_dtype dtype, int64_t count, int64_t inner, int64_t rows,
                             const void *dy, const int64_t *indices, const uint8_t *keep,
                             void *y) {
  enum { WIDE = 64 };  // columns worth a chunk
  scatter_job j = {.dtype = dtype, .count = count, .inner = inner, .rows = rows, .row_tasks = 1,
                   .column_tasks = 1, .dy = dy, .indices = indices, .keep = keep, .y = y};
  int64_t tasks = attn_tasks(count * (inner / BYTES_PER_NS + 2), attn_thread_count());
  if (tasks > 1) {
    j.column_tasks = inner / WIDE < 1 ? 1 : inner / WIDE < tasks ? inner / WIDE : tasks;
    j.row_tasks = tasks / j.column_tasks < rows ? tasks / j.column_tasks : rows;
    if (j.row_tasks < 1) j.row_tasks = 1;
  }
  attn_parallel(j.row_tasks * j.column_tasks, scatter_task, &j);
  return j.overflow ? ATTN_OVERFLOW : ATTN_OK;
}

// MARK: Random numbers

typedef struct {
  attn_random_kind kind;
  int64_t n, tasks, low;
  uint64_t seed, first, span;
  char *y;
} random_job;

static void random_task(void *context, int64_t task) {
  random_job *j = context;
  int64_t i0 = attn_task_start(j->n, j->tasks, task, SAMPLE_GRAIN);
  int64_t i1 = attn_task_start(j->n, j->tasks, task + 1, SAMPLE_GRAIN);
  size_t size = j->kind == ATTN_UNIFORM_F32 || j->kind == ATTN_NORMAL_F32 ? 4 : 8;
  ATTN_PICK(attn_random)(j->kind, i1 - i0, j->seed, j->first + (uint64_t)i0, j->low, j->span,
                         j->y + (size_t)i0 * size);
}

static void sample(random_job j) {
  bool normal = j.kind == ATTN_NORMAL_F32 || j.kind == ATTN_NORMAL_F64;
  j.tasks = attn_tasks(j.n * (normal ? NANOSECONDS_PER_NORMAL : 1),
                        (j.n + SAMPLE_GRAIN - 1) / SAMPLE_GRAIN);
  attn_parallel(j.tasks, random_task, &j);
}

void attn_random_uniform(attn_dtype dtype, int64_t n, uint64_t seed, uint64_t first, void *y) {
  sample((random_job){.kind = dtype == ATTN_F32 ? ATTN_UNIFORM_F32 : ATTN_UNIFORM_F64, .n = n,
                      .seed = seed, .first = first, .y = y});
}

void attn_random_normal(attn_dtype dtype, int64_t n, uint64_t seed, uint64_t first, void *y) {
  sample((random_job){.kind = dtype == ATTN_F32 ? ATTN_NORMAL_F32 : ATTN_NORMAL_F64, .n = n,
                      .seed = seed, .first = first, .y = y});
}

void attn_random_integers(int64_t n, uint64_t seed, uint64_t first, int64_t low, int64_t high,
                          int64_t *y) {
  sample((random_job){.kind = ATTN_RANDOM_INTEGERS, .n = n, .seed = seed, .first = first,
                      .low = low, .span = (uint64_t)high - (uint64_t)low, .y = (char *)y});
}

void attn_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)ATTN_PHILOX_M0 * c[0], p1 = (uint64_t)ATTN_PHILOX_M1 * c[2];
    c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ k[0];
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ k[1];
    c[3] = (uint32_t)p0;
    k[0] += ATTN_PHILOX_W0;
    k[1] += ATTN_PHILOX_W1;
  }
  memcpy(out, c, sizeof c);
}

// MARK: Digests

static const uint32_t canonical_f32 = 0x7FC00000u;
static const uint64_t canonical_f64 = 0x7FF8000000000000u;

void attn_canonical_nans(attn_dtype dtype, int64_t n, const void *x, void *y) {
  if (dtype == ATTN_F32) {
    const uint32_t *from = x;
    uint32_t *to = y;
    for (ATTN_CHECKED_CHUNKS(start, end, n, DIGEST_CHUNK))
      for (int64_t i = start; i < end; i++)
        to[i] = (from[i] & 0x7FFFFFFFu) > 0x7F800000u ? canonical_f32 : from[i];
  } else if (dtype == ATTN_F64) {
    const uint64_t *from = x;
    uint64_t *to = y;
    for (ATTN_CHECKED_CHUNKS(start, end, n, DIGEST_CHUNK))
      for (int64_t i = start; i < end; i++)
        to[i] = (from[i] & 0x7FFFFFFFFFFFFFFFu) > 0x7FF0000000000000u ? canonical_f64 : from[i];
  } else if (x != y) {
    int64_t size = dtype == ATTN_BOOL ? 1 : dtype == ATTN_I32 ? 4 : 8;
    for (ATTN_CHECKED_CHUNKS(start, end, n * size, DIGEST_CHUNK))
      memcpy((char *)y + start, (const char *)x + start, (size_t)(end - start));
  }
}

// XXH64 as its specification says (github.com/Cyan4973/xxHash, doc/xxhash_spec.md). Words are read
// in the order of the machine, which is little-endian wherever attn runs.
static const uint64_t PRIME_1 = 0x9E3779B185EBCA87u, PRIME_2 = 0xC2B2AE3D27D4EB4Fu,
                      PRIME_3 = 0x165667B19E3779F9u, PRIME_4 = 0x85EBCA77C2B2AE63u,
                      PRIME_5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
static uint64_t word(const uint8_t *p) {
  uint64_t x;
  memcpy(&x, p, sizeof x);
  return x;
}
static uint64_t mix(uint64_t lane, uint64_t input) {
  return rotate(lane + input * PRIME_2, 31) * PRIME_1;
}

uint64_t attn_hash(attn_dtype dtype, int64_t n, const void *x, uint64_t seed) {
  enum { STRIPE = 32, BUFFER = 4096 };
  int64_t size = dtype == ATTN_BOOL ? 1 : dtype == ATTN_F32 || dtype == ATTN_I32 ? 4 : 8;
  int64_t length = n * size;
  uint64_t lanes[4] = {seed + PRIME_1 + PRIME_2, seed + PRIME_2, seed, seed - PRIME_1};
  _Alignas(64) uint8_t buffer[BUFFER];
  const uint8_t *p = buffer;
  int64_t left = 0;  // in the buffer, once the loop has ended
  for (int64_t at = 0; at < length && !attn_should_stop(); at += BUFFER) {
    left = length - at < BUFFER ? length - at : BUFFER;
    attn_canonical_nans(dtype, left / size, (const uint8_t *)x + at, buffer);
    for (p = buffer; left >= STRIPE; p += STRIPE, left -= STRIPE)
      for (int l = 0; l < 4; l++) lanes[l] = mix(lanes[l], word(p + 8 * l));
  }
  uint64_t hash;
  if (length >= STRIPE) {
    hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (int l = 0; l < 4; l++) hash = (hash ^ mix(0, lanes[l])) * PRIME_1 + PRIME_4;
  } else {
    hash = seed + PRIME_5;
  }
  hash += (uint64_t)length;
  for (; left >= 8; p += 8, left -= 8)
    hash = rotate(hash ^ mix(0, word(p)), 27) * PRIME_1 + PRIME_4;
  if (left >= 4) {
    uint32_t half;
    memcpy(&half, p, sizeof half);
    hash = rotate(hash ^ half * PRIME_1, 23) * PRIME_2 + PRIME_3;
    p += 4;
    left -= 4;
  }
  for (; left > 0; p++, left--) hash = rotate(hash ^ *p * PRIME_5, 11) * PRIME_1;
  hash ^= hash >> 33;
  hash *= PRIME_2;
  hash ^= hash >> 29;
  hash *= PRIME_3;
  hash ^= hash >> 32;
  return hash;
}
