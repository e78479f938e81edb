// exp, log, sin, cos and pow, for 16 f32 or 8 f64 at once; vector_activations.h has what is built on them.
//
// One source for every instruction set, made of operations that IEEE 754 rounds correctly (+, -, *, /,
// fma, comparisons, conversions) and of integer operations: the same bits everywhere. A lane never
// depends on its neighbours. Nothing of libm is used, except that `fma` and `floor` fall back to it
// where the machine lacks them; both are exact there.
//
// Errors are in units of the last place (ulp) of the exact result, the worst that bench/ulp found:
// over every f32, and over random and hard f64s. NaN gives NaN, denormals are numbers like others.
#ifndef ATTN_VECTOR_MATH_H
#define ATTN_VECTOR_MATH_H

#include <math.h>

#include "vector.h"
#include "vector_math_coefficients.h"

// MARK: What the functions share

// c[0] + c[1] x + ... + c[n - 1] x^(n - 1), by Horner's rule. A loop over vectors keeps several of
// these chains in flight, so the shorter chains of other schemes gain nothing.
#define ATTN_HORNER(V, E)                                                     \
  ATTN_INLINE V V##_horner(V x, const E *c, int n) {                          \
    V y = V##_splat(c[n - 1]);                                                \
    _Pragma("clang loop unroll(full)") for (int i = n - 2; i >= 0; i--)       \
        y = V##_fma(y, x, V##_splat(c[i]));                                   \
    return y;                                                                 \
  }
ATTN_HORNER(f32x16, float)
ATTN_HORNER(f64x8, double)
#define ATTN_POLYNOMIAL(V, x, c) V##_horner(x, c, (int)(sizeof(c) / sizeof((c)[0])))

// Adding 1.5 * 2^23 (2^52) rounds a number of moderate size to an integer, half to even, and leaves
// that integer in the low bits.
#define f32_ROUNDER 0x1.8p23f
#define f64_ROUNDER 0x1.8p52

// 2^k for integers k in the range of normal numbers.
ATTN_INLINE f32x16 f32x16_power_of_2(i32x16 k) { return f32x16_from_bits((k + 127) << 23); }
ATTN_INLINE f64x8 f64x8_power_of_2(i64x8 k) { return f64x8_from_bits((k + 1023) << 52); }

// An integer k, also as a float n.
typedef struct { f32x16 n; i32x16 k; } f32x16_whole;
typedef struct { f64x8 n; i64x8 k; } f64x8_whole;

ATTN_INLINE f32x16_whole f32x16_nearest_multiple(f32x16 x, float inverse) {
  f32x16 t = f32x16_fma(x, f32x16_splat(inverse), f32x16_splat(f32_ROUNDER));
  return (f32x16_whole){t - f32_ROUNDER, f32x16_bits(t) - 0x4b400000};
}
ATTN_INLINE f64x8_whole f64x8_nearest_multiple(f64x8 x, double inverse) {
  f64x8 t = f64x8_fma(x, f64x8_splat(inverse), f64x8_splat(f64_ROUNDER));
  return (f64x8_whole){t - f64_ROUNDER, f64x8_bits(t) - 0x4338000000000000};
}

// y * 2^k, rounded once: a result too large is inf, one too small a denormal or 0. |k| is up to 250
// (2000) and |y| at least 2^-16, unless k is 0. In two steps, of which only the second can round; the
// one instruction of AVX-512 gives the same bits.
ATTN_INLINE f32x16 f32x16_scale(f32x16 y, f32x16_whole by) {
#if ATTN_LEVEL == 2
  return (f32x16)_mm512_scalef_ps((__m512)y, (__m512)by.n);
#else
  i32x16 half = by.k >> 1;
  return y * f32x16_power_of_2(half) * f32x16_power_of_2(by.k - half);
#endif
}
ATTN_INLINE f64x8 f64x8_scale(f64x8 y, f64x8_whole by) {
#if ATTN_LEVEL == 2
  return (f64x8)_mm512_scalef_pd((__m512d)y, (__m512d)by.n);
#else
  // Half of k by the rounding trick, as AVX2 has no arithmetic shift of 64-bit lanes.
  i64x8 half = f64x8_bits(f64x8_fma(by.n, f64x8_splat(0.5), f64x8_splat(f64_ROUNDER))) -
               0x4338000000000000;
  return y * f64x8_power_of_2(half) * f64x8_power_of_2(by.k - half);
#endif
}

