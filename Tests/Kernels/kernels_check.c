// Checks products, reductions, kernels of rows, gathers, random numbers, digests and the thread pool
// against plain references that follow the stated order of operations one number at a time. Bits
// must be equal, for every instruction set that the machine has and for 1, 2, 3 and 7 threads.
//
//   Tests/Kernels/run.sh
//
// With the argument `nofork` the check that forks is left out: qemu-user cannot do that.
#ifndef T

#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CKernels.h"
#include "machine/pool.h"

#pragma STDC FP_CONTRACT OFF

static int failures;
static uint64_t digest;  // of every result, for comparing machines and thread counts

static void fail(const char *what, const char *detail, int64_t a, int64_t b, int64_t c) {
  if (failures++ < 40)
    printf("FAILED %s (%s): %lld %lld %lld\n", what, detail, (long long)a, (long long)b,
           (long long)c);
}
static void expect(bool holds, const char *what, int64_t a, int64_t b, int64_t c) {
  if (!holds) fail(what, "", a, b, c);
}

// A generator that has nothing to do with the kernels'.
static uint64_t state = 1;
static uint64_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  uint64_t x = state ^ state >> 33;
  return x * 0xff51afd7ed558ccdu ^ x >> 29;
}
static double number(void) { return (double)(int64_t)(next() >> 11) * 0x1p-52 - 1; }

static void *room(int64_t count, size_t size) {
  void *p = malloc((size_t)(count > 0 ? count : 1) * size);
  if (p == NULL) abort();
  memset(p, 0xA5, (size_t)(count > 0 ? count : 1) * size);
  return p;
}

static const int64_t borders[] = {0, 1, 2, 15, 16, 17, 33, 100, 1000, 4095, 4096, 4097, 10000,
                                  20481};
enum { BORDERS = sizeof borders / sizeof borders[0] };

#define T float
#define F32 1
#define D ATTN_F32
#define N(name) name##_f32
#define FMA fmaf
#define SQRT sqrtf
#include "kernels_check.c"
#undef T
#undef F32
#undef D
#undef N
#undef FMA
#undef SQRT

#define T double
#define F32 0
#define D ATTN_F64
#define N(name) name##_f64
#define FMA fma
#define SQRT sqrt
#include "kernels_check.c"
#undef T
#define T

// MARK: What has no type

