// attn_matmul against OpenBLAS and against the machine's own peak.
//
//   cd Sources/CKernels
//   clang -O2 -std=c11 -I . -I include ../../bench/kernels/matmul.c */*.c -lopenblas -lpthread -lm -o matmul
//   OPENBLAS_NUM_THREADS=1 ./matmul 1;  OPENBLAS_NUM_THREADS=2 ./matmul 2
//
// Times are the best of several rounds, the two products taking turns, so that a busy neighbour
// disturbs both alike. After OpenBLAS's turn there is a pause: its idle threads go on spinning for
// some 30 ms. GFLOP/s count a multiplication and an addition as two.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "CKernels.h"

// The two entry points of OpenBLAS that are needed here, with its 32-bit sizes and C order.
void cblas_sgemm(int order, int turn_a, int turn_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
void openblas_set_num_threads(int count);
enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#if defined(__x86_64__)
typedef float wide __attribute__((ext_vector_type(16)));
// 16 independent chains of fused multiply-adds: nothing but arithmetic.
__attribute__((target("avx512f,fma"))) static double peak_avx512(void) {
  wide sums[16];
  for (int i = 0; i < 16; i++) sums[i] = (wide)((float)i);
  wide x = (wide)(0.999f), y = (wide)(0.001f);
  double best = 0;
  for (int round = 0; round < 20; round++) {
    double start = seconds();
    for (int i = 0; i < 100000; i++) {
#pragma clang loop unroll(full)
      for (int j = 0; j < 16; j++) sums[j] = __builtin_elementwise_fma(sums[j], x, y);
    }
    double rate = 100000.0 * 16 * 16 * 2 / (seconds() - start) * 1e-9;
    if (rate > best) best = rate;
  }
  volatile float sink = 0;
  for (int i = 0; i < 16; i++) sink = sink + sums[i][0];
  return best;
}
#endif

typedef struct {
  const char *name;
  int64_t batch, m, n, k;
  int turn_a, turn_b;  // stored as [k, m], as [n, k]
} shape;

static const shape shapes[] = {
    {"1024^3", 1, 1024, 1024, 1024, 0, 0},
    {"512^3", 1, 512, 512, 512, 0, 0},
    {"256^3", 1, 256, 256, 256, 0, 0},
    {"128^3", 1, 128, 128, 128, 0, 0},
    {"64^3", 1, 64, 64, 64, 0, 0},
    {"48^3", 1, 48, 48, 48, 0, 0},
    {"32^3", 1, 32, 32, 32, 0, 0},
    {"x W:    768x512 k 128", 1, 768, 512, 128, 0, 0},
    {"x W:    768x128 k 512", 1, 768, 128, 512, 0, 0},
    {"x W:    768x128 k 128", 1, 768, 128, 128, 0, 0},
    {"x W:    768x384 k 128", 1, 768, 384, 128, 0, 0},
    {"dy W^T: 768x128 k 512", 1, 768, 128, 512, 0, 1},
    {"dy W^T: 768x512 k 128", 1, 768, 512, 128, 0, 1},
    {"dy W^T: 768x128 k 128", 1, 768, 128, 128, 0, 1},
    {"x^T dy: 128x512 k 768", 1, 128, 512, 768, 1, 0},
    {"x^T dy: 512x128 k 768", 1, 512, 128, 768, 1, 0},
    {"x^T dy: 128x128 k 768", 1, 128, 128, 768, 1, 0},
    {"x W:    2048x1536 k 384", 1, 2048, 1536, 384, 0, 0},
    {"dy W^T: 2048x384 k 1536", 1, 2048, 384, 1536, 0, 1},
    {"x^T dy: 384x1536 k 2048", 1, 384, 1536, 2048, 1, 0},
    {"q k^T:  48 of 64x64 k 32", 48, 64, 64, 32, 0, 1},
    {"w v:    48 of 64x32 k 64", 48, 64, 32, 64, 0, 0},
    {"w^T dy: 48 of 64x32 k 64", 48, 64, 32, 64, 1, 0},
    {"48 of 16x16 k 16", 48, 16, 16, 16, 0, 0},
    {"m = 1:  1x1024 k 1024", 1, 1, 1024, 1024, 0, 0},
    {"m = 1:  1x1024 k 1024 ^T", 1, 1, 1024, 1024, 0, 1},
    {"n = 1:  1024x1 k 1024", 1, 1024, 1, 1024, 0, 0},
    {"n = 1:  1024x1 k 1024 ^T", 1, 1024, 1, 1024, 1, 0},
    {"4x4096 k 1024", 1, 4, 4096, 1024, 0, 0},
    {"4x4096 k 1024 ^T", 1, 4, 4096, 1024, 0, 1},
    {"8x8 k 8", 1, 8, 8, 8, 0, 0},
    {"4x4 k 4", 1, 4, 4, 4, 0, 0},
    {"2x2 k 2", 1, 2, 2, 2, 0, 0},
};

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 1;
  const char *only = count > 2 ? arguments[2] : "";
  if (count > 3 && !attn_use_isa((attn_isa)atoi(arguments[3]))) return 1;
  attn_use_threads(threads);
  openblas_set_num_threads(threads);
#if defined(__x86_64__)
  if (attn_best_isa() == ATTN_ISA_AVX512)
    printf("peak of fused multiply-adds, one core: %.0f GFLOP/s\n", peak_avx512());
#endif
  printf("%-26s %12s %10s %10s   (%d threads)\n", "", "attn GF/s", "OpenBLAS", "attn ns", threads);
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    shape p = shapes[s];
    if (strstr(p.name, only) == NULL) continue;
    int64_t a_size = p.m * p.k, b_size = p.k * p.n, c_size = p.m * p.n;
    float *a = malloc(sizeof(float) * (size_t)(p.batch * a_size));
    float *b = malloc(sizeof(float) * (size_t)(p.batch * b_size));
    float *c = malloc(sizeof(float) * (size_t)(p.batch * c_size));
    int64_t *offsets = malloc(sizeof(int64_t) * 3 * (size_t)p.batch);
    for (int64_t i = 0; i < p.batch * a_size; i++) a[i] = (float)(i % 17) - 8;
    for (int64_t i = 0; i < p.batch * b_size; i++) b[i] = (float)(i % 13) - 6;
    for (int64_t i = 0; i < p.batch; i++) {
      offsets[i] = i * a_size;
      offsets[p.batch + i] = i * b_size;
      offsets[2 * p.batch + i] = i * c_size;
    }
    double flops = 2.0 * (double)(p.batch * p.m * p.n * p.k);
    int64_t repeats = (int64_t)(4e8 * threads / flops) / 4 + 1;
    if (repeats > 20000) repeats = 20000;
    double best[2] = {1e9, 1e9};
    for (int round = 0; round < 16; round++)
      for (int which = 0; which < 2; which++) {
        double start = seconds();
        for (int64_t r = 0; r < repeats; r++) {
          if (which == 0) {
            attn_matmul(ATTN_F32, p.batch, p.m, p.n, p.k, a, offsets, p.turn_a ? 1 : p.k,
                        p.turn_a ? p.m : 1, b, offsets + p.batch, p.turn_b ? 1 : p.n,
                        p.turn_b ? p.k : 1, c, offsets + 2 * p.batch, p.n);
            continue;
          }
          for (int64_t i = 0; i < p.batch; i++)
            cblas_sgemm(ROW_MAJOR, p.turn_a ? TRANSPOSED : AS_IS, p.turn_b ? TRANSPOSED : AS_IS,
                        (int)p.m, (int)p.n, (int)p.k, 1, a + i * a_size,
                        (int)(p.turn_a ? p.m : p.k), b + i * b_size, (int)(p.turn_b ? p.k : p.n),
                        0, c + i * c_size, (int)p.n);
        }
        double each = (seconds() - start) / (double)repeats;
        if (each < best[which]) best[which] = each;
        if (which == 1 && threads > 1) usleep(100000);
      }
    printf("%-26s %12.1f %10.1f %10.0f\n", p.name, flops / best[0] * 1e-9, flops / best[1] * 1e-9,
           best[0] * 1e9);
    free(a), free(b), free(c), free(offsets);
  }
}
