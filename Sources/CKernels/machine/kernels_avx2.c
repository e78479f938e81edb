// Every kernel, compiled for AVX2 and FMA. Chosen at run time: see attn_current_isa.
#if defined(__x86_64__)

#include "CKernels.h"
#include "machine.h"

#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ATTN_ISA(name) name##_avx2
#define ATTN_LEVEL 1

// System headers stay outside: what is declared from here on is for this instruction set.
#pragma clang attribute push( \
    __attribute__((target("avx2,fma"))), apply_to = function)

#include "vector/vector.h"

#include "vector/vector_math.h"

#include "products/matmul_kernels.h"
#include "elementwise/elementwise_kernels.h"  // uses the transposes of the one above
#include "gather/index_kernels.h"
#include "peak_kernels.h"
#include "reductions/reduce_kernels.h"
#include "rows/row_kernels.h"
#include "attention/attention_kernels.h"  // uses products and rows

#pragma clang attribute pop

#else
typedef int attn_nothing_here;  // an empty translation unit is not C
#endif