static void check_known_answers(void) {
  // From the file kat_vectors of Random123.
  static const uint32_t philox[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
       0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
       0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (int i = 0; i < 3; i++) {
    uint32_t out[4];
    attn_philox4x32(philox[i], philox[i] + 4, out);
    expect(memcmp(out, philox[i] + 6, sizeof out) == 0, "philox known answer", i, 0, 0);
  }
  expect(attn_hash(ATTN_BOOL, 0, NULL, 0) == 0xef46db3751d8e999u, "xxh64 of nothing", 0, 0, 0);
  expect(attn_hash(ATTN_BOOL, 1, "a", 0) == 0xd24ec4f1a98c6e5bu, "xxh64 of a", 0, 0, 0);
  expect(attn_hash(ATTN_BOOL, 3, "abc", 0) == 0x44bc2cf5ad770999u, "xxh64 of abc", 0, 0, 0);
  // From the Python package xxhash: bytes (7 i + n) mod 251, seeds 0 and 2654435761.
  static const struct { int64_t n; uint64_t plain, seeded; } hashes[] = {
      {31, 0xc025b4c3c4880c7a, 0x5458c554929db390}, {32, 0x178ae25cee6f7994, 0x4e5a84676a71a55b},
      {33, 0xc46e3a6b7582cfa1, 0x4892a7323a85a5e4}, {63, 0x03793b982bc5fbd0, 0x73b983a1043ac480},
      {101, 0xbe55333f650dc405, 0x31247fd9f7f9bbf5}, {5000, 0x3dd1c09d7d9a10de, 0x179c3da9f8d60463}};
  for (int h = 0; h < 6; h++) {
    uint8_t bytes[5000];
    int64_t n = hashes[h].n;
    for (int64_t i = 0; i < n; i++) bytes[i] = (uint8_t)((i * 7 + n) % 251);
    expect(attn_hash(ATTN_BOOL, n, bytes, 0) == hashes[h].plain, "xxh64", n, 0, 0);
    expect(attn_hash(ATTN_BOOL, n, bytes, 2654435761) == hashes[h].seeded, "xxh64 seeded", n, 0, 0);
  }
}

static void check_random(void) {
  enum { COUNT = 100003 };
  const uint64_t seed = 0x0123456789abcdefu, first = 0xfffffff0u * 4ull + 3;
  float *f = room(COUNT, 4), *f2 = room(COUNT, 4);
  double *d = room(COUNT, 8), *d2 = room(COUNT, 8);
  int64_t *l = room(COUNT, 8);
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

  attn_random_uniform(ATTN_F32, COUNT, seed, first, f);
  for (int64_t i = 0; i < COUNT; i++) {
    uint64_t draw = first + (uint64_t)i, block = draw / 4;
    uint32_t w[4], counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
    attn_philox4x32(counter, key, w);
    expect(f[i] == (float)(w[draw % 4] >> 8) / 16777216, "uniform f32", i, 0, 0);
  }
  attn_random_uniform(ATTN_F64, COUNT, seed, first, d);
  attn_random_integers(COUNT, seed, first, -7, 1000, l);
  for (int64_t i = 0; i < COUNT; i++) {
    uint64_t draw = first + (uint64_t)i, block = draw / 2;
    uint32_t w[4], counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 1, 0};
    attn_philox4x32(counter, key, w);
    uint64_t pair = w[draw % 2 * 2] | (uint64_t)w[draw % 2 * 2 + 1] << 32;
    expect(d[i] == (double)(pair >> 11) / 9007199254740992.0, "uniform f64", i, 0, 0);
    counter[2] = 4;
    attn_philox4x32(counter, key, w);
    pair = w[draw % 2 * 2] | (uint64_t)w[draw % 2 * 2 + 1] << 32;
    int64_t expected = -7 + (int64_t)((unsigned __int128)pair * 1007 >> 64);
    expect(l[i] == expected, "integers", i, l[i], expected);
  }
  digest = attn_hash(ATTN_F32, COUNT, f, digest);
  digest = attn_hash(ATTN_F64, COUNT, d, digest);

  // Normals: near libm's, of mean 0 and variance 1, finite.
  attn_random_normal(ATTN_F32, COUNT, seed, first, f);
  attn_random_normal(ATTN_F64, COUNT, seed, first, d);
  double sum = 0, squares = 0, sum64 = 0, squares64 = 0;
  for (int64_t i = 0; i < COUNT; i++) {
    uint64_t draw = first + (uint64_t)i, block = draw / 4;
    uint32_t w[4], counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 2, 0};
    attn_philox4x32(counter, key, w);
    double u = (w[draw % 4 & 2] + 1.0) / 4294967296.0, v = w[(draw % 4) | 1] / 4294967296.0;
    double angle = 2 * 3.14159265358979323846 * v, radius = sqrt(-2 * log(u));
    double expected = radius * (draw % 2 ? sin(angle) : cos(angle));
    expect(fabs(f[i] - expected) <= 1e-6, "normal f32", i, 0, 0);
    block = draw / 2;
    uint32_t counter64[4] = {(uint32_t)block, (uint32_t)(block >> 32), 3, 0};
    attn_philox4x32(counter64, key, w);
    u = ((double)((w[0] | (uint64_t)w[1] << 32) >> 11) + 1) / 9007199254740992.0;
    v = (double)((w[2] | (uint64_t)w[3] << 32) >> 11) / 9007199254740992.0;
    angle = 2 * 3.14159265358979323846 * v, radius = sqrt(-2 * log(u));
    expected = radius * (draw % 2 ? sin(angle) : cos(angle));
    expect(fabs(d[i] - expected) <= 1e-13, "normal f64", i, 0, 0);
    sum += f[i], squares += (double)f[i] * f[i], sum64 += d[i], squares64 += d[i] * d[i];
  }
  expect(fabs(sum / COUNT) < 0.02 && fabs(squares / COUNT - 1) < 0.03, "normal f32 moments", 0, 0,
         0);
  expect(fabs(sum64 / COUNT) < 0.02 && fabs(squares64 / COUNT - 1) < 0.03, "normal f64 moments", 0,
         0, 0);
  digest = attn_hash(ATTN_F32, COUNT, f, digest);
  digest = attn_hash(ATTN_F64, COUNT, d, digest);

  // Any slice has the values of the whole.
  for (int64_t start = 0; start < 70; start++) {
    attn_random_normal(ATTN_F32, 100, seed, first + (uint64_t)start, f2);
    expect(memcmp(f2, f + start, 400) == 0, "slice of normals f32", start, 0, 0);
    attn_random_normal(ATTN_F64, 100, seed, first + (uint64_t)start, d2);
    expect(memcmp(d2, d + start, 800) == 0, "slice of normals f64", start, 0, 0);
  }
  free(f), free(f2), free(d), free(d2), free(l);
}

