// Checks attention, forward and backward, against the composite of the kernels that it replaces:
// a product, a scaling, a softmax and a product, and the gradients of the four. Bits must be equal,
// for every instruction set that the machine has and for 1, 2, 3 and 7 threads.
//
//   Tests/Kernels/run.sh
//
// With the argument `short` the largest sizes are left out: under qemu-user they take minutes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

static int failures;
static uint64_t digest;  // of every result, for comparing machines and thread counts

static uint64_t state = 1;
static uint64_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  uint64_t x = state ^ state >> 33;
  return x * 0xff51afd7ed558ccdu ^ x >> 29;
}

static void *room(int64_t count, size_t size) {
  void *p = malloc((size_t)(count > 0 ? count : 1) * size);
  if (p == NULL) abort();
  memset(p, 0xFF, (size_t)(count > 0 ? count : 1) * size);  // NaN, in floats
  return p;
}

typedef enum { PLAIN, SPECIAL, HUGE_SCORES, TINY, NEGATIVE_TINY, KINDS } kind;

static float *numbers(int64_t n, kind kind) {
  static const float list[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-42f, -1e38f, 3e38f};
  float *x = room(n, sizeof(float));
  for (int64_t i = 0; i < n; i++) {
    x[i] = (float)((double)(int64_t)(next() >> 11) * 0x1p-52 - 1);
    if (kind == SPECIAL && next() % 400 == 0) x[i] = list[next() % 8];
    if (kind == HUGE_SCORES) x[i] *= 40;
    if (kind == TINY) x[i] *= 1e-44f;
    if (kind == NEGATIVE_TINY) x[i] = next() % 9 == 0 ? 0 : -fabsf(x[i]) * 1e-44f;
  }
  return x;
}

// Equal bits, where any NaN is as good as another.
static void same(const char *what, int64_t n, const float *got, const float *expected,
                 const char *about) {
  for (int64_t i = 0; i < n; i++) {
    if (memcmp(&got[i], &expected[i], sizeof(float)) == 0) continue;
    if (got[i] != got[i] && expected[i] != expected[i]) continue;
    if (failures++ < 40)
      printf("FAILED %s [%lld] %a, not %a: %s\n", what, (long long)i, (double)got[i],
             (double)expected[i], about);
    break;
  }
  digest = attn_hash(ATTN_F32, n, got, digest);
}

typedef enum { ALL, CAUSAL, LATER_QUERIES, WINDOW, PADDING, RANDOM, BY_ROW, MASKS } mask;

static bool is_kept(mask mask, int64_t block, int64_t i, int64_t j, int64_t s, uint64_t draw) {
  switch (mask) {
    case CAUSAL: return j <= i;
    case LATER_QUERIES: return j <= i + s / 2;
    case WINDOW: return j <= i && j > i - 20;
    case PADDING: return j < s - s / 3 - block;
    case RANDOM: return draw % 3 != 0 && i % 11 != 3;
    case BY_ROW: return i % 3 != 1;
    default: return true;
  }
}

