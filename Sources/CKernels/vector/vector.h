// Vectors of 64 bytes, for every kernel and every instruction set.
//
// One source is compiled once per instruction set (kernels_avx512.c, kernels_avx2.c,
// kernels_baseline.c); the compiler splits a vector into as many registers as it needs. A kernel
// therefore always works on 16 f32 or 8 f64 lanes, and its bits do not depend on the machine.
//
// Comparisons of vectors give a mask: all ones in a lane that holds, zero in one that does not.
// `mask ? a : b` selects, lane by lane, by the top bit of the mask. NaNs keep no promised payload
// or sign: the compiler may swap the operands of + and *.
#ifndef ATTN_VECTOR_H
#define ATTN_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// 0: portable C, 1: AVX2 and FMA, 2: AVX-512. Said by the file that includes this one.
#ifndef ATTN_LEVEL
#define ATTN_LEVEL 0
#endif
#if ATTN_LEVEL > 0
#include <immintrin.h>
#endif

// a * b + c is two roundings unless it is written as an fma. Clang obeys this at file scope only,
// from here to the end of the translation unit, so a file needs it (through this header) before its
// first function.
#pragma STDC FP_CONTRACT OFF

// These functions pass 64-byte vectors by value; all of them are inlined, so that no calling
// convention comes into it.
#pragma clang diagnostic ignored "-Wpsabi"

#define ATTN_INLINE static inline __attribute__((always_inline, unused))

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef double f64x8 __attribute__((ext_vector_type(8)));
typedef int64_t i64x8 __attribute__((ext_vector_type(8)));
typedef uint64_t u64x8 __attribute__((ext_vector_type(8)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef int8_t i8x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x8 __attribute__((ext_vector_type(8)));
typedef int8_t i8x8 __attribute__((ext_vector_type(8)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef int32_t i32x8 __attribute__((ext_vector_type(8)));

// For each type V of `lanes` elements E:
//   V_splat(x)                every lane x
//   V_load(p), V_store(p, v)  at any address
//   V_load_part(p, n, pad)    the first n (0 to lanes) elements from p, and `pad` in the rest;
//                             nothing past the n-th is read
//   V_store_part(p, v, n)     the first n lanes only
//   V_gather(p, stride)       elements p[0], p[stride], p[2 * stride], ...
//   V_gather_part, V_scatter, V_scatter_part   likewise
#define ATTN_VECTOR(V, E, lanes)                                                    \
  ATTN_INLINE V V##_splat(E x) { return (V)(x); }                                   \
  ATTN_INLINE V V##_load(const E *p) {                                              \
    V v;                                                                            \
    memcpy(&v, p, sizeof v);                                                        \
    return v;                                                                       \
  }                                                                                 \
  ATTN_INLINE void V##_store(E *p, V v) { memcpy(p, &v, sizeof v); }                \
  ATTN_INLINE V V##_gather_part(const E *p, int64_t stride, int64_t n, E pad) {     \
    E buffer[lanes];                                                                \
    for (int64_t i = 0; i < lanes; i++) buffer[i] = i < n ? p[i * stride] : pad;    \
    return V##_load(buffer);                                                        \
  }                                                                                 \
  ATTN_INLINE V V##_gather(const E *p, int64_t stride) {                            \
    V v;                                                                            \
    for (int64_t i = 0; i < lanes; i++) v[i] = p[i * stride];                       \
    return v;                                                                       \
  }                                                                                 \
  ATTN_INLINE void V##_scatter_part(E *p, int64_t stride, V v, int64_t n) {         \
    E buffer[lanes];                                                                \
    V##_store(buffer, v);                                                           \
    for (int64_t i = 0; i < n; i++) p[i * stride] = buffer[i];                      \
  }                                                                                 \
  ATTN_INLINE void V##_scatter(E *p, int64_t stride, V v) {                         \
    for (int64_t i = 0; i < lanes; i++) p[i * stride] = v[i];                       \
  }