static void check_integers(void) {
  int32_t a[6] = {INT32_MAX, 1, -1, 5, -7, 2}, y[6];
  int64_t b[4] = {INT64_MAX, 1, -1, 2}, z[4];
  uint8_t c[4] = {0, 1, 0, 0}, w[4];
  expect(attn_reduce(ATTN_SUM, ATTN_I32, ATTN_LANES, 1, 3, 1, a, y) == ATTN_OK &&
             y[0] == INT32_MAX, "i32 sum that comes back", 0, 0, 0);
  expect(attn_reduce(ATTN_SUM, ATTN_I32, ATTN_LANES, 1, 2, 1, a, y) == ATTN_OVERFLOW,
         "i32 sum overflow", 0, 0, 0);
  expect(attn_reduce(ATTN_SUM, ATTN_I64, ATTN_LANES, 1, 3, 1, b, z) == ATTN_OK &&
             z[0] == INT64_MAX, "i64 sum that comes back", 0, 0, 0);
  expect(attn_reduce(ATTN_SUM, ATTN_I64, ATTN_LANES, 1, 4, 1, b, z) == ATTN_OVERFLOW,
         "i64 sum overflow", 0, 0, 0);
  expect(attn_reduce(ATTN_PROD, ATTN_I64, ATTN_LANES, 1, 4, 1, b, z) == ATTN_OVERFLOW,
         "i64 product overflow", 0, 0, 0);
  int64_t least[3] = {INT64_MIN, -1, -1}, zero[3] = {INT64_MAX, 4, 0};
  expect(attn_reduce(ATTN_PROD, ATTN_I64, ATTN_LANES, 1, 3, 1, least, z) == ATTN_OK &&
             z[0] == INT64_MIN, "i64 product of the least", 0, 0, 0);
  expect(attn_reduce(ATTN_PROD, ATTN_I64, ATTN_LANES, 1, 3, 1, zero, z) == ATTN_OK && z[0] == 0,
         "i64 product with zero", 0, 0, 0);
  expect(attn_reduce(ATTN_REDUCE_MAX, ATTN_I32, ATTN_LANES, 2, 3, 1, a, y) == ATTN_OK &&
             y[0] == INT32_MAX && y[1] == 5, "i32 max", 0, 0, 0);
  attn_reduce(ATTN_REDUCE_MIN, ATTN_I32, ATTN_LANES, 1, 2, 3, a, y);
  expect(y[0] == 5 && y[1] == -7 && y[2] == -1, "i32 min over columns", 0, 0, 0);
  attn_reduce(ATTN_REDUCE_MIN, ATTN_I32, ATTN_LANES, 1, 0, 1, a, y);
  expect(y[0] == INT32_MAX, "i32 min of nothing", 0, 0, 0);
  attn_reduce(ATTN_ANY, ATTN_BOOL, ATTN_LANES, 2, 2, 1, c, w);
  expect(w[0] == 1 && w[1] == 0, "any", 0, 0, 0);
  attn_reduce(ATTN_ALL, ATTN_BOOL, ATTN_LANES, 4, 1, 1, c, w);
  expect(w[0] == 0 && w[1] == 1, "all", 0, 0, 0);
  attn_reduce(ATTN_ALL, ATTN_BOOL, ATTN_LANES, 1, 0, 1, c, w);
  expect(w[0] == 1, "all of nothing", 0, 0, 0);
  attn_reduce(ATTN_ANY, ATTN_BOOL, ATTN_LANES, 1, 0, 1, c, w);
  expect(w[0] == 0, "any of nothing", 0, 0, 0);
  expect(attn_cumsum(false, ATTN_I32, 1, 3, 1, a, y) == ATTN_OVERFLOW, "i32 cumsum", 0, 0, 0);
  expect(attn_cumsum(true, ATTN_I32, 1, 3, 1, a + 3, y) == ATTN_OK && y[0] == 0 && y[1] == -5 &&
             y[2] == 2, "i32 cumsum from the end", 0, 0, 0);

  int64_t no = 0, offset[2] = {0, 4};
  int32_t p[8] = {1, 2, 3, 4, INT32_MAX, INT32_MAX, 2, -2}, q[4] = {5, 6, 7, 8}, r[8];
  expect(attn_matmul(ATTN_I32, 1, 2, 2, 2, p, &no, 2, 1, q, &no, 2, 1, r, &no, 2) == ATTN_OK &&
             r[0] == 19 && r[1] == 22 && r[2] == 43 && r[3] == 50, "i32 product", 0, 0, 0);
  int64_t same[2] = {0, 0};
  expect(attn_matmul(ATTN_I32, 2, 2, 2, 2, p, offset, 2, 1, q, same, 2, 1, r, offset, 2) ==
             ATTN_OVERFLOW, "i32 product overflow", 0, 0, 0);

  int64_t indices[3] = {1, 9, 0}, at = -1;
  uint8_t keep[3] = {1, 0, 1};
  expect(attn_gather(8, 3, 2, 2, b, indices, NULL, z, &at) == ATTN_OUT_OF_RANGE && at == 1,
         "gather out of range", at, 0, 0);
  int64_t gathered[6];
  expect(attn_gather(8, 3, 2, 2, b, indices, keep, gathered, &at) == ATTN_OK &&
             gathered[0] == -1 && gathered[1] == 2 && gathered[2] == 0 && gathered[3] == 0 &&
             gathered[4] == INT64_MAX && gathered[5] == 1, "gather", 0, 0, 0);
  int64_t sums[4] = {1, 2, 3, 4};
  expect(attn_scatter_add(ATTN_I64, 3, 2, 2, gathered, indices, keep, sums) == ATTN_OVERFLOW &&
             sums[1] == 3 && sums[2] == 2 && sums[3] == 6, "scatter", 0, 0, 0);
}

// MARK: The pool

static _Atomic int64_t calls[1000];
static _Atomic int64_t inner_calls;
static void inner_body(void *context, int64_t part) {
  (void)context, (void)part;
  atomic_fetch_add(&inner_calls, 1);
}
static void outer_body(void *context, int64_t part) {
  atomic_fetch_add(&calls[part], 1);
  if (context != NULL && part % 100 == 0) attn_parallel(5, inner_body, NULL);
}

static void check_pool(bool with_fork) {
  for (int round = 0; round < 200; round++) {
    int64_t parts = round * 5;
    for (int64_t i = 0; i < 1000; i++) calls[i] = 0;
    inner_calls = 0;
    attn_parallel(parts, outer_body, &inner_calls);
    for (int64_t i = 0; i < 1000; i++)
      expect(calls[i] == (i < parts), "part runs once", i, parts, calls[i]);
    expect(inner_calls == (parts + 99) / 100 * 5, "nested parts", inner_calls, parts, 0);
  }
  if (!with_fork) return;
  // A child has none of the workers, and must not wait for them.
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(10);
    for (int64_t i = 0; i < 1000; i++) calls[i] = 0;
    attn_parallel(1000, outer_body, NULL);
    for (int64_t i = 0; i < 1000; i++)
      if (calls[i] != 1) _exit(1);
    _exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  expect(status == 0, "a parallel loop in a forked child", status, 0, 0);
}

int main(int count, char **arguments) {
  bool with_fork = count < 2 || strcmp(arguments[1], "nofork") != 0;
  static const int threads[] = {1, 2, 3, 7};
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  uint64_t first_digest = 0;
  bool have_first = false;
  check_known_answers();
  for (int isa = 2; isa >= 0; isa--) {
    if (!attn_use_isa((attn_isa)isa)) {
      printf("%s: not on this machine\n", names[isa]);
      continue;
    }
    for (int t = 0; t < 4; t++) {
      attn_use_threads(threads[t]);
      digest = 0;
      state = 1;
      check_pool(with_fork);
      check_integers();
      check_random();
      check_all_f32();
      check_all_f64();
      printf("%s, %d threads: %016llx\n", names[isa], threads[t], (unsigned long long)digest);
      if (have_first) expect(digest == first_digest, "digest", isa, threads[t], 0);
      first_digest = digest;
      have_first = true;
    }
  }
  printf(failures == 0 ? "all checks passed\n" : "%d checks FAILED\n", failures);
  return failures != 0;
}

