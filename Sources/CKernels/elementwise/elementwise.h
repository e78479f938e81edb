// What the dispatch of elementwise operations and copies calls, once per instruction set: one run of n
// elements each.
//
// A step is 1 (the run is contiguous) or 0 (one element, repeated).
#ifndef ATTN_ELEMENTWISE_H
#define ATTN_ELEMENTWISE_H

#include "machine/isa.h"

ATTN_DECLARE(attn_status, attn_unary_run, attn_unary_op op, attn_dtype dtype, int64_t n,
             const void *x, void *y);
ATTN_DECLARE(attn_status, attn_binary_run, attn_binary_op op, attn_dtype dtype, int64_t n,
             const void *a, int64_t a_step, const void *b, int64_t b_step, void *y);
ATTN_DECLARE(void, attn_compare_run, attn_compare_op op, attn_dtype dtype, int64_t n,
             const void *a, int64_t a_step, const void *b, int64_t b_step, uint8_t *y);
ATTN_DECLARE(void, attn_select_run, int32_t item_size, int64_t n, const uint8_t *c, int64_t c_step,
             const void *a, int64_t a_step, const void *b, int64_t b_step, void *y);
ATTN_DECLARE(attn_status, attn_cast_run, attn_dtype from, attn_dtype to, int64_t n,
             const void *x, void *y);
// y[j * y_stride + i] = x[i * x_stride + j] for i in 0..<rows, j in 0..<columns.
ATTN_DECLARE(void, attn_transpose_run, int32_t item_size, int64_t rows, int64_t columns,
             const void *x, int64_t x_stride, void *y, int64_t y_stride);

#endif
