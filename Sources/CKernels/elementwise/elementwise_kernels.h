// Elementwise kernels, for one run of elements. The last few elements of a run go through the same
// vector code in a vector padded with 1, so what an element becomes depends on nothing but itself.
#include "elementwise.h"
#include "vector/vector.h"
#include "vector/vector_activations.h"

// MARK: Loops

// A repeated element is read again and again from a vector full of it: one loop serves every
// combination of steps.
#define ATTN_OPERAND(E, lanes, from, step, vector_name)                      \
  E vector_name##_full[lanes];                                               \
  const E *vector_name##_at = from;                                          \
  int64_t vector_name##_next = lanes;                                        \
  if ((step) == 0) {                                                         \
    for (int i_ = 0; i_ < lanes; i_++) vector_name##_full[i_] = *(from);     \
    vector_name##_at = vector_name##_full;                                   \
    vector_name##_next = 0;                                                  \
  }

// y = result, an expression in the vector u.
#define ATTN_UNARY_LOOP(E, V, lanes, result)                                 \
  do {                                                                       \
    const E *from_ = x;                                                      \
    E *to_ = y;                                                              \
    int64_t left_ = n;                                                       \
    for (; left_ >= lanes; left_ -= lanes, from_ += lanes, to_ += lanes) {   \
      V u = V##_load(from_);                                                 \
      V##_store(to_, result);                                                \
    }                                                                        \
    if (left_ > 0) {                                                         \
      V u = V##_load_part(from_, left_, 1);                                  \
      V##_store_part(to_, result, left_);                                    \
    }                                                                        \
  } while (0)

// y = result, an expression in the vectors u and v.
#define ATTN_BINARY_LOOP(E, V, R, O, lanes, result)                          \
  do {                                                                       \
    ATTN_OPERAND(E, lanes, (const E *)a, a_step, u)                          \
    ATTN_OPERAND(E, lanes, (const E *)b, b_step, v)                          \
    O *to_ = (O *)y;                                                         \
    int64_t left_ = n;                                                       \
    for (; left_ >= lanes; left_ -= lanes, to_ += lanes) {                   \
      V u = V##_load(u_at), v = V##_load(v_at);                              \
      R##_store(to_, result);                                                \
      u_at += u_next;                                                        \
      v_at += v_next;                                                        \
    }                                                                        \
    if (left_ > 0) {                                                         \
      V u = V##_load_part(u_at, left_, 1), v = V##_load_part(v_at, left_, 1); \
      R##_store_part(to_, result, left_);                                    \
    }                                                                        \
  } while (0)

// The same one element at a time, for what no instruction set has vectors for: `statement` computes
// z from u and v.
#define ATTN_SCALAR_LOOP(E, statement)                                       \
  do {                                                                       \
    for (int64_t i_ = 0; i_ < n; i_++) {                                     \
      E u = ((const E *)a)[i_ * a_step], v = ((const E *)b)[i_ * b_step], z; \
      statement;                                                             \
      ((E *)y)[i_] = z;                                                      \
    }                                                                        \
  } while (0)

// MARK: Floats

// Rounding in the default mode is half to even; unlike roundeven, every C library has it.
#define f32x16_rint(x) __builtin_elementwise_rint(x)
#define f64x8_rint(x) __builtin_elementwise_rint(x)