#else  // MARK: What is checked for f32 and for f64

// Equal bits, where any NaN is as good as another.
static void N(same)(const char *what, int64_t n, const T *got, const T *expected, int64_t a,
                    int64_t b, int64_t c) {
  for (int64_t i = 0; i < n; i++) {
    if (memcmp(&got[i], &expected[i], sizeof(T)) == 0) continue;
    if (got[i] != got[i] && expected[i] != expected[i]) continue;
    char detail[100];
    snprintf(detail, sizeof detail, "%s [%lld] %a, not %a", F32 ? "f32" : "f64", (long long)i,
             (double)got[i], (double)expected[i]);
    fail(what, detail, a, b, c);
    break;
  }
  digest = attn_hash(D, n, got, digest);
}

static T *N(numbers)(int64_t n) {
  T *x = room(n, sizeof(T));
  for (int64_t i = 0; i < n; i++) x[i] = (T)(number() * (next() % 4 == 0 ? 100 : 1));
  return x;
}
// Numbers among which there are zeros of both signs, infinities and NaNs.
static T *N(specials)(int64_t n) {
  static const double list[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1e-310, -1e38, 1};
  T *x = N(numbers)(n);
  for (int64_t i = 0; i < n; i++)
    if (next() % 50 == 0) x[i] = (T)list[next() % 8];
  return x;
}

// The order LANES as its definition goes: lanes, the halving tree, chunks, zeros up to a power of
// two. With `product`, of a product (from 1).
static T N(tree)(const T *chunks, int64_t n, bool product) {
  if (n == 1) return chunks[0];
  T low = N(tree)(chunks, n / 2, product), high = N(tree)(chunks + n / 2, n / 2, product);
  return product ? low * high : low + high;
}
static T N(lanes)(const T *x, int64_t stride, int64_t n, bool product) {
  int64_t chunks = 1;
  while (chunks * 4096 < n) chunks *= 2;
  T *results = room(chunks, sizeof(T));
  for (int64_t c = 0; c < chunks; c++) {
    T lane[16];
    for (int l = 0; l < 16; l++) lane[l] = product;
    for (int64_t i = c * 4096; i < n && i < (c + 1) * 4096; i++) {
      if (product) lane[i % 16] *= x[i * stride];
      else lane[i % 16] += x[i * stride];
    }
    for (int half = 8; half > 0; half /= 2)
      for (int l = 0; l < half; l++) {
        if (product) lane[l] *= lane[l + half];
        else lane[l] += lane[l + half];
      }
    results[c] = lane[0];
  }
  T total = N(tree)(results, chunks, product);
  free(results);
  return total;
}
static T N(extreme)(const T *x, int64_t stride, int64_t n, bool largest) {
  T best = (T)(largest ? -INFINITY : INFINITY);
  for (int64_t i = 0; i < n; i++) {
    T v = x[i * stride];
    if (v != v) return v;
    bool equal_but_better = v == best && (largest ? signbit(best) && !signbit(v)
                                                  : signbit(v) && !signbit(best));
    if (equal_but_better || (largest ? v > best : v < best)) best = v;
  }
  return best;
}
static T N(one)(attn_unary_op op, T x) {
  T y;
  attn_unary(op, D, 1, &x, &y);
  return y;
}
static T N(logsumexp)(const T *x, int64_t stride, int64_t n) {
  T largest = N(extreme)(x, stride, n, true);
  if (!isfinite(largest)) return largest;
  T *terms = room(n, sizeof(T));
  for (int64_t i = 0; i < n; i++) terms[i] = x[i * stride] - largest;
  attn_unary(ATTN_EXP, D, n, terms, terms);
  T result = largest + N(one)(ATTN_LOG, N(lanes)(terms, 1, n, false));
  free(terms);
  return result;
}

static void N(check_products)(void) {
  static const int64_t sizes[][4] = {  // batch, m, n, k
      {1, 0, 3, 4}, {1, 3, 4, 0}, {1, 1, 1, 1}, {1, 2, 2, 2}, {2, 1, 40, 9}, {2, 40, 1, 9},
      {1, 1, 513, 70}, {1, 513, 1, 70}, {3, 5, 7, 3}, {1, 8, 32, 16}, {1, 9, 33, 17}, {1, 17, 15, 5},
      {5, 16, 16, 16}, {1, 77, 16, 40}, {1, 37, 8, 16},
      {1, 1100, 16, 5}, {1, 1100, 48, 5}, {50, 33, 20, 31}, {1, 100, 3, 50}, {1, 300, 14, 40}, {1, 3, 700, 130},
      {1, 131, 97, 530}, {2, 70, 270, 64}, {1, 25, 300, 1100}, {1, 200, 180, 150}};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    int64_t batch = sizes[s][0], m = sizes[s][1], n = sizes[s][2], k = sizes[s][3];
    for (int layout = 0; layout < 6; layout++) {
      // Transposed operands, rows further apart than they are long, and a stride of 2 in both axes.
      int64_t a_rs = layout & 1 ? 1 : k + 3, a_cs = layout & 1 ? m + 1 : 1;
      int64_t b_rs = layout & 2 ? 1 : n + 2, b_cs = layout & 2 ? k + 5 : 1;
      if (layout == 4) a_rs = 2 * k, a_cs = 2, b_rs = 2 * n, b_cs = 2;
      if (layout == 5) a_rs = k, a_cs = 1, b_rs = n, b_cs = 1;
      int64_t c_rs = n + (layout == 5 ? 0 : 4);
      int64_t a_size = 2 * (m + 2) * (k + 4), b_size = 2 * (k + 6) * (n + 3), c_size = m * c_rs;
      T *a = N(numbers)(batch * a_size), *b = N(numbers)(batch * b_size);
      T *c = room(batch * c_size, sizeof(T)), *expected = room(batch * c_size, sizeof(T));
      int64_t *offsets = room(3 * batch, sizeof(int64_t));
      for (int64_t p = 0; p < batch; p++) {
        offsets[p] = p * a_size;
        offsets[batch + p] = (batch - 1 - p) * b_size;
        offsets[2 * batch + p] = p * c_size;
        for (int64_t i = 0; i < m; i++)
          for (int64_t j = 0; j < n; j++) {
            T sum = 0;
            for (int64_t l = 0; l < k; l++)
              sum = FMA(a[offsets[p] + i * a_rs + l * a_cs],
                        b[offsets[batch + p] + l * b_rs + j * b_cs], sum);
            expected[offsets[2 * batch + p] + i * c_rs + j] = sum;
          }
      }
      attn_status status = attn_matmul(D, batch, m, n, k, a, offsets, a_rs, a_cs, b,
                                       offsets + batch, b_rs, b_cs, c, offsets + 2 * batch, c_rs);
      expect(status == ATTN_OK, "product status", m, n, k);
      // The room between rows is compared too: it has to stay as it was.
      N(same)("product", batch * c_size, c, expected, m * 1000 + layout, n, k);
      free(a), free(b), free(c), free(expected), free(offsets);
    }
  }
}

