// Random numbers, 16 blocks of Philox at a time.
#include "random/random.h"
#include "vector/vector.h"
#include "vector/vector_math.h"

enum { ATTN_BLOCKS = 16 };

typedef uint32_t attn_u32x8 __attribute__((ext_vector_type(8)));

// The 64-bit products of 16 pairs of words, as low and high words.
ATTN_INLINE void attn_multiply_words(u32x16 a, uint32_t by, u32x16 *low, u32x16 *high) {
  u64x8 lo = __builtin_convertvector(a.lo, u64x8) * by;
  u64x8 hi = __builtin_convertvector(a.hi, u64x8) * by;
  low->lo = __builtin_convertvector(lo, attn_u32x8);
  low->hi = __builtin_convertvector(hi, attn_u32x8);
  high->lo = __builtin_convertvector(lo >> 32, attn_u32x8);
  high->hi = __builtin_convertvector(hi >> 32, attn_u32x8);
}

// a[0], b[0], a[1], b[1], ...: the first and the second half.
#define ATTN_ZIP_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ATTN_ZIP_HIGH(a, b) \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// The words of blocks block...block + 15, one block after the other.
ATTN_INLINE void attn_philox_blocks(uint64_t block, uint32_t kind, uint64_t seed,
                                    uint32_t words[4 * ATTN_BLOCKS]) {
  const u32x16 index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  uint32_t low_word = (uint32_t)block, high_word = (uint32_t)(block >> 32);
  u32x16 c0 = low_word + index, c2 = (u32x16)(kind), c3 = (u32x16)(0);
  u32x16 c1 = high_word + (u32x16)(c0 < low_word ? (u32x16)(1) : (u32x16)(0));
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    u32x16 low0, high0, low1, high1;
    attn_multiply_words(c0, ATTN_PHILOX_M0, &low0, &high0);
    attn_multiply_words(c2, ATTN_PHILOX_M1, &low1, &high1);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += ATTN_PHILOX_W0;
    k1 += ATTN_PHILOX_W1;
  }
  u32x16 even_low = ATTN_ZIP_LOW(c0, c2), even_high = ATTN_ZIP_HIGH(c0, c2);
  u32x16 odd_low = ATTN_ZIP_LOW(c1, c3), odd_high = ATTN_ZIP_HIGH(c1, c3);
  u32x16_store(words, ATTN_ZIP_LOW(even_low, odd_low));
  u32x16_store(words + 16, ATTN_ZIP_HIGH(even_low, odd_low));
  u32x16_store(words + 32, ATTN_ZIP_LOW(even_high, odd_high));
  u32x16_store(words + 48, ATTN_ZIP_HIGH(even_high, odd_high));
}

// 16 normals from 8 numbers u in (0, 1] and 8 numbers v in [0, 1), even and odd samples alternating.
ATTN_INLINE void attn_box_muller(f64x8 u, f64x8 v, f64x8 *first, f64x8 *second) {
  f64x8 radius = f64x8_sqrt(-2.0 * f64x8_log(u));
  f64x8 angle = v * 0x1.921fb54442d18p+2;  // 2 pi
  f64x8 even = radius * f64x8_cos(angle), odd = radius * f64x8_sin(angle);
  *first = __builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
  *second = __builtin_shufflevector(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
}

// One group of 16 blocks as numbers: 4 to a block in f32, 2 in f64 and of integers.
ATTN_INLINE void attn_random_group(attn_random_kind kind, uint64_t block, uint64_t seed,
                                   int64_t low, uint64_t span, void *to) {
  uint32_t words[4 * ATTN_BLOCKS];
  uint64_t pairs[2 * ATTN_BLOCKS];
  attn_philox_blocks(block, kind, seed, words);
  for (int p = 0; p < 2 * ATTN_BLOCKS; p++)
    pairs[p] = words[2 * p] | (uint64_t)words[2 * p + 1] << 32;
  switch (kind) {
    case ATTN_UNIFORM_F32:
      for (int i = 0; i < 4 * ATTN_BLOCKS; i++)
        ((float *)to)[i] = (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
      return;
    case ATTN_UNIFORM_F64:
      for (int i = 0; i < 2 * ATTN_BLOCKS; i++)
        ((double *)to)[i] = (double)(int64_t)(pairs[i] >> 11) * 0x1p-53;
      return;
    case ATTN_NORMAL_F32:
      for (int i = 0; i < 4 * ATTN_BLOCKS; i += 16) {
        u32x16 w = u32x16_load(words + i);
        f64x8 u = (__builtin_convertvector(w.even, f64x8) + 1) * 0x1p-32, first, second;
        attn_box_muller(u, __builtin_convertvector(w.odd, f64x8) * 0x1p-32, &first, &second);
        f32x16_store((float *)to + i, f32x16_from_halves(first, second));
      }
      return;
    case ATTN_NORMAL_F64:
      for (int i = 0; i < 2 * ATTN_BLOCKS; i += 16) {
        i64x8 a = (i64x8)(u64x8_load(pairs + i) >> 11), b = (i64x8)(u64x8_load(pairs + i + 8) >> 11);
        i64x8 even = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
        i64x8 odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
        f64x8 u = __builtin_convertvector(even + 1, f64x8) * 0x1p-53, first, second;
        attn_box_muller(u, __builtin_convertvector(odd, f64x8) * 0x1p-53, &first, &second);
        f64x8_store((double *)to + i, first);
        f64x8_store((double *)to + i + 8, second);
      }
      return;
    case ATTN_RANDOM_INTEGERS:
      for (int i = 0; i < 2 * ATTN_BLOCKS; i++)
        ((int64_t *)to)[i] =
            (int64_t)((uint64_t)low + (uint64_t)((unsigned __int128)pairs[i] * span >> 64));
      return;
  }
}

// The samples of a kind at counters first..<first + n.
void ATTN_ISA(attn_random)(attn_random_kind kind, int64_t n, uint64_t seed, uint64_t first,
                           int64_t low, uint64_t span, void *y) {
  uint64_t each = kind == ATTN_UNIFORM_F32 || kind == ATTN_NORMAL_F32 ? 4 : 2;
  size_t size = each == 4 ? sizeof(float) : sizeof(double);
  _Alignas(64) char group[2 * ATTN_BLOCKS * sizeof(double)];
  for (int64_t i = 0; i < n;) {
    uint64_t draw = first + (uint64_t)i;
    int64_t skip = (int64_t)(draw % each), take = (int64_t)each * ATTN_BLOCKS - skip;
    if (take > n - i) take = n - i;
    attn_random_group(kind, draw / each, seed, low, span, group);
    memcpy((char *)y + (size_t)i * size, group + (size_t)skip * size, (size_t)take * size);
    i += take;
  }
}
