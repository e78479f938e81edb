// Every kernel, compiled for whatever the target always has: SSE2 on x86-64, NEON on aarch64.
#include "CKernels.h"
#include "machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ATTN_ISA(name) name##_baseline
#define ATTN_LEVEL 0

#include "vector.h"

#include "vector_math.h"

#include "matmul_kernels.h"
#include "elementwise_kernels.h"  // uses the transposes of the one above
#include "index_kernels.h"
#include "peak_kernels.h"
#include "reduce_kernels.h"
#include "row_kernels.h"
#include "attention_kernels.h"  // uses products and rows