// Most functions below are written once for V in {f32x16, f64x8}; F is f32 or f64, E the element, W
// the vector of integers. A limit that differs comes as a pair.
#define ATTN_BOTH(define) define(f32x16, f32, float, i32x16) define(f64x8, f64, double, i64x8)
#define f32_PICK(single, twice) single##f
#define f64_PICK(single, twice) twice

// MARK: exp

// exp(x + tail) = (1 + m) * 2^k: k is the nearest integer to x / ln 2, and
// m = r + r^2 P(r) with r = x - k ln 2 + tail, |r| <= ln 2 / 2. The first part of k ln 2 is taken off
// exactly. What the second rounds away is caught and added to the polynomial. x is within a few
// multiples of the range of exp.
typedef struct { f32x16 m; f32x16_whole by; } f32x16_exp_parts;
typedef struct { f64x8 m; f64x8_whole by; } f64x8_exp_parts;

#define ATTN_EXP_CORE(V, F, E, W)                                                     \
  ATTN_INLINE V##_exp_parts V##_exp_core(V x, V tail) {                               \
    V##_exp_parts y;                                                                  \
    y.by = V##_nearest_multiple(x, F##_log2_e);                                       \
    V first = V##_fma(y.by.n, V##_splat(-F##_ln2_1), x);                              \
    V rest = V##_fma(y.by.n, V##_splat(-F##_ln2_2), tail);                            \
    V r = first + rest;                                                               \
    V lost = rest - (r - first);                                                      \
    y.m = r + V##_fma(r * r, ATTN_POLYNOMIAL(V, r, F##_exp_tail), lost);              \
    return y;                                                                         \
  }
ATTN_BOTH(ATTN_EXP_CORE)

// Error: f32 0.86, f64 0.83.
#define ATTN_EXP_FUNCTION(V, F, E, W)                                                 \
  ATTN_INLINE V V##_exp(V x) {                                                        \
    x = x > F##_PICK(90.0, 711.0) ? F##_PICK(90.0, 711.0) : x;                        \
    x = x < F##_PICK(-105.0, -747.0) ? F##_PICK(-105.0, -747.0) : x;                  \
    V##_exp_parts y = V##_exp_core(x, V##_splat(0));                                  \
    return V##_scale(1 + y.m, y.by);                                                  \
  }
ATTN_BOTH(ATTN_EXP_FUNCTION)

// MARK: log

// x = m 2^k with m in [sqrt(1/2), sqrt(2)), for a positive x. Subtracting sqrt(1/2) from the bits
// makes the exponent field step where m should.
typedef struct { f32x16 m, k; } f32x16_log_parts;
typedef struct { f64x8 m, k; } f64x8_log_parts;

ATTN_INLINE f32x16_log_parts f32x16_log_core(f32x16 x) {
  i32x16 tiny = x < 0x1p-126f;
  i32x16 bits = f32x16_bits(tiny ? x * 0x1p24f : x) - 0x3f3504f3;
  i32x16 k = (bits >> 23) - (tiny & 24);
  return (f32x16_log_parts){f32x16_from_bits((bits & 0x7fffff) + 0x3f3504f3),
                            __builtin_convertvector(k, f32x16)};
}
ATTN_INLINE f64x8_log_parts f64x8_log_core(f64x8 x) {
  i64x8 tiny = x < 0x1p-1022;
  i64x8 bits = f64x8_bits(tiny ? x * 0x1p54 : x) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
  // The exponent becomes a number by way of the low bits of 2^52.
  u64x8 field = (u64x8)bits >> 52;
  f64x8 k = f64x8_from_bits((i64x8)field | 0x4330000000000000) - (0x1p52 + 1023);
  k = tiny ? k - 54 : k;
  return (f64x8_log_parts){f64x8_from_bits((bits & 0xfffffffffffff) + 0x3fe6a09e667f3bcd), k};
}