static void N(check_reductions)(void) {
  static const int64_t outers[] = {1, 3, 40}, inners[] = {1, 2, 16, 37, 300};
  for (int b = 0; b < BORDERS; b++)
    for (int o = 0; o < 3; o++)
      for (int j = 0; j < 5; j++)
        for (int special = 0; special < 2; special++) {
          int64_t n = borders[b], outer = outers[o], inner = inners[j];
          if (outer * n * inner > 600000) continue;
          T *x = special ? N(specials)(outer * n * inner) : N(numbers)(outer * n * inner);
          int64_t outputs = outer * inner;
          T *y = room(outputs, sizeof(T)), *expected = room(outputs, sizeof(T));
          for (int op = 0; op < 7; op++) {
            static const attn_reduce_op ops[] = {ATTN_SUM, ATTN_PROD, ATTN_REDUCE_MAX,
                                                 ATTN_REDUCE_MIN, ATTN_LOGSUMEXP, ATTN_SUM,
                                                 ATTN_PROD};
            attn_order order = op < 5 ? ATTN_LANES : ATTN_ASCENDING;
            for (int64_t i = 0; i < outputs; i++) {
              const T *from = x + i / inner * n * inner + i % inner;
              T ascending = op == 6;
              switch (op) {
                case 0: expected[i] = N(lanes)(from, inner, n, false); break;
                case 1: expected[i] = N(lanes)(from, inner, n, true); break;
                case 2: expected[i] = N(extreme)(from, inner, n, true); break;
                case 3: expected[i] = N(extreme)(from, inner, n, false); break;
                case 4: expected[i] = N(logsumexp)(from, inner, n); break;
                default:
                  for (int64_t l = 0; l < n; l++) {
                    if (op == 5) ascending += from[l * inner];
                    else ascending *= from[l * inner];
                  }
                  expected[i] = ascending;
              }
            }
            attn_reduce(ops[op], D, order, outer, n, inner, x, y);
            N(same)("reduction", outputs, y, expected, op * 1000 + outer, n, inner);
          }
          free(x), free(y), free(expected);
        }
  // Zeros at the end, of either sign, never change a bit.
  T *x = N(numbers)(40000), whole, part;
  for (int64_t i = 9000; i < 40000; i++) x[i] = (T)(i % 3 == 0 ? -0.0 : 0.0);
  for (int64_t n = 9000; n < 40000; n += 1237) {
    attn_reduce(ATTN_SUM, D, ATTN_LANES, 1, 9000, 1, x, &part);
    attn_reduce(ATTN_SUM, D, ATTN_LANES, 1, n, 1, x, &whole);
    N(same)("zeros at the end", 1, &whole, &part, n, 0, 0);
  }
  free(x);
  // One long sum, which threads share.
  int64_t n = 1000003;
  x = N(numbers)(n);
  whole = N(lanes)(x, 1, n, false);
  attn_reduce(ATTN_SUM, D, ATTN_LANES, 1, n, 1, x, &part);
  N(same)("long sum", 1, &part, &whole, n, 0, 0);
  whole = N(extreme)(x, 1, n, true);
  attn_reduce(ATTN_REDUCE_MAX, D, ATTN_LANES, 1, n, 1, x, &part);
  N(same)("long max", 1, &part, &whole, n, 0, 0);
  free(x);
}

// Rows that are too long for the threads' own memory.
static void N(check_long_rows)(void) {
  uint64_t before = state;
  int64_t n = 140000, rows = 3, *at = room(rows * n, 8);
  T *x = N(numbers)(rows * n);
  size_t bytes = attn_sort_work(rows, n);
  expect(bytes > 0 && attn_sort_work(rows, 1000) == 0, "work for sort", (int64_t)bytes, rows, n);
  void *work = room((int64_t)bytes, 1);
  attn_sort_positions(false, D, rows, n, x, at, work, bytes);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 1; i < n; i++) {
      T a = x[r * n + at[r * n + i - 1]], b = x[r * n + at[r * n + i]];
      expect(a < b || (a == b && at[r * n + i - 1] < at[r * n + i]), "sort of a long row", r, i, n);
    }
  free(x), free(at), free(work);
  state = before;
}

