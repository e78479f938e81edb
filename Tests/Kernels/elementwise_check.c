// Checks of the elementwise kernels: every operation, for lengths around a vector's, on special and
// ordinary numbers, against plain scalar code; and one digest of all results, which must be the same
// for every instruction set and number of threads. Prints the digest. Tests/Kernels/run.sh builds and runs
// it with the others.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

static int failures = 0;
static uint64_t digest = 0;

#define CHECK(condition, ...)                                   \
  do {                                                          \
    if (!(condition)) {                                         \
      if (failures++ < 40) {                                    \
        fprintf(stderr, "line %d: ", __LINE__);                 \
        fprintf(stderr, __VA_ARGS__);                           \
        fprintf(stderr, "\n");                                  \
      }                                                         \
    }                                                           \
  } while (0)

// MARK: Data

enum { LONGEST = 1000, GUARD = 64 };
static const int64_t lengths[] = {0, 1, 15, 16, 17, LONGEST};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static const int32_t sizes[] = {4, 8, 4, 8, 1};
static const char *const dtype_names[] = {"f32", "f64", "i32", "i64", "bool"};

static uint64_t state;
static uint64_t draw(void) {  // splitmix64
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
static int64_t below(int64_t n) { return (int64_t)(draw() % (uint64_t)n); }

static const double special_floats[] = {
    0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 2, -2, 3, 1e-40, -1e-40, 0x1p-149, -0x1p-149,
    0x1p-126, 0x1p-1074, -0x1p-1074, 0x1p-1022, 88.5, 89, -87.5, -100, -104, 104, 709.5, 710, -740,
    -746, 1e10, -1e10, 0x1p24, 0x1.fffffep127, -0x1.fffffep127, 0x1.fffffffffffffp1023, 2147483647,
    2147483648.0, -2147483648.0, -2147483649.0, 0x1p63, -0x1p63, 0x1.fffffffffffffp62, 1e22,
    0x1.921fb54442d18p0, 0x1.921fb6p1, INFINITY, -INFINITY, NAN, 5.9, -5.9, 1e-5, 0.7, -13.7, 40, -40,
};
static const int64_t special_integers[] = {
    0, 1, -1, 2, -2, 3, -3, 7, -7, 46340, 46341, INT32_MAX, INT32_MIN, INT32_MAX - 1,
    3037000499, 3037000500, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, 0x80000000, -0x80000001,
};
#define COUNT(array) ((int64_t)(sizeof(array) / sizeof((array)[0])))

// Specials first, then numbers of ordinary sizes. `offset` shifts the specials against each other, so
// that two operands meet in many pairs.
static void fill(attn_dtype dtype, int64_t n, int64_t offset, bool tame, void *x) {
  for (int64_t i = 0; i < n; i++) {
    bool special = !tame && i % 3 != 2;
    int64_t s = (i / 3 + i * offset) + offset;
    double f = special ? special_floats[s % COUNT(special_floats)]
                       : ((double)below(2000001) - 1000000) / 1e5 * (below(4) == 0 ? 10 : 0.5);
    int64_t k = special ? special_integers[s % COUNT(special_integers)] : below(21) - 10;
    switch (dtype) {
      case ATTN_F32: ((float *)x)[i] = (float)f; break;
      case ATTN_F64: ((double *)x)[i] = f; break;
      case ATTN_I32: ((int32_t *)x)[i] = (int32_t)k; break;
      case ATTN_I64: ((int64_t *)x)[i] = k; break;
      case ATTN_BOOL: ((uint8_t *)x)[i] = k & 1; break;
    }
  }
}

static void mix(uint64_t word) { digest = (digest ^ word) * 0x100000001b3 + (digest >> 47); }
static void mix_all(attn_dtype dtype, int64_t n, const void *y) {
  for (int64_t i = 0; i < n; i++) {
    uint64_t word = 0;
    memcpy(&word, (const char *)y + i * sizes[dtype], (size_t)sizes[dtype]);
    if (dtype == ATTN_F32 && isnan(((const float *)y)[i])) word = 0x7fc00000;
    if (dtype == ATTN_F64 && isnan(((const double *)y)[i])) word = 0x7ff8000000000000;
    mix(word);
  }
}

static double float_at(attn_dtype dtype, const void *x, int64_t i) {
  return dtype == ATTN_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}
static int64_t integer_at(attn_dtype dtype, const void *x, int64_t i) {
  return dtype == ATTN_I32 ? ((const int32_t *)x)[i]
         : dtype == ATTN_I64 ? ((const int64_t *)x)[i] : ((const uint8_t *)x)[i];
}
static bool same_float(double a, double b) {
  return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b);
}

