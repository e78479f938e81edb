// attn_attention and attn_attention_backward, causal, 8 blocks, against the machine's peak.
//
//   cd Sources/CKernels
//   clang -O2 -std=c11 -I . -I include ../../bench/kernels/attention.c */*.c -lpthread -lm -o attention
//   ./attention THREADS [WIDTH [LENGTH]]
//
// Times are the best of several rounds. GFLOP/s count a multiplication and an addition as two, in the
// two products of the forward pass and the five of the backward pass, of which half is needed.
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"

enum { BLOCKS = 8, TENSORS = 8 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *room(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (p == NULL) abort();
  return p;
}

static void measure(int64_t length, int64_t width) {
  int64_t size = BLOCKS * length * width;
  float *x[TENSORS];  // q, k, v, y, dy, dq, dk, dv
  for (int i = 0; i < TENSORS; i++) {
    x[i] = room((size_t)size * sizeof(float));
    for (int64_t j = 0; j < size; j++) x[i][j] = (float)(rand() % 2001 - 1000) / 500;
  }
  // One line of conditions, of which each query sees its part.
  uint8_t *line = room((size_t)(2 * length));
  for (int64_t i = 0; i < 2 * length; i++) line[i] = i < length;
  int64_t offsets[BLOCKS], shared[BLOCKS] = {0};
  for (int64_t b = 0; b < BLOCKS; b++) offsets[b] = b * length * width;
  float *largest = room((size_t)(BLOCKS * length) * sizeof(float));
  float *sums = room((size_t)(BLOCKS * length) * sizeof(float));
  attn_attention_operands operands = {
      .dtype = ATTN_F32, .batch = BLOCKS, .t = length, .s = length, .d = width, .e = width,
      .q = x[0], .k = x[1], .v = x[2],
      .q_offsets = offsets, .k_offsets = offsets, .v_offsets = offsets,
      .q_rs = width, .q_cs = 1, .k_rs = width, .k_cs = 1, .v_rs = width, .v_cs = 1,
      .keep = line + length - 1, .keep_offsets = shared, .keep_rows = length, .keep_rs = -1, .keep_cs = 1,
      .divides = true, .scale = sqrtf((float)width)};
  attn_row_blocks blocks[TENSORS];
  for (int i = 0; i < TENSORS; i++) blocks[i] = (attn_row_blocks){x[i], offsets, width};
  attn_attention_gradients gradients = {largest, sums, blocks[4], blocks[5], blocks[6], blocks[7]};
  double forward = 1e9, backward = 1e9, begin = seconds();
  for (int round = 0; round < 200 && (round < 3 || seconds() - begin < 0.7); round++) {
    double start = seconds();
    attn_attention(&operands, blocks[3], largest, sums);
    double middle = seconds();
    attn_attention_backward(&operands, &gradients);
    double end = seconds();
    if (middle - start < forward) forward = middle - start;
    if (end - middle < backward) backward = end - middle;
  }
  double product = 1e-9 * BLOCKS * (double)(length * length * width);
  printf("%5lld: forward %8.3f ms %6.1f GFLOP/s, backward %8.3f ms %6.1f, both %8.3f ms %6.1f\n",
         (long long)length, forward * 1e3, 2 * product / forward, backward * 1e3,
         5 * product / backward, (forward + backward) * 1e3, 7 * product / (forward + backward));
  for (int i = 0; i < TENSORS; i++) free(x[i]);
  free(line), free(largest), free(sums);
}

int main(int count, char **arguments) {
  attn_use_threads(count > 1 ? atoi(arguments[1]) : 1);
  int64_t width = count > 2 ? atoi(arguments[2]) : 64;
  for (int64_t length = 128; length <= 4096; length *= 2)
    if (count <= 3 || atoi(arguments[3]) == length) measure(length, width);
}
