// 16 lanes of either float type, and sums over a row in LANES: the one order that sums, softmax,
// norms and losses share, so that a fused kernel has the bits of the single ones.
//
// LANES: a row is cut into chunks of 4096 elements. In a chunk, element i is added to lane i mod 16;
// each lane starts from +0 and goes up. Then lane l takes lane l + 8, then l + 4, l + 2, l + 1 (the
// lower lane is the left operand). Chunk results add in aligned pairs, pairs of pairs and so on, as
// if zeros filled the row up to a power of two of chunks.
//
// Zeros at the end never change a bit: a sum that starts from +0 is never -0 (rounding to nearest
// makes -0 from -0 + -0 only), and s + 0 is s for every other s. So a lane that got no element, and
// a chunk that is not there, may be added or left out.
#ifndef ATTN_LANES_H
#define ATTN_LANES_H

#include "machine/machine.h"
#include "machine/template.h"
#include "chunk.h"
#include "vector.h"
#include "vector_math.h"

typedef double f64x16 __attribute__((ext_vector_type(16)));
typedef int64_t i64x16 __attribute__((ext_vector_type(16)));

ATTN_INLINE f64x16 f64x16_splat(double x) { return (f64x16)(x); }
ATTN_INLINE f64x16 f64x16_load(const double *p) {
  f64x16 v;
  v.lo = f64x8_load(p);
  v.hi = f64x8_load(p + 8);
  return v;
}
ATTN_INLINE void f64x16_store(double *p, f64x16 v) {
  f64x8_store(p, v.lo);
  f64x8_store(p + 8, v.hi);
}
ATTN_INLINE f64x16 f64x16_load_part(const double *p, int64_t n, double pad) {
  f64x16 v;
  v.lo = f64x8_load_part(p, n < 8 ? n : 8, pad);
  v.hi = n > 8 ? f64x8_load_part(p + 8, n - 8, pad) : f64x8_splat(pad);
  return v;
}
ATTN_INLINE void f64x16_store_part(double *p, f64x16 v, int64_t n) {
  f64x8_store_part(p, v.lo, n < 8 ? n : 8);
  if (n > 8) f64x8_store_part(p + 8, v.hi, n - 8);
}

// Streaming stores (stream.h), to a boundary of 64 bytes.
ATTN_INLINE void f32x16_stream(float *p, f32x16 v) { __builtin_nontemporal_store(v, (f32x16 *)p); }
ATTN_INLINE void f64x16_stream(double *p, f64x16 v) {
  __builtin_nontemporal_store(v.lo, (f64x8 *)p);
  __builtin_nontemporal_store(v.hi, (f64x8 *)(p + 8));
}
#define ATTN_TWICE_1(name)                         \
  ATTN_INLINE f64x16 f64x16_##name(f64x16 x) {     \
    f64x16 y;                                      \
    y.lo = f64x8_##name(x.lo);                     \
    y.hi = f64x8_##name(x.hi);                     \
    return y;                                      \
  }
#define ATTN_TWICE_2(name)                               \
  ATTN_INLINE f64x16 f64x16_##name(f64x16 a, f64x16 b) { \
    f64x16 y;                                            \
    y.lo = f64x8_##name(a.lo, b.lo);                     \
    y.hi = f64x8_##name(a.hi, b.hi);                     \
    return y;                                            \
  }
ATTN_TWICE_1(exp)
ATTN_TWICE_1(log)
ATTN_TWICE_1(sqrt)
ATTN_TWICE_2(max)
ATTN_TWICE_2(min)
#undef ATTN_TWICE_1
#undef ATTN_TWICE_2
ATTN_INLINE i64x16 f64x16_bits(f64x16 x) { return (i64x16)x; }
ATTN_INLINE f64x16 f64x16_from_bits(i64x16 x) { return (f64x16)x; }

ATTN_INLINE float log_one_f32(float x) { return f32x16_log(f32x16_splat(x))[0]; }
ATTN_INLINE double log_one_f64(double x) { return f64x8_log(f64x8_splat(x))[0]; }

enum { ATTN_MOST_LEVELS = 52 };

#define ATTN_E float
#define ATTN_V f32x16
#define ATTN_I i32x16
#define ATTN_INTEGER int32_t
#define ATTN_F(name) name##_f32
#include "lanes_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_I
#undef ATTN_INTEGER
#undef ATTN_F

#define ATTN_E double
#define ATTN_V f64x16
#define ATTN_I i64x16
#define ATTN_INTEGER int64_t
#define ATTN_F(name) name##_f64
#include "lanes_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_I
#undef ATTN_INTEGER
#undef ATTN_F

#endif
