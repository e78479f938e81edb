// The elementwise functions of one float, one row each. From a row come the enum, the name in Swift, the loops of
// both precisions and of every instruction set, the price by which work is cut for the threads, and the checks
// in Tests/Kernels.
//
//   ROW(NAME, name, price, wide, formula, bound, exact)
//   DIFFERENTIABLE(NAME, name, price, wide, formula, bound, exact, grad_price, grad_wide, gradient, slope)
//
// NAME, name   ATTN_NAME in C, `.name` in Swift; the derivative is ATTN_NAME_GRAD and `.nameGradient`
// price, wide  what an element costs in f32 and in f64, in quarters of a nanosecond
// formula      the result for the vector u; F(f) is the vector function f of the width at hand
// bound        the largest error in units of the last place, for the double x
// exact        the right result for the long double x
// gradient     the derivative in one pass: for the vectors u, which is x or the result y as the row says in its
//              comment, and v, which is dy
// slope        dy/dx for the long double x, compared where |x| <= 1, to 2^-21 (f32) or 2^-50 (f64) of dy; NAN
//              where it is too large for that, or where the digest has to do
#ifndef ATTN_ELEMENTWISE_FUNCTIONS_H
#define ATTN_ELEMENTWISE_FUNCTIONS_H

#define ATTN_FLOAT_FUNCTIONS(ROW, DIFFERENTIABLE)                                                        \
  ROW(EXP, exp, 4, 12, F(exp)(u), 1, expl(x))                                                            \
  ROW(LOG, log, 4, 12, F(log)(u), 1, logl(x))                                                            \
  ROW(SQRT, sqrt, 1, 1, F(sqrt)(u), 0.5, sqrtl(x))                                                       \
  ROW(SIN, sin, 4, 12, F(sin)(u), 1, sinl(x))                                                            \
  ROW(COS, cos, 4, 12, F(cos)(u), 1, cosl(x))                                                            \
  /* of y */                                                                                             \
  DIFFERENTIABLE(TANH, tanh, 4, 12, F(tanh)(u), 2.5, tanhl(x), 1, 1, v * (1 - u * u), NAN)               \
  ROW(ERF, erf, 4, 12, F(erf)(u), 2.5, erfl(x))                                                          \
  /* of y */                                                                                             \
  DIFFERENTIABLE(SIGMOID, sigmoid, 4, 12, F(sigmoid)(u), 3, exact_sigmoid(x), 1, 1, v * u * (1 - u),     \
                 NAN)                                                                                    \
  /* +0 for -0; NaN passes. The derivative of y, or of x, is 0 at 0. */                                  \
  DIFFERENTIABLE(RELU, relu, 1, 1, (u <= 0 ? 0 : u), 0, (x <= 0 ? 0 : x), 1, 1, (u > 0 ? v : 0),         \
                 (x > 0 ? 1 : 0))                                                                        \
  /* of x */                                                                                             \
  DIFFERENTIABLE(SILU, silu, 4, 12, F(silu)(u), 3,                                                       \
                 (isinf(x) && x < 0 ? -0.0L : x * exact_sigmoid(x)), 5, 15, v * F(silu_slope)(u),        \
                 exact_silu_slope(x))                                                                    \
  /* of x */                                                                                             \
  DIFFERENTIABLE(GELU, gelu, 4, 12, F(gelu)(u), 5,                                                       \
                 (isinf(x) && x < 0 ? -0.0L : x * (erfcl(-x / sqrtl(2)) / 2)), 5, 15,                    \
                 v * F(gelu_slope)(u), exact_gelu_slope(x))                                              \
  /* of x */                                                                                             \
  DIFFERENTIABLE(GELU_TANH, geluTanh, 4, 12, F(gelu_tanh)(u), (x < -1 ? 5 + 3 * fabs(x * x * x) : 4),    \
                 exact_gelu_tanh(x), 5, 15, v * F(gelu_tanh_slope)(u), exact_gelu_tanh_slope(x))         \
  ROW(SOFTPLUS, softplus, 4, 12, F(softplus)(u), 3, (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))))           \
  /* of x; from 2^60 on the result is 1 to the last bit */                                               \
  DIFFERENTIABLE(SOFTSIGN, softsign, 2, 4,                                                               \
                 (F(abs)(u) > 0x1p60f ? F(copysign)(F(splat)(1), u) : u / (1 + F(abs)(u))), 1.5,         \
                 (isinf(x) ? copysignl(1, x) : x / (1 + fabsl(x))), 2, 4,                                \
                 v / ((1 + F(abs)(u)) * (1 + F(abs)(u))), 1 / ((1 + fabsl(x)) * (1 + fabsl(x))))         \
  ROW(FLOOR, floor, 1, 1, __builtin_elementwise_floor(u), 0, floorl(x))                                  \
  ROW(CEIL, ceil, 1, 1, __builtin_elementwise_ceil(u), 0, ceill(x))                                      \
  /* half to even */                                                                                     \
  ROW(ROUND, round, 1, 1, F(rint)(u), 0, rintl(x))

#endif
