// Products of matrices. Each element of c is one chain of fma over k, ascending, that starts at +0.
// Lanes, tiles, packing and threads only choose which elements are computed side by side; a block of
// k leaves its accumulators in c, and the next one takes them up again. So none of them touches a
// bit.
#include "matmul.h"
#include "machine/scratch.h"
#include "machine/template.h"

// The accumulators of a tile of ATTN_TILE_ROWS x ATTN_TILE_VECTORS stay in registers: 32 registers
// of 16 f32 with AVX-512, 16 of 8 with AVX2, 32 of 4 with NEON.
#if ATTN_LEVEL == 2
#define ATTN_TILE_ROWS 8
#define ATTN_TILE_VECTORS 2
#elif ATTN_LEVEL == 1 || defined(__aarch64__)
#define ATTN_TILE_ROWS 6
#define ATTN_TILE_VECTORS 1
#else
#define ATTN_TILE_ROWS 4
#define ATTN_TILE_VECTORS 1
#endif

// to[j * to_rs + i] = from[i * from_rs + j] for a square of one vector's side. Quarters of a vector
// are put together as they are loaded, so that the rest of the work stays inside quarters.
ATTN_INLINE void f32x16_transpose(const float *from, int64_t from_rs, float *to, int64_t to_rs) {
  typedef float f32x4 __attribute__((ext_vector_type(4)));
#pragma clang loop unroll(full)
  for (int j = 0; j < 16; j += 4) {
    f32x16 r[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      f32x4 q[4];
#pragma clang loop unroll(full)
      for (int l = 0; l < 4; l++) memcpy(&q[l], from + (4 * l + i) * from_rs + j, sizeof q[l]);
      f32x8 low = __builtin_shufflevector(q[0], q[1], 0, 1, 2, 3, 4, 5, 6, 7);
      f32x8 high = __builtin_shufflevector(q[2], q[3], 0, 1, 2, 3, 4, 5, 6, 7);
      r[i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
                                     15);
    }
#define ATTN_LOW(x, y) \
  __builtin_shufflevector(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define ATTN_HIGH(x, y) \
  __builtin_shufflevector(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
    f32x16 s0 = ATTN_LOW(r[0], r[1]), s1 = ATTN_HIGH(r[0], r[1]);
    f32x16 s2 = ATTN_LOW(r[2], r[3]), s3 = ATTN_HIGH(r[2], r[3]);
#undef ATTN_LOW
#undef ATTN_HIGH
#define ATTN_LOW(x, y) \
  __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define ATTN_HIGH(x, y) \
  __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
    f32x16_store(to + (j + 0) * to_rs, ATTN_LOW(s0, s2));
    f32x16_store(to + (j + 1) * to_rs, ATTN_HIGH(s0, s2));
    f32x16_store(to + (j + 2) * to_rs, ATTN_LOW(s1, s3));
    f32x16_store(to + (j + 3) * to_rs, ATTN_HIGH(s1, s3));
#undef ATTN_LOW
#undef ATTN_HIGH
  }
}

ATTN_INLINE void f64x8_transpose(const double *from, int64_t from_rs, double *to, int64_t to_rs) {
  typedef double f64x2 __attribute__((ext_vector_type(2)));
#pragma clang loop unroll(full)
  for (int j = 0; j < 8; j += 2) {
    f64x8 r[2];
#pragma clang loop unroll(full)
    for (int i = 0; i < 2; i++) {
      f64x2 q[4];
#pragma clang loop unroll(full)
      for (int l = 0; l < 4; l++) memcpy(&q[l], from + (2 * l + i) * from_rs + j, sizeof q[l]);
      r[i] = __builtin_shufflevector(__builtin_shufflevector(q[0], q[1], 0, 1, 2, 3),
                                     __builtin_shufflevector(q[2], q[3], 0, 1, 2, 3), 0, 1, 2, 3,
                                     4, 5, 6, 7);
    }
    f64x8_store(to + (j + 0) * to_rs,
                __builtin_shufflevector(r[0], r[1], 0, 8, 2, 10, 4, 12, 6, 14));
    f64x8_store(to + (j + 1) * to_rs,
                __builtin_shufflevector(r[0], r[1], 1, 9, 3, 11, 5, 13, 7, 15));
  }
}

#define ATTN_E float
#define ATTN_V f32x16
#define ATTN_LANES_IN_VECTOR 16
#define ATTN_F(name) name##_f32
#include "matmul_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_LANES_IN_VECTOR
#undef ATTN_F

#define ATTN_E double
#define ATTN_V f64x8
#define ATTN_LANES_IN_VECTOR 8
#define ATTN_F(name) name##_f64
#include "matmul_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_LANES_IN_VECTOR
#undef ATTN_F