// The partial forms, through a buffer and copies of 8, 4, 2 and 1 elements: faster than a call of
// memcpy with a length that the compiler does not know.
#define ATTN_VECTOR_PARTS(V, E, lanes)                                                          \
  ATTN_INLINE void V##_copy_part(E *to, const E *from, int64_t n) {                             \
    int64_t i = 0;                                                                              \
    if (n & 16) { memcpy(to, from, lanes * sizeof(E)); return; }                                \
    if (n & 8) { memcpy(to, from, (lanes > 8 ? 8 : lanes) * sizeof(E)); i = 8; }                \
    if (n & 4) { memcpy(to + i, from + i, 4 * sizeof(E)); i += 4; }                             \
    if (n & 2) { memcpy(to + i, from + i, 2 * sizeof(E)); i += 2; }                             \
    if (n & 1) { memcpy(to + i, from + i, sizeof(E)); }                                         \
  }                                                                                             \
  ATTN_INLINE V V##_load_part(const E *p, int64_t n, E pad) {                                   \
    E buffer[lanes];                                                                            \
    V##_store(buffer, V##_splat(pad));                                                          \
    V##_copy_part(buffer, p, n);                                                                \
    return V##_load(buffer);                                                                    \
  }                                                                                             \
  ATTN_INLINE void V##_store_part(E *p, V v, int64_t n) {                                       \
    E buffer[lanes];                                                                            \
    V##_store(buffer, v);                                                                       \
    V##_copy_part(p, buffer, n);                                                                \
  }

ATTN_VECTOR(f32x16, float, 16)
ATTN_VECTOR(i32x16, int32_t, 16)
ATTN_VECTOR(u32x16, uint32_t, 16)
ATTN_VECTOR(f64x8, double, 8)
ATTN_VECTOR(i64x8, int64_t, 8)
ATTN_VECTOR(u64x8, uint64_t, 8)
ATTN_VECTOR(u8x16, uint8_t, 16)
ATTN_VECTOR(u8x8, uint8_t, 8)
ATTN_VECTOR_PARTS(u8x16, uint8_t, 16)
ATTN_VECTOR_PARTS(u8x8, uint8_t, 8)

#if ATTN_LEVEL == 2
#define ATTN_VECTOR_MASKED(V, E, lanes, M, letters, mask)                                       \
  ATTN_INLINE V V##_load_part(const E *p, int64_t n, E pad) {                                   \
    return (V)_mm512_mask_loadu_##letters((M)V##_splat(pad), (mask)((1u << n) - 1), p);         \
  }                                                                                             \
  ATTN_INLINE void V##_store_part(E *p, V v, int64_t n) {                                       \
    _mm512_mask_storeu_##letters(p, (mask)((1u << n) - 1), (M)v);                               \
  }
ATTN_VECTOR_MASKED(f32x16, float, 16, __m512, ps, __mmask16)
ATTN_VECTOR_MASKED(i32x16, int32_t, 16, __m512i, epi32, __mmask16)
ATTN_VECTOR_MASKED(u32x16, uint32_t, 16, __m512i, epi32, __mmask16)
ATTN_VECTOR_MASKED(f64x8, double, 8, __m512d, pd, __mmask8)
ATTN_VECTOR_MASKED(i64x8, int64_t, 8, __m512i, epi64, __mmask8)
ATTN_VECTOR_MASKED(u64x8, uint64_t, 8, __m512i, epi64, __mmask8)
#else
ATTN_VECTOR_PARTS(f32x16, float, 16)
ATTN_VECTOR_PARTS(i32x16, int32_t, 16)
ATTN_VECTOR_PARTS(u32x16, uint32_t, 16)
ATTN_VECTOR_PARTS(f64x8, double, 8)
ATTN_VECTOR_PARTS(i64x8, int64_t, 8)
ATTN_VECTOR_PARTS(u64x8, uint64_t, 8)
#endif

// fma(a, b, c) = a * b + c with one rounding. Where the machine has no such instruction this is the
// C library's exact (and slow) fma: the same bits.
ATTN_INLINE f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) {
  return __builtin_elementwise_fma(a, b, c);
}
ATTN_INLINE f64x8 f64x8_fma(f64x8 a, f64x8 b, f64x8 c) {
  return __builtin_elementwise_fma(a, b, c);
}
ATTN_INLINE f32x16 f32x16_sqrt(f32x16 x) { return __builtin_elementwise_sqrt(x); }
ATTN_INLINE f64x8 f64x8_sqrt(f64x8 x) { return __builtin_elementwise_sqrt(x); }