// Distance in units of the last place of `want`.
static double ulps(attn_dtype dtype, double got, long double want) {
  double nearest = dtype == ATTN_F32 ? (float)want : (double)want;
  if (isnan(got) || isnan(nearest)) return isnan(got) && isnan(nearest) ? 0 : 1e9;
  if (got == nearest) return signbit(got) == signbit(nearest) ? 0 : 1e9;
  if (isinf(got) || isinf(nearest)) return 1e9;
  int e;
  frexpl(want, &e);
  int bits = dtype == ATTN_F32 ? 24 : 53, least = dtype == ATTN_F32 ? -125 : -1021;
  return (double)(fabsl(got - want) / ldexpl(1, (e < least ? least : e) - bits));
}

// MARK: One operand

static long double exact_sigmoid(long double x) {
  long double e = expl(-fabsl(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

static long double exact_silu_slope(long double x) {
  long double s = exact_sigmoid(x);
  return s * (1 + x * (1 - s));
}

static long double exact_gelu_slope(long double x) {
  return erfcl(-x / sqrtl(2)) / 2 + x * expl(-x * x / 2) * 0.39894228040143267793994605993438L;
}

static const long double twice_root_2_over_pi = 1.59576912160573071175978423973752L;

static long double exact_gelu_tanh(long double x) {
  return isinf(x) && x < 0 ? -0.0L : x * exact_sigmoid(twice_root_2_over_pi * (x + 0.044715L * x * x * x));
}

static long double exact_gelu_tanh_slope(long double x) {
  long double t = exact_sigmoid(twice_root_2_over_pi * (x + 0.044715L * x * x * x));
  return t * (1 + x * (1 - t) * twice_root_2_over_pi * (1 + 3 * 0.044715L * x * x));
}

static long double exact_unary(attn_unary_op op, long double x) {
  switch (op) {
    case ATTN_NEG: return -x;
    case ATTN_ABS: return fabsl(x);
    case ATTN_SIGN: return isnan(x) ? x : (x > 0) - (x < 0);
    case ATTN_NOT: return 0;
#define ROW(NAME, name, price, wide, formula, bound, exact, ...) \
  case ATTN_##NAME: return exact;
    ATTN_FLOAT_FUNCTIONS(ROW, ROW)
#undef ROW
  }
  return 0;
}

static double tolerance(attn_unary_op op, double x) {
  (void)x;
  switch (op) {
#define ROW(NAME, name, price, wide, formula, bound, ...) \
  case ATTN_##NAME: return bound;
    ATTN_FLOAT_FUNCTIONS(ROW, ROW)
#undef ROW
    default: return 0;
  }
}

// dy/dx of the function whose derivative this is; NAN where the digest has to do.
static long double exact_slope(attn_binary_op op, long double x) {
  switch (op) {
#define NONE(...)
#define ROW(NAME, name, price, wide, formula, bound, exact, grad_price, grad_wide, gradient, slope) \
  case ATTN_##NAME##_GRAD: return slope;
    ATTN_FLOAT_FUNCTIONS(NONE, ROW)
#undef ROW
#undef NONE
    default: return NAN;
  }
}

static void check_unary(void) {
  char x[(LONGEST + GUARD) * 8], y[(LONGEST + GUARD) * 8];
  for (attn_dtype d = ATTN_F32; d <= ATTN_BOOL; d++) {
    for (attn_unary_op op = ATTN_NEG; op < ATTN_UNARY_COUNT; op++) {
      bool is_float = d <= ATTN_F64;
      if (d == ATTN_BOOL ? op != ATTN_NOT : op == ATTN_NOT || (!is_float && op > ATTN_NOT)) continue;
      for (int l = 0; l < LENGTHS; l++) {
        int64_t n = lengths[l];
        fill(d, n, 1 + l, false, x);
        memset(y, 0x5a, sizeof y);
        attn_status status = attn_unary(op, d, n, x, y);
        CHECK(y[n * sizes[d]] == 0x5a, "op %d %s wrote past %lld", op, dtype_names[d], (long long)n);
        mix((uint64_t)status);
        bool overflow = false;
        for (int64_t i = 0; i < n; i++) {
          if (is_float) {
            double u = float_at(d, x, i), got = float_at(d, y, i);
            double error = ulps(d, got, exact_unary(op, u));
            CHECK(error <= tolerance(op, u), "op %d %s of %a: %a, %g ulp", op, dtype_names[d], u, got,
                  error);
            if (d == ATTN_F64 && op >= ATTN_EXP)
              CHECK(same_float(attn_unary_scalar(op, u), got), "scalar op %d of %a", op, u);
          } else {
            int64_t u = integer_at(d, x, i), got = integer_at(d, y, i);
            bool least = u == (d == ATTN_I32 ? INT32_MIN : INT64_MIN);
            int64_t want = op == ATTN_NOT ? !u : op == ATTN_SIGN ? (u > 0) - (u < 0)
                           : least ? got : op == ATTN_NEG || u < 0 ? -u : u;
            overflow |= least && (op == ATTN_NEG || op == ATTN_ABS);
            CHECK(got == want, "op %d %s of %lld: %lld", op, dtype_names[d], (long long)u,
                  (long long)got);
          }
        }
        CHECK((status == ATTN_OVERFLOW) == overflow, "op %d %s status %d", op, dtype_names[d], status);
        mix_all(d, n, y);
        attn_unary(op, d, n, x, x);
        CHECK(memcmp(x, y, (size_t)(n * sizes[d])) == 0, "op %d %s in place", op, dtype_names[d]);
      }
    }
  }
}

// MARK: Two operands

static double exact_mod(double x, double y) {
  double r = fmod(x, y);
  if (r == 0) return copysign(0, y);
  return (r < 0) != (y < 0) ? r + y : r;
}

static bool float_binary_is_right(attn_binary_op op, attn_dtype d, double u, double v, double got) {
  double want;
  switch (op) {
    case ATTN_ADD: want = u + v; break;
    case ATTN_SUB: want = u - v; break;
    case ATTN_MUL: want = u * v; break;
    case ATTN_DIV: want = u / v; break;
    case ATTN_MAX:
      want = isnan(u) || isnan(v) ? NAN : u == v ? (signbit(u) ? v : u) : u > v ? u : v;
      break;
    case ATTN_MIN:
      want = isnan(u) || isnan(v) ? NAN : u == v ? (signbit(u) ? u : v) : u < v ? u : v;
      break;
    case ATTN_MOD:
      want = d == ATTN_F32 && fmod(u, v) != 0 && (u < 0) != (v < 0) ? (float)fmod(u, v) + (float)v
                                                                   : exact_mod(u, v);
      break;
    case ATTN_FLOORDIV: {
      if (v == 0 || isinf(u) || isnan(u) || isnan(v)) return true;
      if (isinf(v)) return got == (u == 0 ? 0 : (u < 0) != (v < 0) ? -1 : 0);
      long double q = floorl((long double)u / (long double)v);
      return fabsl(q) >= 0x1p20L || got == (double)q;
    }
    case ATTN_POW: return ulps(d, got, powl(u, v)) <= 1.5;
    default: {  // the slopes for |u| <= 1, to an error that is absolute but for dy
      long double slope = exact_slope(op, u);
      if (isnan(slope)) return true;
      if (isnan(u) || isnan(v) || isinf(v) || fabs(u) > 1 || fabs(v) > 1e30 || fabs(v) < 1e-30) return true;
      return fabsl(got - v * slope) <= fabsl(v) * (d == ATTN_F32 ? 0x1p-21L : 0x1p-50L);
    }
  }
  if (d == ATTN_F32) want = (float)want;
  return same_float(got, want);
}

// The right result, or *status.
static int64_t integer_binary(attn_binary_op op, attn_dtype d, int64_t u, int64_t v,
                              attn_status *status) {
  __int128 z = 0;
  switch (op) {
    case ATTN_ADD: z = (__int128)u + v; break;
    case ATTN_SUB: z = (__int128)u - v; break;
    case ATTN_MUL: z = (__int128)u * v; break;
    case ATTN_FLOORDIV: case ATTN_MOD: {
      if (v == 0) { *status = ATTN_DIVISION_BY_ZERO; return 0; }
      __int128 q = (__int128)u / v, r = (__int128)u % v;
      if (r != 0 && (r < 0) != (v < 0)) { q--; r += v; }
      z = op == ATTN_MOD ? r : q;
      break;
    }
    case ATTN_POW: {
      if (v < 0) { *status = ATTN_NEGATIVE_POWER; return 0; }
      z = 1;
      __int128 bound = (__int128)1 << 64;
      bool trivial = u == 0 || u == 1 || u == -1;
      int64_t count = trivial && v > 2 ? 2 - (v & 1) : v;
      if (u == 0 && v > 0) count = 1;
      for (int64_t i = 0; i < count && z < bound && z > -bound; i++) z *= u;
      break;
    }
    case ATTN_MAX: z = u > v ? u : v; break;
    case ATTN_MIN: z = u < v ? u : v; break;
    case ATTN_AND: z = u & v; break;
    case ATTN_OR: z = u | v; break;
    default: break;
  }
  bool fits = d == ATTN_I32 ? z == (int32_t)z : z == (int64_t)z;
  if (!fits) *status = ATTN_OVERFLOW;
  return (int64_t)z;
}

static bool exists(attn_binary_op op, attn_dtype d) {
  if (d == ATTN_BOOL) return op == ATTN_AND || op == ATTN_OR;
  if (op == ATTN_AND || op == ATTN_OR) return false;
  return d <= ATTN_F64 || (op != ATTN_DIV && op <= ATTN_MIN);
}

static void check_binary(void) {
  static char a[LONGEST * 8], b[LONGEST * 8], y[(LONGEST + GUARD) * 8];
  for (attn_dtype d = ATTN_F32; d <= ATTN_BOOL; d++) {
    for (attn_binary_op op = ATTN_ADD; op < ATTN_BINARY_COUNT; op++) {
      if (!exists(op, d)) continue;
      for (int l = 0; l < LENGTHS * 6; l++) {
        // Whole vectors, a repeated left or right operand, and strides of 2.
        int64_t n = lengths[l % LENGTHS], mode = l / LENGTHS % 3;
        bool tame = l / LENGTHS >= 3;
        int64_t a_stride = mode == 1 ? 0 : mode == 2 ? 2 : 1, b_stride = mode == 2 ? 0 : 1;
        if (mode == 2) n /= 2;
        fill(d, LONGEST, 1 + l, tame, a);
        fill(d, LONGEST, 2 + 3 * l, tame, b);
        memset(y, 0x5a, sizeof y);
        attn_status status = attn_binary(op, d, 1, &n, &a_stride, a, &b_stride, b, y);
        CHECK(y[n * sizes[d]] == 0x5a, "op %d wrote past the end", op);
        attn_status want_status = ATTN_OK;
        for (int64_t i = 0; i < n; i++) {
          if (d <= ATTN_F64) {
            double u = float_at(d, a, i * a_stride), v = float_at(d, b, i * b_stride);
            double got = float_at(d, y, i);
            CHECK(float_binary_is_right(op, d, u, v, got), "op %d %s of %a, %a: %a", op,
                  dtype_names[d], u, v, got);
            if (d == ATTN_F64 && op == ATTN_POW)
              CHECK(same_float(attn_pow_scalar(u, v), got), "scalar pow of %a, %a", u, v);
          } else {
            attn_status s = ATTN_OK;
            int64_t u = integer_at(d, a, i * a_stride), v = integer_at(d, b, i * b_stride);
            int64_t want = integer_binary(op, d, u, v, &s), got = integer_at(d, y, i);
            CHECK(s != ATTN_OK || got == want, "op %d %s of %lld, %lld: %lld", op, dtype_names[d],
                  (long long)u, (long long)v, (long long)got);
            if (s > want_status) want_status = s;
          }
        }
        CHECK(status == want_status, "op %d %s: status %d, not %d", op, dtype_names[d], status,
              want_status);
        mix((uint64_t)status);
        mix_all(d, n, y);
      }
    }
  }
}

// A random index space: shape, and strides into a buffer of at least `room` elements, some of them 0
// and the axes in any order. With `exact`, elements are distinct and the order may still be any.
enum { ROOM = 60000 };
static void random_strides(int32_t rank, const int64_t *shape, bool repeats, int64_t *strides) {
  int32_t order[8];
  for (int32_t i = 0; i < rank; i++) order[i] = i;
  if (below(2)) {
    for (int32_t i = rank - 1; i > 0; i--) {
      int32_t k = (int32_t)below(i + 1), t = order[i];
      order[i] = order[k];
      order[k] = t;
    }
  }
  int64_t stride = below(3) ? 1 : 2;
  for (int32_t i = rank - 1; i >= 0; i--) {
    bool repeated = repeats && below(3) == 0;
    strides[order[i]] = repeated ? 0 : stride;
    if (!repeated) stride *= shape[order[i]];
  }
}

static int64_t random_shape(int32_t *rank, int64_t *shape) {
  int64_t count = 1, most = below(4) == 0 ? 25000 : 600;
  *rank = (int32_t)below(6);
  for (int32_t i = 0; i < *rank; i++) {
    int64_t length = below(8) == 0 ? below(300) : below(9);
    if (length == 0 && below(4)) length = 1;
    if (count * length > most) length = 1;
    shape[i] = length;
    count *= length;
  }
  return count;
}

static void check_spaces(void) {
  static char a[ROOM * 8], b[ROOM * 8], y[ROOM * 8], z[ROOM * 8];
  static uint8_t c[ROOM], truth[ROOM];
  for (int trial = 0; trial < 600; trial++) {
    int32_t rank;
    int64_t shape[8], as[8], bs[8], cs[8], index[8] = {0};
    int64_t count = random_shape(&rank, shape);
    random_strides(rank, shape, true, as);
    random_strides(rank, shape, true, bs);
    random_strides(rank, shape, true, cs);
    attn_dtype d = (attn_dtype)below(5);
    attn_binary_op op = d == ATTN_BOOL ? ATTN_OR : d <= ATTN_F64 && below(2) ? ATTN_POW : ATTN_SUB;
    attn_compare_op compare = (attn_compare_op)below(6);
    fill(d, ROOM, trial, false, a);
    fill(d, ROOM, trial + 5, false, b);
    fill(ATTN_BOOL, ROOM, trial + 7, true, c);
    attn_status status = attn_binary(op, d, rank, shape, as, a, bs, b, y);
    mix((uint64_t)status);
    mix_all(d, count, y);
    attn_compare(compare, d, rank, shape, as, a, bs, b, truth);
    mix_all(ATTN_BOOL, count, truth);
    attn_select(d, rank, shape, cs, c, as, a, bs, b, z);
    mix_all(d, count, z);
    // Element by element, as spaces of rank 0.
    int64_t i = 0, ao = 0, bo = 0, co = 0;
    attn_status worst = ATTN_OK;
    int32_t size = sizes[d];
    for (; i < count; i++) {
      char one[8];
      uint8_t t;
      attn_status s = attn_binary(op, d, 0, shape, as, a + ao * size, bs, b + bo * size, one);
      if (s > worst) worst = s;
      CHECK(memcmp(one, y + i * size, (size_t)size) == 0, "trial %d: element %lld of a space, op %d %s",
            trial, (long long)i, op, dtype_names[d]);
      attn_compare(compare, d, 0, shape, as, a + ao * size, bs, b + bo * size, &t);
      CHECK(t == truth[i], "trial %d: comparison", trial);
      bool want;
      if (d <= ATTN_F64) {
        double u = float_at(d, a, ao), v = float_at(d, b, bo);
        want = compare == ATTN_EQ ? u == v : compare == ATTN_NE ? u != v : compare == ATTN_LT ? u < v
               : compare == ATTN_LE ? u <= v : compare == ATTN_GT ? u > v : u >= v;
      } else {
        int64_t u = integer_at(d, a, ao), v = integer_at(d, b, bo);
        want = compare == ATTN_EQ ? u == v : compare == ATTN_NE ? u != v : compare == ATTN_LT ? u < v
               : compare == ATTN_LE ? u <= v : compare == ATTN_GT ? u > v : u >= v;
      }
      CHECK(t == want, "trial %d: comparison %d %s", trial, compare, dtype_names[d]);
      CHECK(memcmp(z + i * size, c[co] ? a + ao * size : b + bo * size, (size_t)size) == 0,
            "trial %d: selection", trial);
      for (int32_t axis = rank - 1; axis >= 0; axis--) {
        ao += as[axis], bo += bs[axis], co += cs[axis];
        if (++index[axis] < shape[axis]) break;
        ao -= as[axis] * shape[axis], bo -= bs[axis] * shape[axis], co -= cs[axis] * shape[axis];
        index[axis] = 0;
      }
    }
    CHECK(status == worst, "trial %d: status %d, not %d", trial, status, worst);

    // Copies: a strided space to a strided one, without repeats in the target.
    random_strides(rank, shape, false, bs);
    memset(y, 0x5a, sizeof y);
    memset(z, 0x5a, sizeof z);
    attn_copy(size, rank, shape, as, a, bs, y);
    memset(index, 0, sizeof index);
    for (i = 0, ao = 0, bo = 0; i < count; i++) {
      memcpy(z + bo * size, a + ao * size, (size_t)size);
      for (int32_t axis = rank - 1; axis >= 0; axis--) {
        ao += as[axis], bo += bs[axis];
        if (++index[axis] < shape[axis]) break;
        ao -= as[axis] * shape[axis], bo -= bs[axis] * shape[axis];
        index[axis] = 0;
      }
    }
    CHECK(memcmp(y, z, sizeof y) == 0, "trial %d: copy of %d bytes, rank %d", trial, size, rank);
  }
}

// Enough elements for several threads.
static void check_large(void) {
  enum { ROWS = 700, COLUMNS = 513 };
  int64_t n = ROWS * COLUMNS, shape[] = {ROWS, COLUMNS};
  int64_t down[] = {1, ROWS}, along[] = {COLUMNS, 1}, row[] = {0, 1}, column[] = {1, 0};
  for (attn_dtype d = ATTN_F32; d <= ATTN_I64; d++) {
    char *a = malloc((size_t)(n * 8)), *b = malloc((size_t)(n * 8)), *y = malloc((size_t)(n * 8));
    fill(d, n, 1, true, a);
    fill(d, n, 2, true, b);
    attn_unary(d <= ATTN_F64 ? ATTN_GELU : ATTN_ABS, d, n, a, y);
    mix_all(d, n, y);
    const int64_t *strides[] = {along, down, row, column};
    for (int k = 0; k < 4; k++) {
      attn_status status = attn_binary(ATTN_MUL, d, 2, shape, along, a, strides[k], b, y);
      mix((uint64_t)status);
      mix_all(d, n, y);
      for (int64_t i = 0; i < n; i += 101) {
        int64_t at = i / COLUMNS * strides[k][0] + i % COLUMNS * strides[k][1];
        char one[8];
        attn_binary(ATTN_MUL, d, 0, shape, along, a + i * sizes[d], along, b + at * sizes[d], one);
        CHECK(memcmp(one, y + i * sizes[d], (size_t)sizes[d]) == 0, "large product %d", k);
      }
    }
    attn_copy(sizes[d], 2, shape, down, a, along, y);
    for (int64_t i = 0; i < n; i++) {
      int64_t at = i / COLUMNS + i % COLUMNS * ROWS;
      CHECK(memcmp(y + i * sizes[d], a + at * sizes[d], (size_t)sizes[d]) == 0, "large transpose");
    }
    attn_status status = attn_cast(d, ATTN_F32, n, a, y);
    mix((uint64_t)status);
    mix_all(ATTN_F32, n, y);
    free(a), free(b), free(y);
  }
}

// Copies of so many bytes that they are written past the caches: a single run and rows, to places on
// every boundary, without a byte beyond.
static void check_streams(void) {
  enum { COLUMNS = 1025, ROWS = (17 << 20) / COLUMNS / 4, STEP = COLUMNS + 3 };
  int64_t n = (int64_t)ROWS * COLUMNS, length = (int64_t)ROWS * STEP;
  uint32_t *a = malloc((size_t)(length * 4)), *y = malloc((size_t)(length + 8) * 4);
  fill(ATTN_I32, length, 3, true, a);
  int64_t run[] = {n}, one[] = {1}, rows[] = {ROWS, COLUMNS}, wide[] = {STEP, 1}, flat[] = {COLUMNS, 1};
  if (!attn_streams(n * 4)) abort();
  for (int offset = 0; offset < 4; offset++) {
    memset(y, 0x5a, (size_t)(length + 8) * 4);
    attn_copy(4, 1, run, one, a, one, y + offset);
    CHECK(memcmp(y + offset, a, (size_t)n * 4) == 0 && y[offset + n] == 0x5a5a5a5a, "long run at %d", offset);
    for (int k = 0; k < 2; k++) {
      memset(y, 0x5a, (size_t)(length + 8) * 4);
      attn_copy(4, 2, rows, k == 0 ? wide : flat, a, k == 0 ? flat : wide, y + offset);
      int64_t from = k == 0 ? STEP : COLUMNS, to = k == 0 ? COLUMNS : STEP;
      bool same = y[offset + ROWS * to] == 0x5a5a5a5a;
      for (int64_t i = 0; same && i < ROWS; i++)
        same = memcmp(y + offset + i * to, a + i * from, COLUMNS * 4) == 0 &&
               (k == 0 || y[offset + i * to + COLUMNS] == 0x5a5a5a5a);
      CHECK(same, "long rows at %d, %s", offset, k == 0 ? "gathered" : "spread");
    }
  }
  free(a), free(y);
}

// MARK: Casts, fills

static void check_casts(void) {
  static char x[LONGEST * 8], y[(LONGEST + GUARD) * 8];
  for (attn_dtype from = ATTN_F32; from <= ATTN_BOOL; from++) {
    for (attn_dtype to = ATTN_F32; to <= ATTN_BOOL; to++) {
      for (int l = 0; l < LENGTHS * 2; l++) {
        int64_t n = lengths[l % LENGTHS];
        fill(from, n, 1 + l, l >= LENGTHS, x);
        memset(y, 0x5a, sizeof y);
        attn_status status = attn_cast(from, to, n, x, y), want_status = ATTN_OK;
        CHECK(y[n * sizes[to]] == 0x5a, "cast wrote past the end");
        for (int64_t i = 0; i < n; i++) {
          bool source = from <= ATTN_F64, fits = true;
          double f = source ? float_at(from, x, i) : 0;
          int64_t k = source ? 0 : integer_at(from, x, i);
          if (to == ATTN_F32) {
            float want = source ? (float)f : (float)k;
            CHECK(same_float(want, ((float *)y)[i]), "cast of %a, %lld to f32", f, (long long)k);
          } else if (to == ATTN_F64) {
            double want = source ? f : (double)k;
            CHECK(same_float(want, ((double *)y)[i]), "cast of %a, %lld to f64", f, (long long)k);
          } else if (to == ATTN_BOOL) {
            CHECK(((uint8_t *)y)[i] == (source ? f != 0 : k != 0), "cast to bool");
          } else {
            if (source) {
              double t = trunc(f);
              fits = to == ATTN_I32 ? t >= INT32_MIN && t <= INT32_MAX : t >= -0x1p63 && t < 0x1p63;
              if (fits) k = (int64_t)t;
            } else if (to == ATTN_I32) {
              fits = k == (int32_t)k;
            }
            CHECK(!fits || integer_at(to, y, i) == k, "cast of %a to %s: %lld", f, dtype_names[to],
                  (long long)integer_at(to, y, i));
          }
          if (!fits) want_status = ATTN_OVERFLOW;
        }
        CHECK(status == want_status, "cast %s to %s: status %d", dtype_names[from], dtype_names[to],
              status);
        mix((uint64_t)status);
        if (status == ATTN_OK) mix_all(to, n, y);
      }
    }
  }
  int64_t range[LONGEST];
  attn_range(LONGEST, 5, -3, range);
  for (int64_t i = 0; i < LONGEST; i++) CHECK(range[i] == 5 - 3 * i, "range");
  uint64_t value = 0x0123456789abcdef;
  for (int32_t size = 1; size <= 8; size *= size == 1 ? 4 : 2) {
    memset(y, 0, sizeof y);
    attn_fill(size, 333, &value, y);
    for (int i = 0; i < 333; i++) CHECK(memcmp(y + i * size, &value, (size_t)size) == 0, "fill");
    CHECK(y[333 * size] == 0, "fill wrote past the end");
  }
}

// MARK: pow's corners

static void check_pow_corners(void) {
  static const double cases[][3] = {
      {0, 3, 0}, {-0.0, 3, -0.0}, {-0.0, 2, 0}, {0, -3, INFINITY}, {-0.0, -3, -INFINITY},
      {-0.0, -2, INFINITY}, {0, 0, 1}, {NAN, 0, 1}, {1, NAN, 1}, {1, INFINITY, 1}, {-1, INFINITY, 1},
      {-1, -INFINITY, 1}, {0.5, INFINITY, 0}, {0.5, -INFINITY, INFINITY}, {2, INFINITY, INFINITY},
      {-2, -INFINITY, 0}, {INFINITY, 0.5, INFINITY}, {INFINITY, -0.5, 0}, {-INFINITY, 3, -INFINITY},
      {-INFINITY, 2, INFINITY}, {-INFINITY, -3, -0.0}, {-INFINITY, 0.5, INFINITY}, {-8, 3, -512},
      {-8, 1.0 / 3, NAN}, {-2, 0.5, NAN}, {2, 1e300, INFINITY}, {0.5, 1e300, 0}, {-1, 1e300, 1},
      {-0.0, 0.5, 0}, {-0.0, INFINITY, 0}, {-0.0, -INFINITY, INFINITY}, {2, -1074, 0x1p-1074},
      {2, 1023, 0x1p1023}, {-3, 2, 9}, {NAN, 2, NAN}, {3, NAN, NAN},
  };
  for (int64_t i = 0; i < COUNT(cases); i++) {
    double got = attn_pow_scalar(cases[i][0], cases[i][1]);
    CHECK(same_float(got, cases[i][2]), "pow(%g, %g) = %g", cases[i][0], cases[i][1], got);
    float x = (float)cases[i][0], p = (float)cases[i][1], y;
    int64_t none = 0;
    attn_binary(ATTN_POW, ATTN_F32, 0, &none, &none, &x, &none, &p, &y);
    if (isnan(x) || cases[i][1] != 1.0 / 3)
      CHECK(same_float(y, (double)powf(x, p)), "powf(%g, %g) = %g", (double)x, (double)p, (double)y);
  }
}

int main(void) {
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  uint64_t first = 0;
  bool some = false;
  for (int isa = ATTN_ISA_BASELINE; isa <= ATTN_ISA_AVX512; isa++) {
    if (!attn_use_isa((attn_isa)isa)) {
      printf("%-8s not on this machine\n", names[isa]);
      continue;
    }
    for (int32_t threads = 1; threads <= 3; threads += 2) {
      attn_use_threads(threads);
      digest = state = 1;
      check_unary();
      check_binary();
      check_pow_corners();
      check_casts();
      check_spaces();
      check_large();
      check_streams();
      printf("%-8s %d threads %016llx\n", names[isa], threads, (unsigned long long)digest);
      if (some) CHECK(digest == first, "%s, %d threads: another digest", names[isa], threads);
      first = digest;
      some = true;
    }
  }
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
