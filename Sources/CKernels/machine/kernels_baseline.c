// Every kernel, compiled for whatever the target always has: SSE2 on x86-64, NEON on aarch64.
#include "CKernels.h"
#include "machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ATTN_ISA(name) name##_baseline
#define ATTN_LEVEL 0

#include "vector/vector.h"

#include "vector/vector_math.h"

#include "products/matmul_kernels.h"
#include "elementwise/elementwise_kernels.h"  // uses the transposes of the one above
#include "gather/index_kernels.h"
#include "peak_kernels.h"
#include "reductions/reduce_kernels.h"
#include "rows/row_kernels.h"
#include "attention/attention_kernels.h"  // uses products and rows
