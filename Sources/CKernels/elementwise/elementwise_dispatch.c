// Elementwise operations: how an index space becomes runs of elements, and runs become threads' work.
//
// Axes that are laid out alike are merged first, which leaves most calls with one run. Otherwise a
// piece of the result goes row by row along the last axis where the operands allow it, and else in
// blocks whose operands are first copied next to each other. None of this shows in the bits.
#include "elementwise.h"

#include <stdatomic.h>
#include <string.h>

#include "index_space.h"
#include "machine/machine.h"
#include "machine/pool.h"
#include "machine/scratch.h"

enum {
  BLOCK = 1024,        // elements gathered at once: three operands of f64 fit the first-level cache
  SHORT_ROW = 48,      // rows below this many elements are gathered into blocks
  WORTH_LINING_UP = 16384,  // elements from which a transposed operand is copied as a whole
};

// MARK: What the rows of the functions say

// Quarters of a nanosecond an element.
static int64_t unary_price(attn_unary_op op, attn_dtype dtype) {
  switch (op) {
#define ROW(NAME, name, price, wide, ...) \
  case ATTN_##NAME: return dtype == ATTN_F32 ? price : wide;
    ATTN_FLOAT_FUNCTIONS(ROW, ROW)
#undef ROW
    default: return 1;
  }
}

static int64_t binary_price(attn_binary_op op, attn_dtype dtype) {
  switch (op) {
    case ATTN_POW: return 20;
    case ATTN_FLOORDIV: case ATTN_MOD: return 8;
#define NONE(...)
#define ROW(NAME, name, price, wide, formula, bound, exact, grad_price, grad_wide, ...) \
  case ATTN_##NAME##_GRAD: return dtype == ATTN_F32 ? grad_price : grad_wide;
    ATTN_FLOAT_FUNCTIONS(NONE, ROW)
#undef ROW
#undef NONE
    default: return 1;
  }
}

const char *attn_unary_name(attn_unary_op op) {
  static const char *const names[] = {
      "negate", "abs", "sign", "not",
#define ROW(NAME, name, ...) #name,
      ATTN_FLOAT_FUNCTIONS(ROW, ROW)
#undef ROW
  };
  return names[op];
}

const char *attn_binary_name(attn_binary_op op) {
  static const char *const names[] = {
      "add", "subtract", "multiply", "divide", "floorDivide", "remainder", "power", "maximum", "minimum", "and",
      "or",
#define NONE(...)
#define ROW(NAME, name, ...) #name "Gradient",
      ATTN_FLOAT_FUNCTIONS(NONE, ROW)
#undef ROW
#undef NONE
  };
  return names[op];
}

// MARK: Operations on several operands

static bool is_flat(const space *s, int32_t k) {
  int64_t expected = 1;
  for (int32_t axis = s->rank - 1; axis >= 0; axis--) {
    if (s->strides[k][axis] != expected) return false;
    expected *= s->shape[axis];
  }
  return true;
}

static bool is_constant(const space *s, int32_t k) {
  for (int32_t axis = 0; axis < s->rank; axis++) {
    if (s->strides[k][axis] != 0) return false;
  }
  return true;
}

// Elements first..<first + n of operand k, one after another.
static void gather(const space *s, int32_t k, int32_t item_size, const void *x, int64_t first,
                   int64_t n, void *y) {
  space one = {.rank = s->rank, .operands = 1};
  memcpy(one.shape, s->shape, sizeof one.shape);
  memcpy(one.strides[0], s->strides[k], sizeof one.strides[0]);
  position p;
  seek(&one, first, &p);
  int64_t row = one.shape[one.rank - 1], stride = one.strides[0][one.rank - 1];
  while (n > 0) {
    int64_t step = row - p.index[one.rank - 1];
    if (step > n) step = n;
    copy_run(item_size, step, at(x, p.offset[0], item_size), stride, y, 1);
    y = (char *)y + step * item_size;
    n -= step;
    advance(&one, &p, step);
  }
}

static int32_t size_of(attn_dtype dtype) {
  static const int32_t sizes[] = {4, 8, 4, 8, 1};
  return sizes[dtype];
}

typedef enum { BINARY, COMPARE, SELECT } family;

typedef struct {
  family family;
  int op;
  attn_dtype dtype;
  space s;
  const void *x[MOST_OPERANDS];  // select: c, a, b
  int32_t sizes[MOST_OPERANDS];
  void *y;
  int32_t y_size;
  bool by_rows;
  bool flat[MOST_OPERANDS], constant[MOST_OPERANDS];
  int64_t tasks;
  _Atomic int status;  // the greatest of all runs, so that threads make no difference
} job;

