// Elementwise operations: how an index space becomes runs of elements, and runs become threads' work.
//
// Axes that are laid out alike are merged first, which leaves most calls with one run. Otherwise a
// piece of the result goes row by row along the last axis where the operands allow it, and else in
// blocks whose operands are first copied next to each other. None of this shows in the bits.
#include "elementwise.h"

#include <stdatomic.h>
#include <string.h>

#include "machine.h"
#include "pool.h"
#include "scratch.h"
#include "stream.h"

enum {
  MOST_AXES = 16,
  MOST_OPERANDS = 3,
  BLOCK = 1024,        // elements gathered at once: three operands of f64 fit the first-level cache
  SHORT_ROW = 48,      // rows below this many elements are gathered into blocks
  WORTH_LINING_UP = 16384,  // elements from which a transposed operand is copied as a whole
  SHORTEST_STREAM = 512,    // bytes of a row from which it is worth writing past the caches
  LONGEST_RUN = 1 << 18,    // elements copied between two looks at a request to stop
  LONGEST_STRIP = 1 << 14,  // rows of 64 elements, likewise
};

// MARK: Index spaces

typedef struct {
  int32_t rank, operands;
  int64_t count;
  int64_t shape[MOST_AXES];
  int64_t strides[MOST_OPERANDS][MOST_AXES];
} space;

// Leaves out axes of length 1 and merges an axis with the one before it where no operand notices.
// There is always a last axis.
static void collapse(space *s, int32_t rank, const int64_t *shape, int32_t operands,
                     const int64_t *const *strides) {
  s->rank = 0;
  s->operands = operands;
  s->count = 1;
  for (int32_t axis = 0; axis < rank; axis++) {
    int64_t length = shape[axis];
    s->count *= length;
    if (length == 1) continue;
    int32_t last = s->rank - 1;
    bool merges = last >= 0;
    for (int32_t k = 0; merges && k < operands; k++)
      merges = s->strides[k][last] == strides[k][axis] * length;
    if (merges) {
      s->shape[last] *= length;
    } else {
      last = s->rank++;
      s->shape[last] = length;
    }
    for (int32_t k = 0; k < operands; k++) s->strides[k][last] = strides[k][axis];
  }
  if (s->rank == 0) {
    s->rank = 1;
    s->shape[0] = 1;
    for (int32_t k = 0; k < operands; k++) s->strides[k][0] = 0;
  }
}

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

// A position in a space: its index along every axis and each operand's offset.
typedef struct {
  int64_t index[MOST_AXES];
  int64_t offset[MOST_OPERANDS];
} position;

static void seek(const space *s, int64_t flat, position *p) {
  for (int32_t k = 0; k < s->operands; k++) p->offset[k] = 0;
  for (int32_t axis = s->rank - 1; axis >= 0; axis--) {
    p->index[axis] = flat % s->shape[axis];
    flat /= s->shape[axis];
    for (int32_t k = 0; k < s->operands; k++) p->offset[k] += p->index[axis] * s->strides[k][axis];
  }
}

// Moves on by `step` elements, at most to the end of the row.
static void advance(const space *s, position *p, int64_t step) {
  int32_t axis = s->rank - 1;
  p->index[axis] += step;
  for (int32_t k = 0; k < s->operands; k++) p->offset[k] += step * s->strides[k][axis];
  while (axis > 0 && p->index[axis] == s->shape[axis]) {
    for (int32_t k = 0; k < s->operands; k++)
      p->offset[k] += s->strides[k][axis - 1] - s->shape[axis] * s->strides[k][axis];
    p->index[axis] = 0;
    p->index[--axis]++;
  }
}

// MARK: Copies

