// The worst error of every function of the kernels, in units of the last place.
//
// f32: every float there is (or every n-th), against the C library's f64 result. f64: random and
// hard numbers against quadruple precision. Build and run from the root of the repository (gcc for
// libquadmath; the kernels themselves are compiled by clang, as the package does it):
//
//   mkdir -p .build/ulp && (cd .build/ulp && clang -O2 -std=c11 -I../../Sources/CKernels -I../../Sources/CKernels/include -c ../../Sources/CKernels/*/*.c) && gcc -O2 -ISources/CKernels/include bench/ulp/ulp.c .build/ulp/*.o -lquadmath -lm -lpthread -o .build/ulp/ulp && nice .build/ulp/ulp
//
// ulp [step [samples]]: every step-th float (1), so many random doubles for each function (2000000).
#include <math.h>
#include <pthread.h>
#include <quadmath.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

typedef __float128 quad;

// MARK: The exact functions, in f64 for f32 and in quadruple precision for f64

static quad quad_sigmoid(quad x) {
  quad e = expq(-fabsq(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}
static quad quad_normal(quad x) { return erfcq(-x / sqrtq(2)) / 2; }
static quad quad_gelu(quad x) { return x * quad_normal(x); }
static quad quad_silu(quad x) { return x * quad_sigmoid(x); }
static quad quad_gelu_tanh(quad x) {
  return x * quad_sigmoid(2 * sqrtq(2 / M_PIq) * (x + 0.044715Q * x * x * x));
}
static quad quad_softplus(quad x) { return (x > 0 ? x : 0) + log1pq(expq(-fabsq(x))); }

static double sigmoid(double x) {
  double e = exp(-fabs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}
static double gelu(double x) { return x * erfc(-x * M_SQRT1_2) / 2; }
static double silu(double x) { return x * sigmoid(x); }
static double gelu_tanh(double x) {
  return x * sigmoid(2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}
static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

typedef struct {
  const char *name;
  attn_unary_op op;
  double (*f)(double);
  quad (*q)(quad);
  double low, high;  // where f64 samples are drawn from, besides all exponents
} function;

static const function functions[] = {
    {"exp", ATTN_EXP, exp, expq, -750, 720},
    {"log", ATTN_LOG, log, logq, 0.5, 2},
    {"sin", ATTN_SIN, sin, sinq, -100, 100},
    {"cos", ATTN_COS, cos, cosq, -100, 100},
    {"tanh", ATTN_TANH, tanh, tanhq, -20, 20},
    {"erf", ATTN_ERF, erf, erfq, -6, 6},
    {"sigmoid", ATTN_SIGMOID, sigmoid, quad_sigmoid, -750, 40},
    {"silu", ATTN_SILU, silu, quad_silu, -50, 50},
    {"gelu", ATTN_GELU, gelu, quad_gelu, -38, 10},
    {"gelu_tanh", ATTN_GELU_TANH, gelu_tanh, quad_gelu_tanh, -22, 10},
    {"softplus", ATTN_SOFTPLUS, softplus, quad_softplus, -745, 40},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

// MARK: Errors

typedef struct { double error, at, second; } worst;

// The place value of the last bit of an f32 (f64) near y; denormals share one.
static double place_f32(double y) {
  int e;
  frexp(y, &e);
  return ldexp(1, (e < -125 ? -125 : e) - 24);
}
static quad place_f64(quad y) {
  int e;
  frexpq(y, &e);
  return ldexpq(1, (e < -1021 ? -1021 : e) - 53);
}

static double error_f32(float got, double exact) {
  float nearest = (float)exact;
  if (isnan(exact) || isnan(got)) return isnan(exact) && isnan(got) ? 0 : INFINITY;
  if (isinf(got) || isinf(nearest)) {
    if (got == nearest) return 0;
    return isinf(exact) || isinf(got) == isinf(nearest) ? INFINITY
           : isinf(got) ? fabs(0x1p128 - fabs(exact)) * 0x1p-104 : fabs(fabs(exact) - fabsf(got)) * 0x1p-104;
  }
  return fabs(got - exact) / place_f32(exact);
}
static double error_f64(double got, quad exact) {
  double nearest = (double)exact;
  if (isnanq(exact) || isnan(got)) return isnanq(exact) && isnan(got) ? 0 : INFINITY;
  if (isinf(got) || isinf(nearest)) return got == nearest ? 0 : 1;
  return (double)(fabsq(got - exact) / place_f64(exact));
}

static void note(worst *w, double error, double x, double y) {
  if (error > w->error) *w = (worst){error, x, y};
}

// MARK: f32, all of it

enum { BATCH = 4096 };

typedef struct {
  int half;
  uint64_t step;
  worst all[FUNCTIONS], near[FUNCTIONS];  // near: |x| <= 1
} sweep;

static void *run_sweep(void *context) {
  sweep *s = context;
  float *x = malloc(BATCH * sizeof *x), *y = malloc(BATCH * sizeof *y);
  // One thread takes the positive numbers, the other the negative ones.
  uint64_t bits = (uint64_t)s->half << 31, end = bits + (1ull << 31);
  while (bits < end) {
    int n = 0;
    for (; n < BATCH && bits < end; bits += s->step) {
      uint32_t b = (uint32_t)bits;
      memcpy(&x[n++], &b, 4);
    }
    for (int k = 0; k < FUNCTIONS; k++) {
      attn_unary(functions[k].op, ATTN_F32, n, x, y);
      for (int i = 0; i < n; i++) {
        // The limits at -inf, where the textbook formulas give NaN.
        int op = functions[k].op;
        bool ends_at_zero = op == ATTN_SILU || op == ATTN_GELU || op == ATTN_GELU_TANH;
        double exact = x[i] == -INFINITY && ends_at_zero ? -0.0 : functions[k].f((double)x[i]);
        double error = error_f32(y[i], exact);
        note(&s->all[k], error, x[i], 0);
        if (fabsf(x[i]) <= 1) note(&s->near[k], error, x[i], 0);
      }
    }
  }
  free(x);
  free(y);
  return NULL;
}

// MARK: f64, samples

static uint64_t state = 0x9e3779b97f4a7c15;
static uint64_t draw(void) {  // splitmix64
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
static double uniform(double low, double high) {
  return low + (high - low) * ((double)(draw() >> 11) * 0x1p-53);
}
static double any_exponent(void) {
  double x;
  do {
    uint64_t b = draw();
    memcpy(&x, &b, 8);
  } while (isnan(x));
  return x;
}

static double sample(const function *f, long i) {
  double x;
  switch (i % 6) {
    case 0: return any_exponent();
    case 1: return ldexp(uniform(-1, 1), -(int)(draw() % 60));
    case 2:
      // Next to multiples of pi / 2, where the reduction loses most; for the others next to 1.
      if (f->op == ATTN_SIN || f->op == ATTN_COS) {
        quad n = (quad)(draw() >> (11 + draw() % 50));
        x = (double)(n * M_PI_2q);
        return draw() & 1 ? x : nextafter(x, draw() & 1 ? 0 : INFINITY);
      }
      return 1 + ldexp(uniform(-1, 1), -(int)(draw() % 50));
    case 3:
      if (f->op == ATTN_SIN || f->op == ATTN_COS) return ldexp(uniform(0.5, 1), (int)(draw() % 1024));
      return ldexp(uniform(-1, 1), (int)(draw() % 10));
    default: return uniform(f->low, f->high);
  }
}

static void f64_function(const function *f, long samples, worst *all) {
  double x[BATCH], y[BATCH];
  for (long done = 0; done < samples; done += BATCH) {
    for (int i = 0; i < BATCH; i++) x[i] = sample(f, done + i);
    attn_unary(f->op, ATTN_F64, BATCH, x, y);
    for (int i = 0; i < BATCH; i++) {
      if (isinf(x[i])) continue;
      note(all, error_f64(y[i], f->q(x[i])), x[i], 0);
    }
  }
}

static void f64_pow(long samples, worst *w) {
  double x[BATCH], p[BATCH], z[BATCH];
  int64_t shape = BATCH, stride = 1;
  for (long done = 0; done < samples; done += BATCH) {
    for (int i = 0; i < BATCH; i++) {
      switch (i % 4) {
        case 0: x[i] = fabs(any_exponent()); p[i] = uniform(-1, 1) * 745 / fabs(log(x[i])); break;
        case 1: x[i] = uniform(0.5, 2); p[i] = uniform(-1, 1) * 745 / fabs(log(x[i])); break;
        case 2: x[i] = 1 + ldexp(uniform(-1, 1), -(int)(draw() % 50)); p[i] = uniform(-1, 1) * 745 / fabs(log(x[i])); break;
        default: x[i] = uniform(-40, 40); p[i] = (double)(int64_t)(draw() % 401) - 200; break;
      }
    }
    attn_binary(ATTN_POW, ATTN_F64, 1, &shape, &stride, x, &stride, p, z);
    for (int i = 0; i < BATCH; i++) note(w, error_f64(z[i], powq(x[i], p[i])), x[i], p[i]);
  }
}

static void f32_pow(long samples, worst *w) {
  float x[BATCH], p[BATCH], z[BATCH];
  int64_t shape = BATCH, stride = 1;
  for (long done = 0; done < samples; done += BATCH) {
    for (int i = 0; i < BATCH; i++) {
      switch (i % 3) {
        case 0: x[i] = (float)uniform(0, 10); p[i] = (float)uniform(-40, 40); break;
        case 1: x[i] = (float)ldexp(uniform(0.5, 1), (int)(draw() % 277) - 148); p[i] = (float)(uniform(-1, 1) * 103 / fabs(log(x[i]))); break;
        default: x[i] = (float)uniform(-40, 40); p[i] = (float)(int64_t)(draw() % 41) - 20; break;
      }
    }
    attn_binary(ATTN_POW, ATTN_F32, 1, &shape, &stride, x, &stride, p, z);
    for (int i = 0; i < BATCH; i++) note(w, error_f32(z[i], pow(x[i], p[i])), x[i], p[i]);
  }
}

static void print(const char *name, const char *type, const char *over, worst w) {
  printf("| %-9s | %s | %-22s | %.3f | %.9g%s", name, type, over, w.error, w.at,
         w.second != 0 ? ", " : "");
  if (w.second != 0) printf("%.9g", w.second);
  printf(" |\n");
  fflush(stdout);
}

int main(int argc, char **argv) {
  uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  long samples = argc > 2 ? strtol(argv[2], NULL, 10) : 2000000;
  attn_use_threads(1);
  static sweep halves[2];
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    halves[i].half = i;
    halves[i].step = step;
    pthread_create(&threads[i], NULL, run_sweep, &halves[i]);
  }
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  printf("| Function | Type | Over | Worst error, ulp | at |\n|---|---|---|---|---|\n");
  char every[40] = "every f32";
  if (step > 1) snprintf(every, sizeof every, "every %llu-th f32", (unsigned long long)step);
  for (int k = 0; k < FUNCTIONS; k++) {
    worst a = halves[0].all[k], b = halves[1].all[k];
    print(functions[k].name, "f32", every, a.error > b.error ? a : b);
    if (functions[k].op != ATTN_GELU && functions[k].op != ATTN_GELU_TANH) continue;
    a = halves[0].near[k], b = halves[1].near[k];
    print(functions[k].name, "f32", "of these, size 1 or less", a.error > b.error ? a : b);
  }
  worst w = {0, 0, 0};
  f32_pow(samples * 4, &w);
  print("pow", "f32", "samples", w);
  for (int k = 0; k < FUNCTIONS; k++) {
    w = (worst){0, 0, 0};
    f64_function(&functions[k], samples, &w);
    print(functions[k].name, "f64", "samples", w);
  }
  w = (worst){0, 0, 0};
  f64_pow(samples, &w);
  print("pow", "f64", "samples", w);
  return 0;
}
