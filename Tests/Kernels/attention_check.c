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

#define E float
#define DTYPE ATTN_F32
#define NAME "f32"
#define LEAST 0x1p-149f
#define LARGEST 3e38f
#define F(name) name##_f32
#include "attention_check_float.h"
#undef E
#undef DTYPE
#undef NAME
#undef LEAST
#undef LARGEST
#undef F

#define E double
#define DTYPE ATTN_F64
#define NAME "f64"
#define LEAST 0x1p-1074
#define LARGEST 1e308
#define F(name) name##_f64
#include "attention_check_float.h"

// Both types are one text: of f64 a third is enough.
static void check(int64_t batch, int64_t t, int64_t s, int64_t d, int64_t e, mask mask, bool divides,
                  kind kind) {
  check_f32(batch, t, s, d, e, mask, divides, kind);
  if ((t + s + d + (int64_t)mask + (int64_t)kind) % 3 == 0)
    check_f64(batch, t, s, d, e, mask, divides, kind);
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
  check_f32(1, 700, 700, 64, 64, CAUSAL, true, PLAIN);
  check_f32(5, 300, 300, 32, 32, CAUSAL, true, NEGATIVE_TINY);
  // Rows of several chunks of lanes.
  check_f32(1, 30, 4096, 16, 16, ALL, true, PLAIN);
  check_f32(1, 50, 4097, 16, 16, RANDOM, true, PLAIN);
  check_f64(1, 50, 4097, 16, 16, RANDOM, true, PLAIN);
  check_f32(1, 40, 9000, 8, 8, LATER_QUERIES, true, PLAIN);
  check_f64(1, 40, 9000, 8, 8, LATER_QUERIES, true, PLAIN);
  check_f32(1, 40, 13000, 8, 8, WINDOW, true, SPECIAL);
  check_f32(1, 9000, 9000, 4, 4, WINDOW, true, PLAIN);
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