static void N(check_positions)(void) {
  static const int64_t sizes[] = {1, 2, 5, 32, 33, 200, 3000};
  for (int s = 0; s < 7; s++)
    for (int special = 0; special < 2; special++) {
      int64_t n = sizes[s], rows = 7, *at = room(rows * n, 8);
      T *x = special ? N(specials)(rows * n) : N(numbers)(rows * n);
      for (int64_t i = 0; i < rows * n; i++)
        if (next() % 3 == 0) x[i] = (T)((double)(next() % 5) - 2);  // equals
      for (int descending = 0; descending < 2; descending++) {
        attn_sort_positions(descending, D, rows, n, x, at, NULL, 0);
        for (int64_t r = 0; r < rows; r++)
          for (int64_t i = 1; i < n; i++) {
            T a = x[r * n + at[r * n + i - 1]], b = x[r * n + at[r * n + i]];
            bool equal = a == b || (a != a && b != b);
            bool before = descending ? a > b || (a != a && b == b) : a < b || (b != b && a == a);
            expect(before || (equal && at[r * n + i - 1] < at[r * n + i]), "sort", r, i, n);
          }
        digest = attn_hash(ATTN_I64, rows * n, at, digest);
        for (int64_t inner = 1; inner <= rows; inner += rows - 1) {
          int64_t outer = inner == 1 ? rows : 1;
          attn_arg_reduce(descending, D, outer, n, inner, x, at);
          for (int64_t i = 0; i < rows; i++) {
            const T *from = inner == 1 ? x + i * n : x + i;
            int64_t best = 0;
            for (int64_t l = 1; l < n; l++) {
              T a = from[best * inner], b = from[l * inner];
              if (a == a && (b != b || (descending ? b > a : b < a))) best = l;
            }
            expect(at[i] == best, "position of the extreme", n, i, at[i]);
          }
        }
      }
      for (int reverse = 0; reverse < 2; reverse++)
        for (int64_t inner = 1; inner <= rows; inner += rows - 1) {
          int64_t outer = rows / inner;
          T *y = room(rows * n, sizeof(T)), *expected = room(rows * n, sizeof(T));
          for (int64_t o = 0; o < outer; o++)
            for (int64_t j = 0; j < inner; j++) {
              T sum = 0;
              for (int64_t k = 0; k < n; k++) {
                int64_t i = (o * n + (reverse ? n - 1 - k : k)) * inner + j;
                expected[i] = sum += x[i];
              }
            }
          attn_cumsum(reverse, D, outer, n, inner, x, y);
          N(same)("cumsum", rows * n, y, expected, reverse, n, inner);
          free(y), free(expected);
        }
      free(x), free(at);
    }
}

// Each kernel of rows against the composite: attn_unary for exp and log, plain C for the rest.
static void N(check_softmax)(void) {
  for (int b = 0; b < BORDERS; b++)
    for (int kind = 0; kind < 8; kind++) {
      int64_t n = borders[b], rows = n > 1000 ? 3 : 60, size = rows * n;
      bool log = kind & 1, masked = kind & 2, special = kind & 4;
      T *x = special ? N(specials)(size) : N(numbers)(size);
      T *y = room(size, sizeof(T)), *expected = room(size, sizeof(T));
      T *e = room(n, sizeof(T)), *dy = N(numbers)(size), *dx = room(size, sizeof(T));
      uint8_t *keep = room(size, 1);
      int64_t *offsets = room(rows, 8);
      for (int64_t i = 0; i < size; i++) keep[i] = next() % 3 != 0;
      for (int64_t r = 0; r < rows; r++) offsets[r] = (r + 1) % rows * n;
      if (n > 0) memset(keep, 0, (size_t)n);  // the last row keeps nothing
      const T out = (T)(log ? -INFINITY : 0);
      for (int64_t r = 0; r < rows; r++) {
        const uint8_t *kept = keep + offsets[r];
        T largest = (T)-INFINITY;
        int64_t any = 0;
        for (int64_t i = 0; i < n; i++)
          if (!masked || kept[i]) {
            T pair[2] = {largest, x[r * n + i]};
            largest = N(extreme)(pair, 1, 2, true);
            any++;
          }
        for (int64_t i = 0; i < n; i++) e[i] = x[r * n + i] - largest;
        attn_unary(ATTN_EXP, D, n, e, e);
        for (int64_t i = 0; i < n; i++)
          if (masked && !kept[i]) e[i] = 0;
        T sum = N(lanes)(e, 1, n, false), log_sum = N(one)(ATTN_LOG, sum);
        for (int64_t i = 0; i < n; i++)
          expected[r * n + i] = any == 0 || (masked && !kept[i]) ? out
                                : log ? (x[r * n + i] - largest) - log_sum : e[i] / sum;
      }
      attn_softmax(D, log, rows, n, x, masked ? keep : NULL, masked ? offsets : NULL, 1, y);
      N(same)("softmax", size, y, expected, kind, n, rows);
      T *term = room(n, sizeof(T));
      for (int64_t r = 0; r < rows; r++) {
        const T *ys = y + r * n, *ds = dy + r * n;
        for (int64_t i = 0; i < n; i++)
          term[i] = log ? (ys[i] == out ? 0 : ds[i]) : ys[i] == 0 ? 0 : ys[i] * ds[i];
        T sum = N(lanes)(term, 1, n, false);
        attn_unary(ATTN_EXP, D, n, ys, term);
        for (int64_t i = 0; i < n; i++)
          expected[r * n + i] = ys[i] == out ? 0 : log ? ds[i] - term[i] * sum
                                                       : ys[i] * (ds[i] - sum);
      }
      attn_softmax_backward(D, log, rows, n, y, dy, dx);
      N(same)("softmax backward", size, dx, expected, kind, n, rows);
      // One condition for a whole row.
      if (n > 0 && rows > 1 && !special) {
        uint8_t of_row[2] = {1, 0};
        for (int64_t r = 0; r < rows; r++) offsets[r] = r % 2;
        attn_softmax(D, log, rows, n, x, NULL, NULL, 0, expected);
        attn_softmax(D, log, rows, n, x, of_row, offsets, 0, y);
        for (int64_t i = 0; i < size; i++)
          if (i / n % 2) expected[i] = out;
        N(same)("softmax by row", size, y, expected, kind, n, rows);
      }
      free(x), free(y), free(expected), free(e), free(dy), free(dx), free(keep), free(offsets);
      free(term);
    }
}

