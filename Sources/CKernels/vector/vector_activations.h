// tanh, sigmoid, silu, softplus, erf, gelu and their derivatives, for 16 f32 or 8 f64 at once, under the
// rules of vector_math.h. Errors are in units of the last place, the worst that bench/ulp found.
#ifndef ATTN_VECTOR_ACTIVATIONS_H
#define ATTN_VECTOR_ACTIVATIONS_H

#include "vector_math.h"

// MARK: tanh, sigmoid and what is built on them

// With e = exp(-2 |x|) and t = e - 1 = m 2^k + (2^k - 1): -t / (1 + e) where |x| is small,
// 1 - 2 e / (1 + e) elsewhere, with x's sign. Error: f32 1.96, f64 1.92.
#define ATTN_TANH_FUNCTION(V, F, E, W)                                                \
  ATTN_INLINE V V##_tanh(V x) {                                                       \
    V a = V##_abs(x);                                                                 \
    a = a > F##_PICK(10.0, 20.0) ? F##_PICK(10.0, 20.0) : a;                          \
    V##_exp_parts y = V##_exp_core(-2 * a, V##_splat(0));                             \
    V power = V##_power_of_2(y.by.k);                                                 \
    W large = a > (E)0.55;                                                            \
    V n = V##_fma(y.m, power, large ? power : power - 1); /* e or t */                \
    V q = (large ? 2 * n : -n) / V##_fma(y.m, power, 1 + power);                      \
    return V##_copysign(large ? 1 - q : q, x);                                        \
  }
ATTN_BOTH(ATTN_TANH_FUNCTION)

// sigmoid(x) = 1 / (1 + e) where x >= 0, e / (1 + e) where x < 0, e = exp(-|x|).
// Error: f32 2.41, f64 2.33.
#define ATTN_SIGMOID_FUNCTION(V, F, E, W)                                             \
  ATTN_INLINE V V##_sigmoid(V x) {                                                    \
    V e = V##_exp(-V##_abs(x));                                                       \
    return (x < 0 ? e : 1) / (1 + e);                                                 \
  }
ATTN_BOTH(ATTN_SIGMOID_FUNCTION)

// x sigmoid(v + tail), where v has x's sign and x is finite where negative. The exponent is put on last,
// so that a small result is rounded once.
#define ATTN_GATED(V, F, E, W)                                                        \
  ATTN_INLINE V V##_gated(V x, V v, V tail) {                                         \
    V a = -V##_abs(v);                                                                \
    a = a < F##_PICK(-150.0, -1300.0) ? F##_PICK(-150.0, -1300.0) : a;                \
    V##_exp_parts y = V##_exp_core(a, x < 0 ? tail : -tail);                          \
    V p = 1 + y.m, below = 1 + V##_scale(p, y.by);                                    \
    return x < 0 ? V##_scale(x * p / below, y.by) : x / below;                        \
  }
ATTN_BOTH(ATTN_GATED)

// silu(x) = x sigmoid(x). Below the bound it is -0, as is its limit at -inf.
// Error: f32 3.35, f64 2.83.
#define ATTN_SILU_FUNCTION(V, F, E, W)                                                \
  ATTN_INLINE V V##_silu(V x) {                                                       \
    x = x < F##_PICK(-110.0, -760.0) ? F##_PICK(-110.0, -760.0) : x;                  \
    return V##_gated(x, x, V##_splat(0));                                             \
  }
ATTN_BOTH(ATTN_SILU_FUNCTION)

// gelu_tanh(x) = x / 2 (1 + tanh(u)) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3). What
// rounding loses of 2 u = x w goes into the exponential: far below 0 it would be multiplied by 2 u.
// From 15 on (f64: 30) the sigmoid is 1. The limit at -inf is -0.
// Error: f32 3.21, f64 3.03.
#define ATTN_GELU_TANH_FUNCTION(V, F, E, W)                                           \
  ATTN_INLINE V V##_gelu_tanh(V x) {                                                  \
    x = x < F##_PICK(-11.5, -22.5) ? F##_PICK(-11.5, -22.5) : x;                      \
    V a = x > F##_PICK(15.0, 30.0) ? F##_PICK(15.0, 30.0) : x;                        \
    V first = V##_splat(F##_gelu_1), third = V##_splat(F##_gelu_3), square = a * a;   \
    V cubic = square * third, w = first + cubic;                                      \
    V lost = V##_fma(square, third, -cubic) + V##_fma(a, a, -square) * third;         \
    lost = V##_fma(square, V##_splat(F##_gelu_3_low), lost) + F##_gelu_1_low;         \
    V part = w - first;                                                               \
    lost += (first - (w - part)) + (cubic - part);                                    \
    V v = a * w;                                                                      \
    return V##_gated(x, v, V##_fma(a, lost, V##_fma(a, w, -v)));                      \
  }