// The log of what is no positive finite number: inf, -inf for 0, else NaN.
#define ATTN_LOG_SPECIALS(V, F, E, W)                                                 \
  ATTN_INLINE V V##_log_specials(V x, V y) {                                          \
    y = x == 0 ? V##_splat(-(E)INFINITY) : y;                                         \
    y = x == (E)INFINITY ? x : y;                                                     \
    return (x >= 0) ? y : V##_splat((E)NAN);                                          \
  }
ATTN_BOTH(ATTN_LOG_SPECIALS)

// log(x) = k ln 2 + f - f^2 / 2 + f^3 P(f), f = m - 1. Error: 0.84.
ATTN_INLINE f32x16 f32x16_log(f32x16 x) {
  f32x16_log_parts p = f32x16_log_core(x);
  f32x16 f = p.m - 1, square = f * f;
  f32x16 y = square * f * ATTN_POLYNOMIAL(f32x16, f, f32_log_tail);
  y = f32x16_fma(p.k, f32x16_splat(f32_ln2_rest), y);
  y = f32x16_fma(square, f32x16_splat(-0.5f), y);
  return f32x16_log_specials(x, f32x16_fma(p.k, f32x16_splat(f32_ln2_short), f + y));
}

// log(x) = k ln 2 + log((1 + s) / (1 - s)), s = f / (2 + f), f = m - 1, and with h = f^2 / 2
// log(1 + f) = f - (h - s (h + s^2 P(s^2))), which keeps what s rounds away small.
// Error: 0.83.
ATTN_INLINE f64x8 f64x8_log(f64x8 x) {
  f64x8_log_parts p = f64x8_log_core(x);
  f64x8 f = p.m - 1, s = f / (2 + f), z = s * s, h = 0.5 * f * f;
  f64x8 tail = s * f64x8_fma(z, ATTN_POLYNOMIAL(f64x8, z, f64_log_series), h);
  tail = f64x8_fma(p.k, f64x8_splat(f64_ln2_rest), tail);
  return f64x8_log_specials(x, f64x8_fma(p.k, f64x8_splat(f64_ln2_short), f - (h - tail)));
}

// MARK: sin, cos

