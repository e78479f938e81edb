// Reductions of floats. What LANES means is said in lanes.h; a reduction along an axis that is not
// the last has the same order for each of its outputs, with the outputs side by side in a vector.
#include "vector/lanes.h"

#define ATTN_E float
#define ATTN_V f32x16
#define ATTN_F(name) name##_f32
#include "reduce_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_F

#define ATTN_E double
#define ATTN_V f64x16
#define ATTN_F(name) name##_f64
#include "reduce_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_F