static void check(int64_t batch, int64_t t, int64_t s, int64_t d, int64_t e, mask mask,
                  bool divides, kind kind) {
  char about[160];
  snprintf(about, sizeof about, "%lld blocks, t %lld, s %lld, d %lld, e %lld, mask %d, kind %d",
           (long long)batch, (long long)t, (long long)s, (long long)d, (long long)e, mask, kind);
  // All lie as [t, blocks, d], [s, blocks, d] or [t, blocks, e], but for v: [e, s] in each block, or [s, e].
  int64_t v_rs = batch % 2 ? 1 : e, v_cs = batch % 2 ? s : 1;
  bool scores_only = kind == HUGE_SCORES;
  float *q = numbers(batch * t * d, kind == TINY || kind == NEGATIVE_TINY ? PLAIN : kind);
  float *k = numbers(batch * s * d, kind == NEGATIVE_TINY ? PLAIN : kind);
  float *v = numbers(batch * s * e, scores_only ? PLAIN : kind);
  float *dy = numbers(batch * t * e, scores_only ? PLAIN : kind);
  // Of q, k, v, scores, y and the mask, which blocks share where they can, or which has half as many rows
  // in each of its own; and of rows of a whole mask.
  bool shares = mask == CAUSAL || mask == WINDOW || mask == BY_ROW;
  bool halves = mask == RANDOM && t % 2 == 0 && t > 0;
  int64_t *offsets[7];
  for (int i = 0; i < 6; i++) offsets[i] = room(2 * batch, 8);
  offsets[6] = room(batch * t, 8);
  for (int64_t b = 0; b < batch; b++) {
    const int64_t at[6] = {b * d, b * d, b * s * e, b * t * s, b * e, shares ? 0 : b * t * s};
    for (int i = 0; i < 6; i++) offsets[i][b] = at[i];
  }
  for (int64_t b = 0; halves && b < 2 * batch; b++) offsets[5][b] = b * (t / 2) * s;
  uint8_t *keep = room(batch * t * (s + 1), 1);
  for (int64_t r = 0; r < batch * t; r++) {
    offsets[6][r] = r * s;
    for (int64_t j = 0; j < s; j++) keep[r * s + j] = is_kept(mask, r / t, r % t, j, s, next());
  }
  int64_t scores_size = batch * t * s;
  float *scores = room(scores_size, 4), *w = room(scores_size, 4), *dw = room(scores_size, 4);
  float *expected[4] = {room(batch * t * e, 4), room(batch * t * d, 4), room(batch * s * d, 4),
                        room(batch * s * e, 4)};
  float *got[4] = {room(batch * t * e, 4), room(batch * t * d, 4), room(batch * s * d, 4),
                   room(batch * s * e, 4)};
  float scale = divides ? sqrtf((float)(d > 0 ? d : 1)) : 0.3f;

  const int64_t shape[1] = {scores_size}, once[1] = {1}, repeated[1] = {0};
  attn_binary_op scaling = divides ? ATTN_DIV : ATTN_MUL;
  attn_matmul(ATTN_F32, batch, t, s, d, q, offsets[0], batch * d, 1, k, offsets[1], 1, batch * d,
              scores, offsets[3], s);
  attn_binary(scaling, ATTN_F32, 1, shape, once, scores, repeated, &scale, scores);
  if (s > 0)
    attn_softmax(ATTN_F32, false, batch * t, s, scores, mask == ALL ? NULL : keep,
                 mask == ALL ? NULL : offsets[6], 1, w);
  attn_matmul(ATTN_F32, batch, t, e, s, w, offsets[3], s, 1, v, offsets[2], v_rs, v_cs, expected[0],
              offsets[4], batch * e);
  attn_matmul(ATTN_F32, batch, t, s, e, dy, offsets[4], batch * e, 1, v, offsets[2], v_cs, v_rs, dw,
              offsets[3], s);
  if (s > 0) attn_softmax_backward(ATTN_F32, false, batch * t, s, w, dw, dw);
  attn_binary(scaling, ATTN_F32, 1, shape, once, dw, repeated, &scale, dw);
  attn_matmul(ATTN_F32, batch, t, d, s, dw, offsets[3], s, 1, k, offsets[1], batch * d, 1,
              expected[1], offsets[0], batch * d);
  attn_matmul(ATTN_F32, batch, s, d, t, dw, offsets[3], 1, s, q, offsets[0], batch * d, 1,
              expected[2], offsets[1], batch * d);
  attn_matmul(ATTN_F32, batch, s, e, t, w, offsets[3], 1, s, dy, offsets[4], batch * e, 1, expected[3],
              offsets[4], batch * e);

  if (mask == BY_ROW)  // one condition a row
    for (int64_t r = 0; r < t; r++) keep[r] = is_kept(mask, 0, r, 0, s, 0);
  float *largest = room(batch * t, 4), *sums = room(batch * t, 4);
  attn_attention_operands operands = {
      .batch = batch, .t = t, .s = s, .d = d, .e = e, .q = q, .k = k, .v = v,
      .q_offsets = offsets[0], .k_offsets = offsets[1], .v_offsets = offsets[2],
      .q_rs = batch * d, .q_cs = 1, .k_rs = batch * d, .k_cs = 1, .v_rs = v_rs, .v_cs = v_cs,
      .keep = mask == ALL ? NULL : keep, .keep_offsets = offsets[5],
      .keep_rows = halves ? t / 2 : t, .keep_rs = mask == BY_ROW ? 1 : s, .keep_cs = mask != BY_ROW,
      .divides = divides, .scale = scale};
  attn_row_blocks y = {got[0], offsets[4], batch * e};
  attn_attention(&operands, y, NULL, NULL);
  same("y without its sums", batch * t * e, got[0], expected[0], about);
  attn_attention(&operands, y, largest, sums);
  same("y", batch * t * e, got[0], expected[0], about);
  attn_attention_gradients gradients = {
      .largest = largest, .sums = sums, .dy = {dy, offsets[4], batch * e},
      .dq = {got[1], offsets[0], batch * d}, .dk = {got[2], offsets[1], batch * d},
      .dv = {got[3], offsets[4], batch * e}};
  attn_attention_backward(&operands, &gradients);
  same("dq", batch * t * d, got[1], expected[1], about);
  same("dk", batch * s * d, got[2], expected[2], about);
  same("dv", batch * s * e, got[3], expected[3], about);

  for (int i = 0; i < 4; i++) free(expected[i]), free(got[i]);
  for (int i = 0; i < 7; i++) free(offsets[i]);
  free(q), free(k), free(v), free(dy), free(keep), free(scores), free(w), free(dw), free(largest);
  free(sums);
}