// x = quadrant * pi / 2 + high + low, |high| <= pi / 4, for |x| of 2^40 and more: the bits of 2 / pi
// that matter times the 53 bits of x, in integers (Payne and Hanek). Whole turns fall off at the top
// of 192 bits; 137 bits stay behind the point, and no f64 comes nearer to a multiple of pi / 2 than
// 2^-62 or so.
__attribute__((noinline, unused))
static int64_t ATTN_ISA(reduce_large)(double x, double *high, double *low) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint64_t whole = (bits & 0xfffffffffffff) | 0x10000000000000;
  // x = whole * 2^exponent. A bit of 2 / pi of weight 2^-j counts where exponent - j < 2, so the
  // window starts at j = exponent - 1, which may be in the leading word of zeros.
  int exponent = (int)(bits >> 52 & 0x7ff) - 1075, start = 64 + exponent - 2;
  uint64_t window[3];
  for (int i = 0; i < 3; i++) {
    int word = start / 64 + i, shift = start % 64;
    window[i] = two_over_pi[word] << shift;
    if (shift > 0) window[i] |= two_over_pi[word + 1] >> (64 - shift);
  }
  unsigned __int128 product = (unsigned __int128)whole * window[2];
  uint64_t c = (uint64_t)product;
  product = (unsigned __int128)whole * window[1] + (uint64_t)(product >> 64);
  uint64_t b = (uint64_t)product;
  uint64_t a = whole * window[0] + (uint64_t)(product >> 64);
  // a:b:c is x * 2 / pi mod 4, two bits before the point. Round to the nearest integer.
  int64_t quadrant = (int64_t)(a >> 62);
  a = a << 2 | b >> 62;
  b = b << 2 | c >> 62;
  c = c << 2;
  bool negative = a >> 63;
  if (negative) {
    quadrant++;
    c = -c;
    b = ~b + (c == 0);
    a = ~a + (b == 0 && c == 0);
  }
  // The fraction, less than 1/2 in size, is a:b:c / 2^192. Bring its top bit to the top of a.
  int zeros = 0;
  if (a == 0) {
    a = b;
    b = c;
    c = 0;
    zeros = 64;
  }
  int shift = a ? __builtin_clzll(a) : 0;
  if (shift > 0) {
    a = a << shift | b >> (64 - shift);
    b = b << shift | c >> (64 - shift);
  }
  zeros += shift;
  uint64_t scale_bits = (uint64_t)(1023 - 64 - zeros) << 52;
  double scale;
  memcpy(&scale, &scale_bits, sizeof scale);
  double f1 = (double)(a & ~(uint64_t)0x7ff) * scale;
  double f2 = ((double)(a & 0x7ff) + (double)b * 0x1p-64) * scale;
  // Times pi / 2.
  double h = f1 * f64_half_pi_1;
  double l = __builtin_fma(f1, f64_half_pi_1, -h) + (f1 * f64_half_pi_2 + f2 * f64_half_pi_1);
  double sum = h + l;
  l = l - (sum - h);
  if (negative != (x < 0)) {
    sum = -sum;
    l = -l;
  }
  *high = sum;
  *low = l;
  return x < 0 ? -quadrant : quadrant;
}

// x = quadrant * pi / 2 + high + low, |high| <= pi / 4 or a little more. Below 2^40: three parts of
// pi / 2 are taken off, of which the first leaves no error (an fma whose result has few bits), the
// product with the second is held in two numbers. Infinities give NaN.
typedef struct { f64x8 high, low; i64x8 quadrant; } f64x8_angle;

ATTN_INLINE f64x8_angle f64x8_reduce_angle(f64x8 x, bool exact) {
  f64x8_whole by = f64x8_nearest_multiple(x, f64_two_over_pi);
  f64x8 first = f64x8_fma(by.n, f64x8_splat(-f64_half_pi_1), x);
  f64x8_angle y = {f64x8_fma(by.n, f64x8_splat(-f64_half_pi_2), first), f64x8_splat(0), by.k};
  if (exact) {
    f64x8 p = by.n * -f64_half_pi_2;
    f64x8 lost = f64x8_fma(by.n, f64x8_splat(-f64_half_pi_2), -p);
    y.high = first + p;
    f64x8 part = y.high - first;  // the exact error of that sum, whichever of the two is larger
    f64x8 low = (first - (y.high - part)) + (p - part);
    y.low = low + f64x8_fma(by.n, f64x8_splat(-f64_half_pi_3), lost);
  }
  f64x8 size = f64x8_abs(x);
  i64x8 large = (size >= 0x1p40) & (size < (double)INFINITY);
  if (__builtin_expect(i64x8_any(large), 0)) {
    for (int i = 0; i < 8; i++) {
      if (!large[i]) continue;
      double high, low;
      y.quadrant[i] = ATTN_ISA(reduce_large)(x[i], &high, &low);
      y.high[i] = high;
      y.low[i] = low;
    }
  }
  return y;
}

// The sine where the quadrant is even, the cosine where it is odd, negated in the upper half.
ATTN_INLINE f64x8 f64x8_wave(f64x8 sine, f64x8 cosine, i64x8 quadrant) {
  f64x8 y = (quadrant << 63) ? cosine : sine;
  return f64x8_from_bits(f64x8_bits(y) ^ ((quadrant << 62) & INT64_MIN));
}

