// Index spaces: the axes that a loop over one or more operands has left, once those that are laid out
// alike have been merged, and positions in them.
#ifndef ATTN_INDEX_SPACE_H
#define ATTN_INDEX_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MOST_AXES = 16, MOST_OPERANDS = 3 };

typedef struct {
  int32_t rank, operands;
  int64_t count;
  int64_t shape[MOST_AXES];
  int64_t strides[MOST_OPERANDS][MOST_AXES];
} space;

// Leaves out axes of length 1 and merges an axis with the one before it where no operand notices.
// There is always a last axis.
static inline void collapse(space *s, int32_t rank, const int64_t *shape, int32_t operands,
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

// A position in a space: its index along every axis and each operand's offset.
typedef struct {
  int64_t index[MOST_AXES];
  int64_t offset[MOST_OPERANDS];
} position;

static inline void seek(const space *s, int64_t flat, position *p) {
  for (int32_t k = 0; k < s->operands; k++) p->offset[k] = 0;
  for (int32_t axis = s->rank - 1; axis >= 0; axis--) {
    p->index[axis] = flat % s->shape[axis];
    flat /= s->shape[axis];
    for (int32_t k = 0; k < s->operands; k++) p->offset[k] += p->index[axis] * s->strides[k][axis];
  }
}

// Moves on by `step` elements, at most to the end of the row.
static inline void advance(const space *s, position *p, int64_t step) {
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

static inline const void *at(const void *base, int64_t offset, int32_t item_size) {
  return (const char *)base + offset * item_size;
}

// Copies n elements, `stride` elements apart.
static inline void copy_run(int32_t item_size, int64_t n, const void *x, int64_t x_stride, void *y,
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
#undef COPY_AS
}

#endif