static void copy_run(int32_t item_size, int64_t n, const void *x, int64_t x_stride, void *y,
                     int64_t y_stride) {
  if (x_stride == 1 && y_stride == 1) {
    memcpy(y, x, (size_t)(n * item_size));
    return;
  }
#define COPY_AS(E)                                                                          \
  for (int64_t i = 0; i < n; i++) ((E *)y)[i * y_stride] = ((const E *)x)[i * x_stride];    \
  return
  switch (item_size) {
    case 1: COPY_AS(uint8_t);
    case 4: COPY_AS(uint32_t);
    case 8: COPY_AS(uint64_t);
  }
}

static inline const void *at(const void *base, int64_t offset, int32_t item_size) {
  return (const char *)base + offset * item_size;
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

typedef struct {
  space s;  // operands x and y
  int32_t item_size;
  bool transposes;  // the last two axes: y contiguous along the last, x along the one before
  bool is_one_run;  // which may be cut anywhere
  int64_t parts;
  const void *x;
  void *y;
} copy_job;

static void copy_rows(copy_job *job, int64_t first, int64_t end) {
  space *s = &job->s;
  int32_t last = s->rank - 1, size = job->item_size;
  int64_t row = s->shape[last];
  bool streams = attn_streams(s->count * size) && row * size >= SHORTEST_STREAM &&
                 s->strides[0][last] == 1 && s->strides[1][last] == 1;
  position p;
  seek(s, first * row, &p);
  for (int64_t i = first; i < end; i++) {
    for (ATTN_STRETCHES(start, stop, row, LONGEST_RUN)) {
      const void *from = at(job->x, p.offset[0] + start * s->strides[0][last], size);
      void *to = (void *)at(job->y, p.offset[1] + start * s->strides[1][last], size);
      if (streams) attn_stream(to, from, (size_t)((stop - start) * size));
      else copy_run(size, stop - start, from, s->strides[0][last], to, s->strides[1][last]);
    }
    advance(s, &p, row);
  }
  if (streams) attn_stream_end();
}

// A strip of the last axis of one matrix, so that a single matrix can be shared out too.
static void copy_strip(copy_job *job, int64_t matrix, int64_t first, int64_t end) {
  space *s = &job->s;
  int32_t last = s->rank - 1, size = job->item_size;
  position p;
  seek(s, matrix * s->shape[last - 1] * s->shape[last] + first, &p);
  int64_t y_stride = s->strides[1][last - 1];
  for (ATTN_STRETCHES(from, to, s->shape[last - 1], LONGEST_STRIP))
    ATTN_PICK(attn_transpose_run)(size, end - first, to - from,
                                  at(job->x, p.offset[0] + from, size), s->strides[0][last],
                                  (void *)at(job->y, p.offset[1] + from * y_stride, size), y_stride);
}

static void copy_part(void *context, int64_t part) {
  copy_job *job = context;
  space *s = &job->s;
  int64_t row = s->shape[s->rank - 1];
  if (job->is_one_run) {
    int64_t first = attn_piece_start(row, job->parts, part, 64);
    copy_run(job->item_size, attn_piece_start(row, job->parts, part + 1, 64) - first,
             at(job->x, first, job->item_size), 1, (void *)at(job->y, first, job->item_size), 1);
    return;
  }
  if (!job->transposes) {
    int64_t rows = s->count / row;
    copy_rows(job, attn_piece_start(rows, job->parts, part, 1),
              attn_piece_start(rows, job->parts, part + 1, 1));
    return;
  }
  // Strips of all matrices, numbered in a row: 64 rows of x each.
  int64_t strips = (row + 63) / 64, all = s->count / row / s->shape[s->rank - 2] * strips;
  int64_t end = attn_piece_start(all, job->parts, part + 1, 1);
  for (int64_t i = attn_piece_start(all, job->parts, part, 1); i < end; i++) {
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
  int64_t pieces = job.is_one_run ? (s->count + 63) / 64 : s->count / s->shape[s->rank - 1];
  if (job.transposes) pieces = pieces / s->shape[s->rank - 2] * ((s->shape[s->rank - 1] + 63) / 64);
  job.parts = attn_pieces(s->count / (job.transposes ? 2 : 4), pieces);
  if (job.parts == 1) copy_part(&job, 0);
  else attn_parallel(job.parts, copy_part, &job);
}

// MARK: Operations on several operands

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
  int64_t parts;
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

static void run_part(void *context, int64_t part) {
  job *j = context;
  int64_t first = attn_piece_start(j->s.count, j->parts, part, 64);
  int64_t end = attn_piece_start(j->s.count, j->parts, part + 1, 64);
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
  j->parts = attn_pieces(s->count * price / 4, (s->count + 4095) / 4096);
  if (j->parts <= 1) return j->by_rows ? run_rows(j, 0, s->count) : run_blocks(j, 0, s->count);
  attn_parallel(j->parts, run_part, j);
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
  bool is_float = dtype == ATTN_F32 || dtype == ATTN_F64;
  int64_t price = 1;
  if (op == ATTN_POW) price = 20;
  else if (op >= ATTN_SILU_GRAD && is_float) price = dtype == ATTN_F32 ? 5 : 15;
  else if (op == ATTN_FLOORDIV || op == ATTN_MOD) price = 8;
  return run_all(&j, price);
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
  int64_t n, parts;
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

static void unary_part(void *context, int64_t part) {
  unary_job *j = context;
  attn_status status = run_unary(j, attn_piece_start(j->n, j->parts, part, 64),
                                 attn_piece_start(j->n, j->parts, part + 1, 64));
  // One operand has one way to fail, so it does not matter who says so.
  if (status != ATTN_OK) atomic_store_explicit(&j->status, (int)status, memory_order_relaxed);
}

static attn_status run_all_unary(unary_job *j, int64_t price) {
  j->parts = attn_pieces(j->n * price / 4, (j->n + 4095) / 4096);
  if (j->parts <= 1) return run_unary(j, 0, j->n);
  attn_parallel(j->parts, unary_part, j);
  return (attn_status)atomic_load_explicit(&j->status, memory_order_relaxed);
}

attn_status attn_unary(attn_unary_op op, attn_dtype dtype, int64_t n, const void *x, void *y) {
  unary_job j = {.op = (int)op, .from = dtype, .to = dtype, .n = n, .x = x, .y = y};
  bool cheap = op < ATTN_EXP || op >= ATTN_FLOOR || op == ATTN_SQRT || op == ATTN_RELU;
  return run_all_unary(&j, cheap ? 1 : dtype == ATTN_F32 ? 4 : 12);
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

// MARK: Fills

typedef struct {
  int32_t item_size;
  int64_t n, parts, start, step;
  uint64_t value;
  void *y;
} fill_job;

static void fill_part(void *context, int64_t part) {
  const fill_job *j = context;
  int64_t first = attn_piece_start(j->n, j->parts, part, 64);
  int64_t end = attn_piece_start(j->n, j->parts, part + 1, 64);
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
  j.parts = attn_pieces(n / 8 * item_size, (n + 63) / 64);
  if (j.parts == 1) fill_part(&j, 0);
  else attn_parallel(j.parts, fill_part, &j);
}

static void range_part(void *context, int64_t part) {
  const fill_job *j = context;
  int64_t end = attn_piece_start(j->n, j->parts, part + 1, 64);
  for (int64_t i = attn_piece_start(j->n, j->parts, part, 64); i < end; i++)
    ((int64_t *)j->y)[i] = (int64_t)((uint64_t)j->start + (uint64_t)i * (uint64_t)j->step);
}

void attn_range(int64_t n, int64_t start, int64_t step, int64_t *y) {
  fill_job j = {.n = n, .start = start, .step = step, .y = y};
  j.parts = attn_pieces(n, (n + 63) / 64);
  if (j.parts == 1) range_part(&j, 0);
  else attn_parallel(j.parts, range_part, &j);
}