// sin(r + low) = r + r^3 S(r^2) + low (1 - r^2 / 2),
// cos(r + low) = 1 - r^2 / 2 + r^4 C(r^2) - r low, where 1 - r^2 / 2 is held in two numbers.
ATTN_INLINE f64x8 f64x8_sin_or_cos(f64x8 x, int64_t turn) {
  f64x8_angle a = f64x8_reduce_angle(x, true);
  f64x8 r = a.high, z = r * r, h = 0.5 * z;
  f64x8 s = f64x8_fma(z * r, ATTN_POLYNOMIAL(f64x8, z, f64_sin_tail), a.low - h * a.low);
  f64x8 w = 1 - h;
  f64x8 c = f64x8_fma(z * z, ATTN_POLYNOMIAL(f64x8, z, f64_cos_tail),
                      ((1 - w) - h) - r * a.low);
  return f64x8_wave(r + s, w + c, a.quadrant + turn);
}
// Error: 0.77. -0 stays -0.
ATTN_INLINE f64x8 f64x8_sin(f64x8 x) { return x == 0 ? x : f64x8_sin_or_cos(x, 0); }
// Error: 0.77.
ATTN_INLINE f64x8 f64x8_cos(f64x8 x) { return f64x8_sin_or_cos(x, 1); }

// f32 by way of f64, with two parts of pi / 2 and shorter polynomials.
ATTN_INLINE f64x8 f64x8_sin_or_cos_short(f64x8 x, int64_t turn) {
  f64x8_angle a = f64x8_reduce_angle(x, false);
  f64x8 r = a.high, z = r * r;
  f64x8 s = f64x8_fma(z * r, ATTN_POLYNOMIAL(f64x8, z, f64_sin_short), r);
  f64x8 c = f64x8_fma(z, f64x8_splat(-0.5), f64x8_splat(1));
  c = f64x8_fma(z * z, ATTN_POLYNOMIAL(f64x8, z, f64_cos_short), c);
  return f64x8_wave(s, c, a.quadrant + turn);
}
// Error: 0.51. -0 stays -0.
ATTN_INLINE f32x16 f32x16_sin(f32x16 x) {
  f32x16 y = f32x16_from_halves(f64x8_sin_or_cos_short(f64x8_from_low(x), 0),
                                f64x8_sin_or_cos_short(f64x8_from_high(x), 0));
  return x == 0 ? x : y;
}
// Error: 0.51.
ATTN_INLINE f32x16 f32x16_cos(f32x16 x) {
  return f32x16_from_halves(f64x8_sin_or_cos_short(f64x8_from_low(x), 1),
                            f64x8_sin_or_cos_short(f64x8_from_high(x), 1));
}

// MARK: pow

// pow's results where the general formula does not hold, as C99 has them. y comes in as |x|^p.
ATTN_INLINE f64x8 f64x8_pow_specials(f64x8 x, f64x8 p, f64x8 y) {
  const double inf = (double)INFINITY;
  i64x8 plain = (x > 0) & (x < inf) & (f64x8_abs(p) < inf);
  if (__builtin_expect(!i64x8_any(~plain), 1)) return y;
  f64x8 a = f64x8_abs(x), half = 0.5 * p;
  i64x8 whole = __builtin_elementwise_floor(p) == p;
  i64x8 odd = whole & (__builtin_elementwise_floor(half) != half);
  // 0 and inf to any power; any number to the power of an infinity.
  i64x8 grows = (a > 1) == (p > 0);
  y = ((a == 0) | (a == inf) | (f64x8_abs(p) == inf)) ? (grows ? inf : f64x8_splat(0)) : y;
  y = ((x < 0) & ~whole & (a != inf)) ? f64x8_splat((double)NAN) : y;
  y = f64x8_from_bits(f64x8_bits(y) ^ (f64x8_bits(x) & odd & INT64_MIN));
  y = ((a != a) | (p != p)) ? x + p : y;
  i64x8 one = (p == 0) | (x == 1) | ((a == 1) & (f64x8_abs(p) == inf));
  return one ? f64x8_splat(1) : y;
}