static void N(check_norms)(void) {
  for (int b = 1; b < BORDERS; b++)
    for (int kind = 0; kind < 4; kind++) {
      int64_t n = borders[b], rows = n > 1000 ? 4 : 90, size = rows * n;
      bool rms = kind & 1, affine = kind & 2;
      T *x = N(numbers)(size), *dy = N(numbers)(size);
      T *weight = affine ? N(numbers)(n) : NULL, *bias = affine ? N(numbers)(n) : NULL;
      T *y = room(size, sizeof(T)), *expected = room(size, sizeof(T)), *term = room(n, sizeof(T));
      T *mean = room(rows, sizeof(T)), *rstd = room(rows, sizeof(T)), *means = room(rows, sizeof(T)),
        *rstds = room(rows, sizeof(T)), *dx = room(size, sizeof(T)), *expected_dx = room(size, sizeof(T));
      T *sums = room(2 * n, sizeof(T)), *expected_sums = room(2 * n, sizeof(T));
      for (int64_t i = 0; i < 2 * n; i++) expected_sums[i] = 0;
      for (int64_t r = 0; r < rows; r++) {
        const T *xs = x + r * n, *ds = dy + r * n;
        means[r] = rms ? 0 : N(lanes)(xs, 1, n, false) / (T)n;
        for (int64_t i = 0; i < n; i++) {
          T centred = xs[i] - means[r];
          term[i] = centred * centred;
        }
        T variance = N(lanes)(term, 1, n, false) / (T)n;
        rstds[r] = 1 / SQRT(variance + (T)1e-5);
        for (int64_t i = 0; i < n; i++) {
          T v = (xs[i] - means[r]) * rstds[r];
          if (affine) {
            v = v * weight[i];
            v = v + bias[i];
          }
          expected[r * n + i] = v;
        }
        for (int64_t i = 0; i < n; i++) term[i] = affine ? ds[i] * weight[i] : ds[i];
        T slope = N(lanes)(term, 1, n, false) / (T)n;
        for (int64_t i = 0; i < n; i++) {
          T normed = (xs[i] - means[r]) * rstds[r];
          term[i] = term[i] * normed;
        }
        T product = N(lanes)(term, 1, n, false) / (T)n;
        for (int64_t i = 0; i < n; i++) {
          T normed = (xs[i] - means[r]) * rstds[r], g = affine ? ds[i] * weight[i] : ds[i];
          T without_mean = rms ? g : g - slope, share = normed * product;
          expected_dx[r * n + i] = rstds[r] * (without_mean - share);
          T by_weight = ds[i] * normed;
          expected_sums[i] += by_weight;
          expected_sums[n + i] += ds[i];
        }
      }
      attn_layer_norm(D, rms, rows, n, 1e-5, x, weight, bias, y, mean, rstd);
      N(same)("norm", size, y, expected, kind, n, rows);
      N(same)("norm's mean", rows, mean, means, kind, n, rows);
      N(same)("norm's rstd", rows, rstd, rstds, kind, n, rows);
      attn_layer_norm_backward(D, rms, rows, n, x, weight, mean, rstd, dy, dx, sums, sums + n);
      N(same)("norm backward", size, dx, expected_dx, kind, n, rows);
      N(same)("norm's weights", 2 * n, sums, expected_sums, kind, n, rows);
      memset(sums, 0, (size_t)n * sizeof(T));
      attn_layer_norm_backward(D, rms, rows, n, x, weight, mean, rstd, dy, NULL, NULL, sums);
      N(same)("norm's bias alone", n, sums, expected_sums + n, kind, n, rows);
      free(x), free(dy), free(weight), free(bias), free(y), free(expected), free(term), free(mean);
      free(rstd), free(means), free(rstds), free(dx), free(expected_dx), free(sums);
      free(expected_sums);
    }
}