static attn_status run(const job *j, int64_t n, const void *const *x, const int64_t *steps,
                       void *y) {
  switch (j->family) {
    case BINARY:
      return ATTN_PICK(attn_binary_run)((attn_binary_op)j->op, j->dtype, n, x[0], steps[0], x[1],
                                        steps[1], y);
    case COMPARE:
      ATTN_PICK(attn_compare_run)((attn_compare_op)j->op, j->dtype, n, x[0], steps[0], x[1],
                                  steps[1], y);
      return ATTN_OK;
    case SELECT:
      ATTN_PICK(attn_select_run)(j->y_size, n, x[0], steps[0], x[1], steps[1], x[2], steps[2], y);
      return ATTN_OK;
  }
  return ATTN_OK;
}

static attn_status run_rows(const job *j, int64_t first, int64_t end) {
  const space *s = &j->s;
  int32_t last = s->rank - 1;
  attn_status status = ATTN_OK;
  position p;
  seek(s, first, &p);
  const void *x[MOST_OPERANDS];
  int64_t steps[MOST_OPERANDS];
  for (int32_t k = 0; k < s->operands; k++) steps[k] = s->strides[k][last];
  while (first < end) {
    int64_t n = s->shape[last] - p.index[last];
    if (n > end - first) n = end - first;
    for (int32_t k = 0; k < s->operands; k++) x[k] = at(j->x[k], p.offset[k], j->sizes[k]);
    attn_status got = run(j, n, x, steps, (void *)at(j->y, first, j->y_size));
    if (got > status) status = got;
    first += n;
    advance(s, &p, n);
  }
  return status;
}

static attn_status run_blocks(const job *j, int64_t first, int64_t end) {
  uint64_t blocks[MOST_OPERANDS][BLOCK];
  const space *s = &j->s;
  attn_status status = ATTN_OK;
  const void *x[MOST_OPERANDS];
  int64_t steps[MOST_OPERANDS];
  while (first < end) {
    int64_t n = end - first < BLOCK ? end - first : BLOCK;
    for (int32_t k = 0; k < s->operands; k++) {
      steps[k] = !j->constant[k];
      if (j->constant[k]) {
        x[k] = j->x[k];
      } else if (j->flat[k]) {
        x[k] = at(j->x[k], first, j->sizes[k]);
      } else {
        gather(s, k, j->sizes[k], j->x[k], first, n, blocks[k]);
        x[k] = blocks[k];
      }
    }
    attn_status got = run(j, n, x, steps, (void *)at(j->y, first, j->y_size));
    if (got > status) status = got;
    first += n;
  }
  return status;
}

static void run_task(void *context, int64_t task) {
  job *j = context;
  int64_t first = attn_task_start(j->s.count, j->tasks, task, 64);
  int64_t end = attn_task_start(j->s.count, j->tasks, task + 1, 64);
  int status = (int)(j->by_rows ? run_rows(j, first, end) : run_blocks(j, first, end));
  int seen = atomic_load_explicit(&j->status, memory_order_relaxed);
  while (status > seen &&
         !atomic_compare_exchange_weak_explicit(&j->status, &seen, status, memory_order_relaxed,
                                                memory_order_relaxed)) {
  }
}

// Copies operand k so that it lies flat. Worth it where it lies across: gathering along a column
// would touch a cache line for every element.
static size_t line_up(job *j, int32_t k, char *to) {
  int64_t flat[MOST_AXES], stride = 1;
  for (int32_t axis = j->s.rank - 1; axis >= 0; axis--) {
    flat[axis] = stride;
    stride *= j->s.shape[axis];
  }
  attn_copy(j->sizes[k], j->s.rank, j->s.shape, j->s.strides[k], j->x[k], flat, to);
  memcpy(j->s.strides[k], flat, sizeof flat);
  j->x[k] = to;
  return (size_t)(j->s.count * j->sizes[k] + 63) / 64 * 64;
}

// `price` is what an element costs, in quarters of a nanosecond.
static attn_status run_all(job *j, int64_t price) {
  space *s = &j->s;
  if (s->count == 0) return ATTN_OK;
  int32_t last = s->rank - 1;
  bool across[MOST_OPERANDS], steps_fit = true;
  size_t bytes = 0;
  for (int32_t k = 0; k < s->operands; k++) {
    int64_t step = s->strides[k][last];
    bool fits = step == 0 || step == 1;
    steps_fit &= fits;
    across[k] = false;
    for (int32_t axis = 0; !fits && axis < last; axis++) across[k] |= s->strides[k][axis] == 1;
    if (across[k]) bytes += (size_t)(s->count * j->sizes[k]) + 64;
  }
  if (s->rank == 1 && steps_fit) {
    j->by_rows = true;
  } else {
    char *room = s->count >= WORTH_LINING_UP && bytes > 0 ? attn_try_scratch(bytes) : NULL;
    if (room != NULL) {
      steps_fit = true;
      for (int32_t k = 0; k < s->operands; k++) {
        if (across[k]) room += line_up(j, k, room);
        steps_fit &= s->strides[k][last] == 0 || s->strides[k][last] == 1;
      }
    }
    for (int32_t k = 0; k < s->operands; k++) {
      j->flat[k] = is_flat(s, k);
      j->constant[k] = is_constant(s, k);
    }
    j->by_rows = steps_fit && s->shape[last] >= SHORT_ROW;
  }
  j->tasks = attn_tasks(s->count * price / 4, (s->count + 4095) / 4096);
  if (j->tasks <= 1) return j->by_rows ? run_rows(j, 0, s->count) : run_blocks(j, 0, s->count);
  attn_parallel(j->tasks, run_task, j);
  return (attn_status)atomic_load_explicit(&j->status, memory_order_relaxed);
}

