// What matmul_dispatch.c hands to the kernels of matmul_kernels.h.
#ifndef ATTN_MATMUL_H
#define ATTN_MATMUL_H

#include <stdint.h>

// c = a b for one block of a batch. Strides count elements; c's columns are contiguous, or, where
// c_cs is not 1, its rows are (c_rs is 1).
typedef struct {
  int64_t m, n, k;
  int64_t a_rs, a_cs, b_rs, b_cs, c_rs, c_cs;
} attn_product;

#endif