static void check_all(bool is_short) {
  static const int64_t lengths[] = {0, 1, 2, 15, 16, 17, 31, 33, 47, 48, 49, 97, 130};
  static const int64_t widths[] = {1, 3, 8, 16, 17, 32, 33, 64};
  enum { LENGTHS = sizeof lengths / sizeof lengths[0], WIDTHS = sizeof widths / sizeof widths[0] };
  for (int l = 0; l < LENGTHS; l++)
    for (int m = 0; m < LENGTHS; m++)
      for (int mask = 0; mask < MASKS; mask++) {
        if (is_short && (l + m + mask) % 5 != 0) continue;
        kind kind = (l + 2 * m + 3 * mask) % KINDS;
        check(1 + (l + m) % 4, lengths[l], lengths[m], widths[(l + m + mask) % WIDTHS],
              widths[(l * 3 + m + 2 * mask) % WIDTHS], mask, (l + mask) % 2, kind);
      }
  for (int mask = 0; mask < MASKS; mask++)
    for (int kind = 0; kind < KINDS; kind++) {
      check(3, 150, 150, 64, 64, mask, true, kind);
      check(2, 70, 200, 16, 130, mask, false, kind);
      check(2, 100, 130, 32, 48, mask, true, kind);  // rows that are read where they lie
    }
  check(1, 0, 5, 8, 8, ALL, true, PLAIN);
  check(2, 5, 7, 0, 3, CAUSAL, true, PLAIN);  // all scores 0
  if (is_short) return;
  check(1, 700, 700, 64, 64, CAUSAL, true, PLAIN);
  check(5, 300, 300, 32, 32, CAUSAL, true, NEGATIVE_TINY);
  // Rows of several chunks of lanes.
  check(1, 30, 4096, 16, 16, ALL, true, PLAIN);
  check(1, 50, 4097, 16, 16, RANDOM, true, PLAIN);
  check(1, 40, 9000, 8, 8, LATER_QUERIES, true, PLAIN);
  check(1, 40, 13000, 8, 8, WINDOW, true, SPECIAL);
  check(1, 9000, 9000, 4, 4, WINDOW, true, PLAIN);
}

int main(int count, char **arguments) {
  bool is_short = count > 1 && strcmp(arguments[1], "short") == 0;
  static const int threads[] = {1, 2, 3, 7};
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  uint64_t first_digest = 0;
  bool have_first = false;
  for (int isa = 2; isa >= 0; isa--) {
    if (!attn_use_isa((attn_isa)isa)) {
      printf("%s: not on this machine\n", names[isa]);
      continue;
    }
    for (int t = 0; t < 4; t++) {
      attn_use_threads(threads[t]);
      digest = 0;
      state = 1;
      check_all(true);
      printf("%s, %d threads: %016llx\n", names[isa], threads[t], (unsigned long long)digest);
      if (have_first && digest != first_digest) {
        failures++;
        printf("FAILED the digest differs\n");
      }
      first_digest = digest;
      have_first = true;
      // Without an instruction for it, every fma is a call: the largest sizes are for the others.
      if (!is_short && isa > 0 && t % 2 == 1) check_all(false);
    }
  }
  printf(failures == 0 ? "all checks passed\n" : "%d checks FAILED\n", failures);
  return failures != 0;
}