ATTN_INLINE f32x16 f32x16_select(i32x16 mask, f32x16 a, f32x16 b) { return mask ? a : b; }
ATTN_INLINE f64x8 f64x8_select(i64x8 mask, f64x8 a, f64x8 b) { return mask ? a : b; }
ATTN_INLINE i32x16 i32x16_select(i32x16 mask, i32x16 a, i32x16 b) { return mask ? a : b; }
ATTN_INLINE i64x8 i64x8_select(i64x8 mask, i64x8 a, i64x8 b) { return mask ? a : b; }

// The bits of a vector as another type.
ATTN_INLINE i32x16 f32x16_bits(f32x16 x) { return (i32x16)x; }
ATTN_INLINE f32x16 f32x16_from_bits(i32x16 x) { return (f32x16)x; }
ATTN_INLINE i64x8 f64x8_bits(f64x8 x) { return (i64x8)x; }
ATTN_INLINE f64x8 f64x8_from_bits(i64x8 x) { return (f64x8)x; }

ATTN_INLINE f32x16 f32x16_abs(f32x16 x) { return f32x16_from_bits(f32x16_bits(x) & 0x7fffffff); }
ATTN_INLINE f64x8 f64x8_abs(f64x8 x) {
  return f64x8_from_bits(f64x8_bits(x) & 0x7fffffffffffffff);
}
// |magnitude| with the sign bit of `sign`.
ATTN_INLINE f32x16 f32x16_copysign(f32x16 magnitude, f32x16 sign) {
  return f32x16_from_bits((f32x16_bits(magnitude) & 0x7fffffff) |
                          (f32x16_bits(sign) & INT32_MIN));
}
ATTN_INLINE f64x8 f64x8_copysign(f64x8 magnitude, f64x8 sign) {
  return f64x8_from_bits((f64x8_bits(magnitude) & INT64_MAX) | (f64x8_bits(sign) & INT64_MIN));
}

// Whether some lane of a mask is set.
ATTN_INLINE bool i32x16_any(i32x16 mask) { return __builtin_reduce_or(mask) < 0; }
ATTN_INLINE bool i64x8_any(i64x8 mask) { return __builtin_reduce_or(mask) < 0; }

// The larger (smaller) of each pair: NaN if either is NaN, and -0 below +0. Equal numbers differ at
// most in the sign of zero, where AND (OR) of the bits picks it.
#define ATTN_MAX_MIN(V)                                                                  \
  ATTN_INLINE V V##_max(V a, V b) {                                                      \
    V equal = V##_from_bits(V##_bits(a) & V##_bits(b));                                  \
    V number = a > b ? a : a < b ? b : equal;                                            \
    return a != a ? a : b != b ? b : number;                                             \
  }                                                                                      \
  ATTN_INLINE V V##_min(V a, V b) {                                                      \
    V equal = V##_from_bits(V##_bits(a) | V##_bits(b));                                  \
    V number = a < b ? a : a > b ? b : equal;                                            \
    return a != a ? a : b != b ? b : number;                                             \
  }
ATTN_MAX_MIN(f32x16)
ATTN_MAX_MIN(f64x8)

// The lower and upper 8 lanes of 16, and both together again; f32 to f64 is exact, f64 to f32 is
// rounded once.
ATTN_INLINE f64x8 f64x8_from_low(f32x16 x) { return __builtin_convertvector(x.lo, f64x8); }
ATTN_INLINE f64x8 f64x8_from_high(f32x16 x) { return __builtin_convertvector(x.hi, f64x8); }
ATTN_INLINE f32x16 f32x16_from_halves(f64x8 low, f64x8 high) {
  f32x16 y;
  y.lo = __builtin_convertvector(low, f32x8);
  y.hi = __builtin_convertvector(high, f32x8);
  return y;
}

#endif