// |x|^p = exp(p log |x|), where log |x| is held in two numbers, good to about 2^-66:
// with s = (m - 1) / (m + 1), log m = 2 s + s^3 (2/3 + s^2 P(s^2)), and everything down to the 2/3
// carries what rounding loses. x^2 is x * x. Error: 1.10.
ATTN_INLINE f64x8 f64x8_pow(f64x8 x, f64x8 p) {
  f64x8_log_parts l = f64x8_log_core(f64x8_abs(x));
  f64x8 f = l.m - 1, d = l.m + 1, d_low = l.m - (d - 1);
  f64x8 inverse = 1 / d, s = f * inverse;
  f64x8 s_low = inverse * f64x8_fma(-s, d_low, f64x8_fma(-s, d, f));
  f64x8 z = s * s, z_low = f64x8_fma(2 * s, s_low, f64x8_fma(s, s, -z));
  // t = 2/3 + z P(z)
  f64x8 q = z * ATTN_POLYNOMIAL(f64x8, z, f64_log_series_5);
  f64x8 t = f64_two_thirds_1 + q, t_low = f64_two_thirds_2 + (q - (t - f64_two_thirds_1));
  // c = s^3, v = c t
  f64x8 c = s * z, c_low = f64x8_fma(s, z_low, f64x8_fma(s_low, z, f64x8_fma(s, z, -c)));
  f64x8 v = c * t, v_low = f64x8_fma(c, t_low, f64x8_fma(c_low, t, f64x8_fma(c, t, -v)));
  // log m = 2 s + v, then + k ln 2
  f64x8 m = 2 * s + v, m_low = (v - (m - 2 * s)) + f64x8_fma(f64x8_splat(2), s_low, v_low);
  f64x8 n = l.k * f64_ln2_short, high = n + m;
  f64x8 low = (m - (high - n)) + f64x8_fma(l.k, f64x8_splat(f64_ln2_rest), m_low);
  f64x8 sum = high + low;
  low = low - (sum - high);
  high = sum;
  // times p
  f64x8 e = p * high, e_low = f64x8_fma(p, low, f64x8_fma(p, high, -e));
  f64x8 limit = f64x8_splat(750);
  e_low = f64x8_abs(e) < limit ? e_low : 0;
  e = e > limit ? limit : e;
  e = e < -limit ? -limit : e;
  f64x8_exp_parts y = f64x8_exp_core(e, e_low);
  f64x8 power = f64x8_pow_specials(x, p, f64x8_scale(1 + y.m, y.by));
  return p == 2 ? x * x : power;
}

// The same in one f64 throughout, with shorter polynomials: its error is far below an f32's.
ATTN_INLINE f64x8 f64x8_pow_short(f64x8 x, f64x8 p) {
  f64x8_log_parts l = f64x8_log_core(f64x8_abs(x));
  f64x8 f = l.m - 1, s = f / (2 + f), z = s * s;
  f64x8 log = f64x8_fma(s * z, ATTN_POLYNOMIAL(f64x8, z, f64_log_short), 2 * s);
  f64x8 e = p * f64x8_fma(l.k, f64x8_splat(f64_ln2_1), log);
  e = e > 200 ? 200 : e;
  e = e < -200 ? -200 : e;
  f64x8_whole by = f64x8_nearest_multiple(e, f64_log2_e);
  f64x8 r = f64x8_fma(by.n, f64x8_splat(-f64_ln2_1), e);
  f64x8 y = f64x8_fma(r * r, ATTN_POLYNOMIAL(f64x8, r, f64_exp_short), 1 + r);
  return f64x8_pow_specials(x, p, y * f64x8_power_of_2(by.k));
}
// Error: 0.51.
ATTN_INLINE f32x16 f32x16_pow(f32x16 x, f32x16 p) {
  i32x16 square = p == 2;
  if (!i32x16_any(~square)) return x * x;
  f32x16 y = f32x16_from_halves(f64x8_pow_short(f64x8_from_low(x), f64x8_from_low(p)),
                                f64x8_pow_short(f64x8_from_high(x), f64x8_from_high(p)));
  return square ? x * x : y;
}

#endif