#define ATTN_FLOAT_UNARY(V, E, lanes)                                                       \
  switch (op) {                                                                             \
    case ATTN_NEG: ATTN_UNARY_LOOP(E, V, lanes, -u); break;                                 \
    case ATTN_ABS: ATTN_UNARY_LOOP(E, V, lanes, V##_abs(u)); break;                         \
    case ATTN_SIGN:                                                                         \
      ATTN_UNARY_LOOP(E, V, lanes, (u > 0 ? 1 : u < 0 ? -1 : u == 0 ? V##_splat(0) : u));   \
      break;                                                                                \
    case ATTN_NOT: break;                                                                   \
    ATTN_FLOAT_FUNCTIONS(ROW, ROW)                                                          \
  }

static void ATTN_ISA(unary_f32)(attn_unary_op op, int64_t n, const float *x, float *y) {
#define F(name) f32x16_##name
#define ROW(NAME, name, price, wide, formula, ...) \
  case ATTN_##NAME: ATTN_UNARY_LOOP(float, f32x16, 16, formula); break;
  ATTN_FLOAT_UNARY(f32x16, float, 16)
#undef ROW
#undef F
}
static void ATTN_ISA(unary_f64)(attn_unary_op op, int64_t n, const double *x, double *y) {
#define F(name) f64x8_##name
#define ROW(NAME, name, price, wide, formula, ...) \
  case ATTN_##NAME: ATTN_UNARY_LOOP(double, f64x8, 8, formula); break;
  ATTN_FLOAT_UNARY(f64x8, double, 8)
#undef ROW
#undef F
}

// x - trunc(x / y) y, exactly, with x's sign. The rounded quotient is at most one too large while it
// is small enough to be exact, and the remainder of an fma is then exact. Larger quotients, zeros and
// infinities go to the C library, whose fmod is exact too.
#define ATTN_REMAINDER(V, F, E, W, lanes, exact)                                          \
  ATTN_INLINE V V##_remainder(V x, V y) {                                                 \
    V size = V##_abs(x), by = V##_abs(y), q = __builtin_elementwise_floor(size / by);     \
    V r = V##_fma(-q, by, size);                                                          \
    r = r < 0 ? r + by : r;                                                               \
    r = V##_copysign(r, x);                                                               \
    W hard = ~(q < exact) | (by == (E)INFINITY);                                          \
    if (__builtin_expect(W##_any(hard), 0)) {                                             \
      for (int i = 0; i < lanes; i++) {                                                   \
        if (hard[i]) r[i] = (E)fmod((double)x[i], (double)y[i]);                          \
      }                                                                                   \
    }                                                                                     \
    return r;                                                                             \
  }                                                                                       \
  /* Of the divisor's sign, as Python has it. */                                          \
  ATTN_INLINE V V##_mod(V x, V y) {                                                       \
    V r = V##_remainder(x, y);                                                            \
    V zero = V##_copysign(V##_splat(0), y);                                               \
    return r == 0 ? zero : ((r < 0) != (y < 0)) ? r + y : r;                              \
  }                                                                                       \
  /* The whole number nearest to (x - mod) / y; x / y where y is 0. */                    \
  ATTN_INLINE V V##_floordiv(V x, V y) {                                                  \
    V r = V##_remainder(x, y), q = (x - r) / y;                                           \
    q = ((r != 0) & ((r < 0) != (y < 0))) ? q - 1 : q;                                    \
    V whole = __builtin_elementwise_floor(q);                                             \
    whole = q - whole > (E)0.5 ? whole + 1 : whole;                                       \
    whole = q == 0 ? V##_copysign(V##_splat(0), x / y) : whole;                           \
    return y == 0 ? x / y : whole;                                                        \
  }
ATTN_REMAINDER(f32x16, f32, float, i32x16, 16, 0x1p23f)
ATTN_REMAINDER(f64x8, f64, double, i64x8, 8, 0x1p52)

#define ATTN_FLOAT_LOOP(V, E, lanes, result) ATTN_BINARY_LOOP(E, V, V, E, lanes, result)
#define ATTN_FLOAT_BINARY(V, E, lanes)                                                          \
  switch (op) {                                                                                 \
    case ATTN_ADD: ATTN_FLOAT_LOOP(V, E, lanes, u + v); break;                                  \
    case ATTN_SUB: ATTN_FLOAT_LOOP(V, E, lanes, u - v); break;                                  \
    case ATTN_MUL: ATTN_FLOAT_LOOP(V, E, lanes, u * v); break;                                  \
    case ATTN_DIV: ATTN_FLOAT_LOOP(V, E, lanes, u / v); break;                                  \
    case ATTN_FLOORDIV: ATTN_FLOAT_LOOP(V, E, lanes, V##_floordiv(u, v)); break;                \
    case ATTN_MOD: ATTN_FLOAT_LOOP(V, E, lanes, V##_mod(u, v)); break;                          \
    case ATTN_POW: ATTN_FLOAT_LOOP(V, E, lanes, V##_pow(u, v)); break;                          \
    case ATTN_MAX: ATTN_FLOAT_LOOP(V, E, lanes, V##_max(u, v)); break;                          \
    case ATTN_MIN: ATTN_FLOAT_LOOP(V, E, lanes, V##_min(u, v)); break;                          \
    ATTN_FLOAT_FUNCTIONS(NONE, ROW)                                                             \
    case ATTN_AND:                                                                              \
    case ATTN_OR: break;                                                                        \
  }

static void ATTN_ISA(binary_f32)(attn_binary_op op, int64_t n, const void *a, int64_t a_step,
                                 const void *b, int64_t b_step, void *y) {
#define F(name) f32x16_##name
#define NONE(...)
#define ROW(NAME, name, price, wide, formula, bound, exact, grad_price, grad_wide, gradient, slope) \
  case ATTN_##NAME##_GRAD: ATTN_FLOAT_LOOP(f32x16, float, 16, gradient); break;
  ATTN_FLOAT_BINARY(f32x16, float, 16)
#undef ROW
#undef F
}
static void ATTN_ISA(binary_f64)(attn_binary_op op, int64_t n, const void *a, int64_t a_step,
                                 const void *b, int64_t b_step, void *y) {
#define F(name) f64x8_##name
#define ROW(NAME, name, price, wide, formula, bound, exact, grad_price, grad_wide, gradient, slope) \
  case ATTN_##NAME##_GRAD: ATTN_FLOAT_LOOP(f64x8, double, 8, gradient); break;
  ATTN_FLOAT_BINARY(f64x8, double, 8)
#undef ROW
#undef NONE
#undef F
}

// MARK: Integers

// Sums and differences wrap; `bad` gathers, in the sign bits, where they should not have. A sum
// overflows where both terms have a sign that it has not, a difference where the terms' signs differ
// and the first one's is lost.
#define ATTN_CHECKED(V, U)                                                            \
  ATTN_INLINE V V##_checked_add(V u, V v, V *bad) {                                   \
    V z = (V)((U)u + (U)v);                                                           \
    *bad |= (u ^ z) & (v ^ z);                                                        \
    return z;                                                                         \
  }                                                                                   \
  ATTN_INLINE V V##_checked_sub(V u, V v, V *bad) {                                   \
    V z = (V)((U)u - (U)v);                                                           \
    *bad |= (u ^ v) & (u ^ z);                                                        \
    return z;                                                                         \
  }
ATTN_CHECKED(i32x16, u32x16)
ATTN_CHECKED(i64x8, u64x8)

ATTN_INLINE i32x16 i32x16_checked_mul(i32x16 u, i32x16 v, i32x16 *bad) {
  i32x16 z;
  i64x8 low = __builtin_convertvector(u.lo, i64x8) * __builtin_convertvector(v.lo, i64x8);
  i64x8 high = __builtin_convertvector(u.hi, i64x8) * __builtin_convertvector(v.hi, i64x8);
  z.lo = __builtin_convertvector(low, i32x8);
  z.hi = __builtin_convertvector(high, i32x8);
  i32x16 top;
  top.lo = __builtin_convertvector(low >> 32, i32x8);
  top.hi = __builtin_convertvector(high >> 32, i32x8);
  *bad |= top != (z >> 31);
  return z;
}

// Division towards minus infinity; the remainder has the divisor's sign. By 0: both are 0, and it
// is reported. The least integer by -1: it does not fit, and its remainder is 0.
#define ATTN_INTEGER_SCALARS(name, E, U, least)                                       \
  ATTN_INLINE E name##_floordiv(E u, E v, attn_status *status) {                      \
    if (v == 0) {                                                                     \
      *status = ATTN_DIVISION_BY_ZERO;                                                \
      return 0;                                                                       \
    }                                                                                 \
    if (v == -1) {                                                                    \
      if (u == least && *status == ATTN_OK) *status = ATTN_OVERFLOW;                  \
      return (E)(0 - (U)u);                                                           \
    }                                                                                 \
    E q = u / v;                                                                      \
    return q - (u % v != 0 && (u < 0) != (v < 0));                                    \
  }                                                                                   \
  ATTN_INLINE E name##_mod(E u, E v, attn_status *status) {                           \
    if (v == 0) *status = ATTN_DIVISION_BY_ZERO;                                      \
    if (v == 0 || v == -1) return 0;                                                  \
    E r = u % v;                                                                      \
    return r != 0 && (r < 0) != (v < 0) ? r + v : r;                                  \
  }                                                                                   \
  ATTN_INLINE E name##_pow(E u, E v, attn_status *status) {                           \
    if (v < 0) {                                                                      \
      *status = ATTN_NEGATIVE_POWER;                                                  \
      return 0;                                                                       \
    }                                                                                 \
    E z = 1;                                                                          \
    bool bad = false;                                                                 \
    for (;;) {                                                                        \
      if (v & 1) bad |= __builtin_mul_overflow(z, u, &z);                             \
      v >>= 1;                                                                        \
      if (v == 0) break;                                                              \
      bad |= __builtin_mul_overflow(u, u, &u);                                        \
    }                                                                                 \
    if (bad && *status == ATTN_OK) *status = ATTN_OVERFLOW;                           \
    return z;                                                                         \
  }
ATTN_INTEGER_SCALARS(i32, int32_t, uint32_t, INT32_MIN)
ATTN_INTEGER_SCALARS(i64, int64_t, uint64_t, INT64_MIN)

#define ATTN_INTEGER_UNARY(V, U, E, lanes, least)                                           \
  V bad = V##_splat(0);                                                                     \
  switch (op) {                                                                             \
    case ATTN_NEG:                                                                          \
      ATTN_UNARY_LOOP(E, V, lanes, (bad |= u == least, (V)(0 - (U)u)));                     \
      break;                                                                                \
    case ATTN_ABS:                                                                          \
      ATTN_UNARY_LOOP(E, V, lanes, (bad |= u == least, u < 0 ? (V)(0 - (U)u) : u));         \
      break;                                                                                \
    case ATTN_SIGN: ATTN_UNARY_LOOP(E, V, lanes, (u < 0) - (u > 0)); break;                 \
    default: break;                                                                         \
  }                                                                                         \
  return V##_any(bad) ? ATTN_OVERFLOW : ATTN_OK;

static attn_status ATTN_ISA(unary_i32)(attn_unary_op op, int64_t n, const int32_t *x, int32_t *y) {
  ATTN_INTEGER_UNARY(i32x16, u32x16, int32_t, 16, INT32_MIN)
}
static attn_status ATTN_ISA(unary_i64)(attn_unary_op op, int64_t n, const int64_t *x, int64_t *y) {
  ATTN_INTEGER_UNARY(i64x8, u64x8, int64_t, 8, INT64_MIN)
}

#define ATTN_INTEGER_BINARY(name, V, E, lanes, multiply)                                    \
  V bad = V##_splat(0);                                                                     \
  attn_status status = ATTN_OK;                                                             \
  switch (op) {                                                                             \
    case ATTN_ADD: ATTN_FLOAT_LOOP(V, E, lanes, V##_checked_add(u, v, &bad)); break;        \
    case ATTN_SUB: ATTN_FLOAT_LOOP(V, E, lanes, V##_checked_sub(u, v, &bad)); break;        \
    case ATTN_MUL: multiply; break;                                                         \
    case ATTN_FLOORDIV: ATTN_SCALAR_LOOP(E, z = name##_floordiv(u, v, &status)); break;     \
    case ATTN_MOD: ATTN_SCALAR_LOOP(E, z = name##_mod(u, v, &status)); break;               \
    case ATTN_POW: ATTN_SCALAR_LOOP(E, z = name##_pow(u, v, &status)); break;               \
    case ATTN_MAX: ATTN_FLOAT_LOOP(V, E, lanes, (u > v ? u : v)); break;                    \
    case ATTN_MIN: ATTN_FLOAT_LOOP(V, E, lanes, (u < v ? u : v)); break;                    \
    default: break;                                                                         \
  }                                                                                         \
  return V##_any(bad) ? ATTN_OVERFLOW : status;

static attn_status ATTN_ISA(binary_i32)(attn_binary_op op, int64_t n, const void *a, int64_t a_step,
                                        const void *b, int64_t b_step, void *y) {
  ATTN_INTEGER_BINARY(i32, i32x16, int32_t, 16,
                      ATTN_FLOAT_LOOP(i32x16, int32_t, 16, i32x16_checked_mul(u, v, &bad)))
}
static attn_status ATTN_ISA(binary_i64)(attn_binary_op op, int64_t n, const void *a, int64_t a_step,
                                        const void *b, int64_t b_step, void *y) {
  ATTN_INTEGER_BINARY(
      i64, i64x8, int64_t, 8,
      ATTN_SCALAR_LOOP(int64_t, if (__builtin_mul_overflow(u, v, &z)) status = ATTN_OVERFLOW))
}

// MARK: The faces

attn_status ATTN_ISA(attn_unary_run)(attn_unary_op op, attn_dtype dtype, int64_t n, const void *x,
                                     void *y) {
  switch (dtype) {
    case ATTN_F32: ATTN_ISA(unary_f32)(op, n, x, y); return ATTN_OK;
    case ATTN_F64: ATTN_ISA(unary_f64)(op, n, x, y); return ATTN_OK;
    case ATTN_I32: return ATTN_ISA(unary_i32)(op, n, x, y);
    case ATTN_I64: return ATTN_ISA(unary_i64)(op, n, x, y);
    case ATTN_BOOL:
      for (int64_t i = 0; i < n; i++) ((uint8_t *)y)[i] = !((const uint8_t *)x)[i];
      return ATTN_OK;
  }
  return ATTN_OK;
}

attn_status ATTN_ISA(attn_binary_run)(attn_binary_op op, attn_dtype dtype, int64_t n,
                                      const void *a, int64_t a_step, const void *b, int64_t b_step,
                                      void *y) {
  switch (dtype) {
    case ATTN_F32: ATTN_ISA(binary_f32)(op, n, a, a_step, b, b_step, y); return ATTN_OK;
    case ATTN_F64: ATTN_ISA(binary_f64)(op, n, a, a_step, b, b_step, y); return ATTN_OK;
    case ATTN_I32: return ATTN_ISA(binary_i32)(op, n, a, a_step, b, b_step, y);
    case ATTN_I64: return ATTN_ISA(binary_i64)(op, n, a, a_step, b, b_step, y);
    case ATTN_BOOL:
      if (op == ATTN_AND) ATTN_BINARY_LOOP(uint8_t, u8x16, u8x16, uint8_t, 16, u & v);
      if (op == ATTN_OR) ATTN_BINARY_LOOP(uint8_t, u8x16, u8x16, uint8_t, 16, u | v);
      return ATTN_OK;
  }
  return ATTN_OK;
}

// A mask as bytes of 0 and 1.
#define ATTN_TRUTH_16(mask) __builtin_convertvector((mask) & 1, u8x16)
#define ATTN_TRUTH_8(mask) __builtin_convertvector((mask) & 1, u8x8)

#define ATTN_COMPARE(E, V, lanes)                                                                 \
  switch (op) {                                                                                   \
    case ATTN_EQ: ATTN_BINARY_LOOP(E, V, u8x##lanes, uint8_t, lanes, ATTN_TRUTH_##lanes(u == v)); break; \
    case ATTN_NE: ATTN_BINARY_LOOP(E, V, u8x##lanes, uint8_t, lanes, ATTN_TRUTH_##lanes(u != v)); break; \
    case ATTN_LT: ATTN_BINARY_LOOP(E, V, u8x##lanes, uint8_t, lanes, ATTN_TRUTH_##lanes(u < v)); break;  \
    case ATTN_LE: ATTN_BINARY_LOOP(E, V, u8x##lanes, uint8_t, lanes, ATTN_TRUTH_##lanes(u <= v)); break; \
    case ATTN_GT: ATTN_BINARY_LOOP(E, V, u8x##lanes, uint8_t, lanes, ATTN_TRUTH_##lanes(u > v)); break;  \
    case ATTN_GE: ATTN_BINARY_LOOP(E, V, u8x##lanes, uint8_t, lanes, ATTN_TRUTH_##lanes(u >= v)); break; \
  }

void ATTN_ISA(attn_compare_run)(attn_compare_op op, attn_dtype dtype, int64_t n, const void *a,
                                int64_t a_step, const void *b, int64_t b_step, uint8_t *y) {
  switch (dtype) {
    case ATTN_F32: ATTN_COMPARE(float, f32x16, 16) return;
    case ATTN_F64: ATTN_COMPARE(double, f64x8, 8) return;
    case ATTN_I32: ATTN_COMPARE(int32_t, i32x16, 16) return;
    case ATTN_I64: ATTN_COMPARE(int64_t, i64x8, 8) return;
    case ATTN_BOOL: ATTN_COMPARE(uint8_t, u8x16, 16) return;
  }
}

// Only bits are moved, so the item's size is all that counts.
#define ATTN_SELECT(E, V, M, lanes)                                                       \
  do {                                                                                    \
    ATTN_OPERAND(uint8_t, lanes, c, c_step, w)                                            \
    ATTN_OPERAND(E, lanes, (const E *)a, a_step, u)                                       \
    ATTN_OPERAND(E, lanes, (const E *)b, b_step, v)                                       \
    E *to = y;                                                                            \
    int64_t left = n;                                                                     \
    for (; left >= lanes; left -= lanes, to += lanes) {                                   \
      M keep = (M)(__builtin_convertvector(u8x##lanes##_load(w_at), M) != 0);             \
      V##_store(to, keep ? V##_load(u_at) : V##_load(v_at));                              \
      w_at += w_next;                                                                     \
      u_at += u_next;                                                                     \
      v_at += v_next;                                                                     \
    }                                                                                     \
    if (left > 0) {                                                                       \
      M keep = (M)(__builtin_convertvector(u8x##lanes##_load_part(w_at, left, 1), M) != 0); \
      V u = V##_load_part(u_at, left, 1), v = V##_load_part(v_at, left, 1);               \
      V##_store_part(to, keep ? u : v, left);                                             \
    }                                                                                     \
  } while (0)

void ATTN_ISA(attn_select_run)(int32_t item_size, int64_t n, const uint8_t *c, int64_t c_step,
                               const void *a, int64_t a_step, const void *b, int64_t b_step,
                               void *y) {
  switch (item_size) {
    case 1: ATTN_SELECT(uint8_t, u8x16, i8x16, 16); return;
    case 4: ATTN_SELECT(int32_t, i32x16, i32x16, 16); return;
    case 8: ATTN_SELECT(int64_t, i64x8, i64x8, 8); return;
  }
}

// MARK: Casts

// Plain loops, which the compiler turns into vectors. `fits` says whether u may be converted.
#define ATTN_CAST_LOOP(F, T, fits, result)                                            \
  do {                                                                                \
    bool good = true;                                                                 \
    for (int64_t i = 0; i < n; i++) {                                                 \
      F u = ((const F *)x)[i];                                                        \
      bool ok = fits;                                                                 \
      good &= ok;                                                                     \
      ((T *)y)[i] = (T)(result);                                                      \
    }                                                                                 \
    return good ? ATTN_OK : ATTN_OVERFLOW;                                            \
  } while (0)

// The bounds are the first numbers whose truncation does not fit. In f32, and for i64 in f64, what
// is less than the least integer is at least one whole integer less.
#define ATTN_CAST_FROM_FLOAT(F, below_32)                                                     \
  switch (to) {                                                                               \
    case ATTN_F32: ATTN_CAST_LOOP(F, float, true, u);                                         \
    case ATTN_F64: ATTN_CAST_LOOP(F, double, true, u);                                        \
    case ATTN_I32: ATTN_CAST_LOOP(F, int32_t, (u below_32) & (u < (F)0x1p31), ok ? u : 0);    \
    case ATTN_I64:                                                                            \
      ATTN_CAST_LOOP(F, int64_t, (u >= (F)-0x1p63) & (u < (F)0x1p63), ok ? u : 0);            \
    case ATTN_BOOL: ATTN_CAST_LOOP(F, uint8_t, true, u != 0);                                 \
  }
#define ATTN_CAST_FROM_INTEGER(F, fits_32)                                                    \
  switch (to) {                                                                               \
    case ATTN_F32: ATTN_CAST_LOOP(F, float, true, u);                                         \
    case ATTN_F64: ATTN_CAST_LOOP(F, double, true, u);                                        \
    case ATTN_I32: ATTN_CAST_LOOP(F, int32_t, fits_32, u);                                    \
    case ATTN_I64: ATTN_CAST_LOOP(F, int64_t, true, u);                                       \
    case ATTN_BOOL: ATTN_CAST_LOOP(F, uint8_t, true, u != 0);                                 \
  }

attn_status ATTN_ISA(attn_cast_run)(attn_dtype from, attn_dtype to, int64_t n, const void *x,
                                    void *y) {
  switch (from) {
    case ATTN_F32: ATTN_CAST_FROM_FLOAT(float, >= -0x1p31f) break;
    case ATTN_F64: ATTN_CAST_FROM_FLOAT(double, > -0x1p31 - 1) break;
    case ATTN_I32: ATTN_CAST_FROM_INTEGER(int32_t, true) break;
    case ATTN_I64: ATTN_CAST_FROM_INTEGER(int64_t, (u >= INT32_MIN) & (u <= INT32_MAX)) break;
    case ATTN_BOOL: ATTN_CAST_FROM_INTEGER(uint8_t, true) break;
  }
  return ATTN_OK;
}

// MARK: Transposes

// Squares of one cache line a side: 16 loads of a row, 16 stores of a column.
#define ATTN_TRANSPOSE(E, V, lanes, square)                                               \
  do {                                                                                    \
    const E *from = x;                                                                    \
    E *to = y;                                                                            \
    int64_t whole_rows = rows / lanes * lanes, whole_columns = columns / lanes * lanes;   \
    for (int64_t i = 0; i < whole_rows; i += lanes)                                       \
      for (int64_t j = 0; j < whole_columns; j += lanes)                                  \
        square(E, V, lanes, from + i * x_stride + j, to + j * y_stride + i);              \
    for (int64_t j = 0; j < columns; j++)                                                 \
      for (int64_t i = j < whole_columns ? whole_rows : 0; i < rows; i++)                 \
        to[j * y_stride + i] = from[i * x_stride + j];                                    \
  } while (0)
#define ATTN_SQUARE_IN_REGISTERS(E, V, lanes, f, t) V##_transpose(f, x_stride, t, y_stride)
#define ATTN_SQUARE_IN_CACHE(E, V, lanes, f, t)                                           \
  do {                                                                                    \
    for (int k = 0; k < lanes; k++)                                                       \
      for (int l = 0; l < lanes; l++) (t)[k * y_stride + l] = (f)[l * x_stride + k];      \
  } while (0)

void ATTN_ISA(attn_transpose_run)(int32_t item_size, int64_t rows, int64_t columns, const void *x,
                                  int64_t x_stride, void *y, int64_t y_stride) {
  switch (item_size) {
    case 1: ATTN_TRANSPOSE(uint8_t, u8x16, 16, ATTN_SQUARE_IN_CACHE); return;
    case 4: ATTN_TRANSPOSE(float, f32x16, 16, ATTN_SQUARE_IN_REGISTERS); return;
    case 8: ATTN_TRANSPOSE(double, f64x8, 8, ATTN_SQUARE_IN_REGISTERS); return;
  }
}
