// Softmax, norms, cross-entropy and AdamW for floats: fused forms of composites, with their bits.
// Every sum over a row is in LANES (lanes.h); no product is contracted with the addition after it.
// The formula above a kernel is its order of operations: one rounding for each operator.
#include "vector/lanes.h"

#define ATTN_E float
#define ATTN_V f32x16
#define ATTN_I i32x16
#define ATTN_F(name) name##_f32
#include "row_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_I
#undef ATTN_F

#define ATTN_E double
#define ATTN_V f64x16
#define ATTN_I i64x16
#define ATTN_F(name) name##_f64
#include "row_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_I
#undef ATTN_F