attn_status attn_binary(attn_binary_op op, attn_dtype dtype, int32_t rank, const int64_t *shape,
                        const int64_t *a_strides, const void *a, const int64_t *b_strides,
                        const void *b, void *y) {
  job j;
  const int64_t *strides[] = {a_strides, b_strides};
  collapse(&j.s, rank, shape, 2, strides);
  j.family = BINARY;
  j.op = (int)op;
  j.dtype = dtype;
  j.x[0] = a;
  j.x[1] = b;
  j.y = y;
  j.sizes[0] = j.sizes[1] = j.y_size = size_of(dtype);
  atomic_init(&j.status, 0);
  return run_all(&j, binary_price(op, dtype));
}

void attn_compare(attn_compare_op op, attn_dtype dtype, int32_t rank, const int64_t *shape,
                  const int64_t *a_strides, const void *a, const int64_t *b_strides, const void *b,
                  uint8_t *y) {
  job j;
  const int64_t *strides[] = {a_strides, b_strides};
  collapse(&j.s, rank, shape, 2, strides);
  j.family = COMPARE;
  j.op = (int)op;
  j.dtype = dtype;
  j.x[0] = a;
  j.x[1] = b;
  j.y = y;
  j.sizes[0] = j.sizes[1] = size_of(dtype);
  j.y_size = 1;
  atomic_init(&j.status, 0);
  run_all(&j, 1);
}

void attn_select(attn_dtype dtype, int32_t rank, const int64_t *shape, const int64_t *c_strides,
                 const uint8_t *c, const int64_t *a_strides, const void *a,
                 const int64_t *b_strides, const void *b, void *y) {
  job j;
  const int64_t *strides[] = {c_strides, a_strides, b_strides};
  collapse(&j.s, rank, shape, 3, strides);
  j.family = SELECT;
  j.dtype = dtype;
  j.x[0] = c;
  j.x[1] = a;
  j.x[2] = b;
  j.y = y;
  j.sizes[0] = 1;
  j.sizes[1] = j.sizes[2] = j.y_size = size_of(dtype);
  atomic_init(&j.status, 0);
  run_all(&j, 1);
}

// MARK: Operations on one operand

typedef struct {
  int op;  // an attn_unary_op, or CAST
  attn_dtype from, to;
  int64_t n, tasks;
  const void *x;
  void *y;
  _Atomic int status;
} unary_job;

enum { CAST = -1 };

static attn_status run_unary(const unary_job *j, int64_t first, int64_t end) {
  const void *x = at(j->x, first, size_of(j->from));
  void *y = (void *)at(j->y, first, size_of(j->to));
  if (j->op == CAST) return ATTN_PICK(attn_cast_run)(j->from, j->to, end - first, x, y);
  return ATTN_PICK(attn_unary_run)((attn_unary_op)j->op, j->from, end - first, x, y);
}

static void unary_task(void *context, int64_t task) {
  unary_job *j = context;
  attn_status status = run_unary(j, attn_task_start(j->n, j->tasks, task, 64),
                                 attn_task_start(j->n, j->tasks, task + 1, 64));
  // One operand has one way to fail, so it does not matter who says so.
  if (status != ATTN_OK) atomic_store_explicit(&j->status, (int)status, memory_order_relaxed);
}

static attn_status run_all_unary(unary_job *j, int64_t price) {
  j->tasks = attn_tasks(j->n * price / 4, (j->n + 4095) / 4096);
  if (j->tasks <= 1) return run_unary(j, 0, j->n);
  attn_parallel(j->tasks, unary_task, j);
  return (attn_status)atomic_load_explicit(&j->status, memory_order_relaxed);
}

attn_status attn_unary(attn_unary_op op, attn_dtype dtype, int64_t n, const void *x, void *y) {
  unary_job j = {.op = (int)op, .from = dtype, .to = dtype, .n = n, .x = x, .y = y};
  return run_all_unary(&j, unary_price(op, dtype));
}

attn_status attn_cast(attn_dtype from, attn_dtype to, int64_t n, const void *x, void *y) {
  unary_job j = {.op = CAST, .from = from, .to = to, .n = n, .x = x, .y = y};
  return run_all_unary(&j, 1);
}

double attn_unary_scalar(attn_unary_op op, double x) {
  double y = 0;
  ATTN_PICK(attn_unary_run)(op, ATTN_F64, 1, &x, &y);
  return y;
}

double attn_pow_scalar(double x, double y) {
  double z = 0;
  ATTN_PICK(attn_binary_run)(ATTN_POW, ATTN_F64, 1, &x, 1, &y, 1, &z);
  return z;
}