ATTN_BOTH(ATTN_GELU_TANH_FUNCTION)

// softplus(x) = log(1 + exp(x)) = max(x, 0) + log(1 + e), e = exp(-|x|), and
// log(1 + e) = 2 atanh(s / 2) = s + s^3 P(s^2), s = 2 e / (2 + e).
// Error: f32 2.80, f64 2.47.
#define ATTN_SOFTPLUS_FUNCTION(V, F, E, W)                                            \
  ATTN_INLINE V V##_softplus(V x) {                                                   \
    V e = V##_exp(-V##_abs(x));                                                       \
    V s = 2 * e / (2 + e), z = s * s;                                                 \
    V y = V##_fma(s * z, ATTN_POLYNOMIAL(V, z, F##_log1p_tail), s);                   \
    return x > 0 ? x + y : y;                                                         \
  }
ATTN_BOTH(ATTN_SOFTPLUS_FUNCTION)

// MARK: erf and gelu

// The lower tail of the normal distribution at a >= 0, Phi(-a) = tail * 2^k = exp(-a^2 / 2) Q(a).
// `bell` is exp(-a^2 / 2) without its 2^k; the part of a^2 that rounding loses goes into it.
typedef struct { f32x16 tail, bell; f32x16_whole by; } f32x16_normal;
typedef struct { f64x8 tail, bell; f64x8_whole by; } f64x8_normal;

// Q(a) (a + 3) is a polynomial in s = a / (a + 3).
ATTN_INLINE f32x16_normal f32x16_normal_tail(f32x16 a) {
  f32x16 b = -0.5f * a, power = a * b;
  f32x16_exp_parts e = f32x16_exp_core(power, f32x16_fma(a, b, -power));
  f32x16 u = 1 / (a + 3), s = a * u;
  f32x16 bell = 1 + e.m;
  return (f32x16_normal){bell * (u * ATTN_POLYNOMIAL(f32x16, s, f32_normal_tail)), bell, e.by};
}

// Q(a) (a + 5) is a polynomial in t = 1 - 10 u, u = 1 / (a + 5). That is better conditioned than the
// one above, but magnifies an error of u, so what u rounds away is carried.
ATTN_INLINE f64x8_normal f64x8_normal_tail(f64x8 a) {
  f64x8 b = -0.5 * a, power = a * b;
  f64x8_exp_parts e = f64x8_exp_core(power, f64x8_fma(a, b, -power));
  f64x8 d = a + 5, d_low = a - (d - 5), u = 1 / d;
  f64x8 u_low = u * f64x8_fma(-u, d_low, f64x8_fma(-u, d, f64x8_splat(1)));
  f64x8 t = f64x8_fma(u, f64x8_splat(-10), f64x8_splat(1));
  t = f64x8_fma(u_low, f64x8_splat(-10), t);
  f64x8 p = ATTN_POLYNOMIAL(f64x8, t, f64_normal_tail);
  f64x8 bell = 1 + e.m;
  return (f64x8_normal){bell * f64x8_fma(u, p, u_low * p), bell, e.by};
}

// gelu(x) = x Phi(x) = max(x, 0) - |x| Phi(-|x|). Its limit at -inf is -0.
// Error: f32 4.04 where |x| <= 1 and 6.45 anywhere, f64 3.81.
#define ATTN_GELU_FUNCTION(V, F, E, W)                                                \
  ATTN_INLINE V V##_gelu(V x) {                                                       \
    V a = V##_abs(x);                                                                 \
    a = a > F##_PICK(15.0, 40.0) ? F##_PICK(15.0, 40.0) : a;                          \
    V##_normal p = V##_normal_tail(a);                                                \
    return (x >= 0 ? x : -(E)0.0) - V##_scale(a * p.tail, p.by);                      \
  }
ATTN_BOTH(ATTN_GELU_FUNCTION)

// erf(x) = x + x P(x^2) where |x| < 1; elsewhere 1 - exp(-Q(|x|)), Q = -log(erfc). It is 1 from 4
// on. Error: 1.10.
ATTN_INLINE f32x16 f32x16_erf(f32x16 x) {
  f32x16 a = f32x16_abs(x), z = x * x;
  a = a > 4 ? 4 : a;
  f32x16 q = ATTN_POLYNOMIAL(f32x16, a, f32_erfc_log);
  f32x16_exp_parts e = f32x16_exp_core(-q, f32x16_splat(0));
  f32x16 rest = (1 + e.m) * f32x16_power_of_2(e.by.k);
  f32x16 large = f32x16_copysign(1 - rest, x);
  f32x16 small = f32x16_fma(x, ATTN_POLYNOMIAL(f32x16, z, f32_erf_tail), x);
  return a < 1 ? small : large;
}