static void N(check_losses)(void) {
  for (int b = 1; b < BORDERS; b++)
    for (int smooth = 0; smooth < 2; smooth++) {
      int64_t n = borders[b], rows = n > 1000 ? 4 : 90, size = rows * n, at = -1;
      double smoothing = smooth ? 0.1 : 0;
      T *x = N(numbers)(size), *losses = room(rows, sizeof(T)), *lse = room(rows, sizeof(T));
      T *expected = room(rows, sizeof(T)), *lses = room(rows, sizeof(T)), *scale = N(numbers)(rows);
      T *dx = room(size, sizeof(T)), *expected_dx = room(size, sizeof(T));
      int64_t *targets = room(rows, 8);
      for (int64_t r = 0; r < rows; r++) {
        const T *xs = x + r * n;
        targets[r] = r % 5 == 3 ? -100 : (int64_t)(next() % (uint64_t)n);
        if (targets[r] == -100) {
          expected[r] = lses[r] = 0;
          for (int64_t i = 0; i < n; i++) expected_dx[r * n + i] = 0;
          continue;
        }
        lses[r] = N(logsumexp)(xs, 1, n);
        T mean = N(lanes)(xs, 1, n, false) / (T)n;
        T mine = (T)(1 - smoothing) * xs[targets[r]], others = (T)smoothing * mean;
        expected[r] = smooth ? (lses[r] - mine) - others : lses[r] - xs[targets[r]];
        for (int64_t i = 0; i < n; i++) {
          T p = N(one)(ATTN_EXP, xs[i] - lses[r]);
          double share = smoothing / (double)n;
          T weight = (T)(i == targets[r] ? (1 - smoothing) + share : share);
          expected_dx[r * n + i] = (p - weight) * scale[r];
        }
      }
      expect(attn_cross_entropy(D, rows, n, x, targets, -100, smoothing, losses, lse, &at) ==
                 ATTN_OK, "loss status", n, 0, 0);
      N(same)("loss", rows, losses, expected, smooth, n, 0);
      N(same)("loss's lse", rows, lse, lses, smooth, n, 0);
      attn_cross_entropy_backward(D, rows, n, x, targets, -100, smoothing, lse, scale, 1, dx);
      N(same)("loss backward", size, dx, expected_dx, smooth, n, 0);
      targets[1] = n;
      expect(attn_cross_entropy(D, rows, n, x, targets, -100, smoothing, losses, lse, &at) ==
                 ATTN_OUT_OF_RANGE && at == 1, "target out of range", n, at, 0);
      free(x), free(losses), free(lse), free(expected), free(lses), free(scale), free(dx);
      free(expected_dx), free(targets);
    }
}

static void N(check_steps)(void) {
  int64_t n = 100001;
  T *p = N(numbers)(n), *g = N(numbers)(n), *m = N(numbers)(n), *v = N(numbers)(n);
  T *expected = room(3 * n, sizeof(T));
  double lr = 1e-3, b1 = 0.9, b2 = 0.999, epsilon = 1e-8, decay = 0.1, c1 = 0.19, c2 = 0.002;
  for (int64_t i = 0; i < n; i++) v[i] = v[i] < 0 ? -v[i] : v[i];
  for (int64_t i = 0; i < n; i++) {
    T slope = g[i] * (T)0.7;
    T kept = (T)b1 * m[i], taken = (T)(1 - b1) * slope, first = kept + taken;
    T square = slope * slope;
    T kept2 = (T)b2 * v[i], taken2 = (T)(1 - b2) * square, second = kept2 + taken2;
    T numerator = (T)lr * (first / (T)c1), root = SQRT(second / (T)c2) + (T)epsilon;
    T shrunk = p[i] - (T)(lr * decay) * p[i];
    expected[i] = shrunk - numerator / root;
    expected[n + i] = first;
    expected[2 * n + i] = second;
  }
  T *streamed = room(3 * n, sizeof(T));
  attn_adamw(D, n, p, g, m, v, lr, b1, b2, epsilon, decay, c1, c2, 0.7, true, streamed, streamed + n,
             streamed + 2 * n);
  N(same)("adamw, past the caches", 3 * n, streamed, expected, 0, 0, 0);
  free(streamed);
  attn_adamw(D, n, p, g, m, v, lr, b1, b2, epsilon, decay, c1, c2, 0.7, false, p, m, v);
  N(same)("adamw p", n, p, expected, 0, 0, 0);
  N(same)("adamw m", n, m, expected + n, 0, 0, 0);
  N(same)("adamw v", n, v, expected + 2 * n, 0, 0, 0);
  free(p), free(g), free(m), free(v), free(expected);
}

static void N(check_scatter)(void) {
  static const int64_t inners[] = {1, 3, 130};
  for (int s = 0; s < 3; s++) {
    int64_t inner = inners[s], rows = 37, count = 3000, at;
    T *dy = N(numbers)(count * inner), *y = N(numbers)(rows * inner);
    T *expected = room(rows * inner, sizeof(T)), *gathered = room(count * inner, sizeof(T));
    int64_t *indices = room(count, 8);
    uint8_t *keep = room(count, 1);
    memcpy(expected, y, (size_t)(rows * inner) * sizeof(T));
    for (int64_t i = 0; i < count; i++) {
      keep[i] = next() % 7 != 0;
      indices[i] = keep[i] ? (int64_t)(next() % (uint64_t)rows) : -5;
      for (int64_t j = 0; j < inner && keep[i]; j++)
        expected[indices[i] * inner + j] += dy[i * inner + j];
    }
    expect(attn_gather(sizeof(T), count, inner, rows, y, indices, keep, gathered, &at) == ATTN_OK,
           "gather", 0, 0, 0);
    for (int64_t i = 0; i < count * inner; i++) {
      T from = keep[i / inner] ? y[indices[i / inner] * inner + i % inner] : 0;
      expect(gathered[i] == from, "gathered", i, 0, 0);
    }
    attn_scatter_add(D, count, inner, rows, dy, indices, keep, y);
    N(same)("scatter", rows * inner, y, expected, inner, 0, 0);
    free(dy), free(y), free(expected), free(gathered), free(indices), free(keep);
  }
  // NaNs of any kind have one digest.
  T x[3] = {(T)NAN, (T)-NAN, 1}, z[3] = {(T)-NAN, (T)NAN, 1};
  expect(attn_hash(D, 3, x, 0) == attn_hash(D, 3, z, 0), "hash of NaNs", 0, 0, 0);
}

static void N(check_all)(void) {
  N(check_products)();
  N(check_reductions)();
  N(check_positions)();
  N(check_softmax)();
  N(check_norms)();
  N(check_losses)();
  N(check_steps)();
  N(check_scatter)();
  N(check_long_rows)();
}

#endif