// erf(x) = x + x P(x^2) where |x| < 1; elsewhere 1 - 2 Phi(-sqrt(2) |x|). It is 1 from 6 on.
// Error: 1.64.
ATTN_INLINE f64x8 f64x8_erf(f64x8 x) {
  f64x8 a = f64x8_abs(x), z = x * x;
  a = a > 6 ? 6 : a;
  f64x8 square = a * a, lost = f64x8_fma(a, a, -square);
  f64x8_exp_parts e = f64x8_exp_core(-square, -lost);
  f64x8 u = 1 / f64x8_fma(a, f64x8_splat(0x1.6a09e667f3bcdp0), f64x8_splat(5));
  f64x8 t = f64x8_fma(u, f64x8_splat(-10), f64x8_splat(1));
  f64x8 rest = (1 + e.m) * (u * ATTN_POLYNOMIAL(f64x8, t, f64_normal_tail));
  f64x8 large = f64x8_copysign(f64x8_fma(rest, -2 * f64x8_power_of_2(e.by.k), f64x8_splat(1)), x);
  f64x8 small = f64x8_fma(x, ATTN_POLYNOMIAL(f64x8, z, f64_erf_tail), x);
  return a < 1 ? small : large;
}

// MARK: Derivatives

// s = sigmoid(v) and c = 1 - s, both from e = exp(-|v|).
#define ATTN_SIGMOID_PAIR(V, F, E, W)                                                 \
  typedef struct { V s, c; } V##_sigmoids;                                            \
  ATTN_INLINE V##_sigmoids V##_sigmoid_pair(V v) {                                    \
    V e = V##_exp(-V##_abs(v));                                                       \
    V upper = 1 / (1 + e), lower = e * upper;                                         \
    return (V##_sigmoids){v < 0 ? lower : upper, v < 0 ? upper : lower};              \
  }
ATTN_BOTH(ATTN_SIGMOID_PAIR)

// silu'(x) = s (1 + x (1 - s)), s = sigmoid(x); 0 and 1 towards -inf and inf.
#define ATTN_SILU_SLOPE(V, F, E, W)                                                   \
  ATTN_INLINE V V##_silu_slope(V x) {                                                 \
    x = x > F##_PICK(200.0, 1000.0) ? F##_PICK(200.0, 1000.0) : x;                    \
    x = x < F##_PICK(-200.0, -1000.0) ? F##_PICK(-200.0, -1000.0) : x;                \
    V##_sigmoids p = V##_sigmoid_pair(x);                                             \
    return p.s * V##_fma(x, p.c, V##_splat(1));                                       \
  }
ATTN_BOTH(ATTN_SILU_SLOPE)

// gelu_tanh'(x) = s + x s (1 - s) v', s = sigmoid(v), v = 2 u as above.
#define ATTN_GELU_TANH_SLOPE(V, F, E, W)                                              \
  ATTN_INLINE V V##_gelu_tanh_slope(V x) {                                            \
    x = x > F##_PICK(20.0, 40.0) ? F##_PICK(20.0, 40.0) : x;                          \
    x = x < F##_PICK(-20.0, -40.0) ? F##_PICK(-20.0, -40.0) : x;                      \
    V square = x * x;                                                                 \
    V v = x * V##_fma(square, V##_splat(F##_gelu_3), V##_splat(F##_gelu_1));          \
    V slope = V##_fma(square, V##_splat(3 * F##_gelu_3), V##_splat(F##_gelu_1));      \
    V##_sigmoids p = V##_sigmoid_pair(v);                                             \
    return p.s * V##_fma(x * p.c, slope, V##_splat(1));                               \
  }
ATTN_BOTH(ATTN_GELU_TANH_SLOPE)

// gelu'(x) = Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi).
#define ATTN_GELU_SLOPE(V, F, E, W)                                                   \
  ATTN_INLINE V V##_gelu_slope(V x) {                                                 \
    V a = V##_abs(x);                                                                 \
    a = a > F##_PICK(15.0, 40.0) ? F##_PICK(15.0, 40.0) : a;                          \
    V##_normal p = V##_normal_tail(a);                                                \
    V below = V##_scale(p.tail - a * p.bell * F##_normal_peak, p.by);                 \
    return x < 0 ? below : 1 - below;                                                 \
  }
ATTN_BOTH(ATTN_GELU_SLOPE)

#endif
