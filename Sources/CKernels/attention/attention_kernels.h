// Attention: softmax(q kᵀ scaled, where kept) v for a strip of queries at a time, and its gradients.
//
// Every number is made as the composite makes it: a score is an ascending chain of fma over d, then
// scaled; a row's softmax is that of row_float.h; a product over keys or queries is an ascending
// chain of fma. So the bits are those of the composite, and only the memory differs: scores exist
// for one strip of queries at a time.
//
// Weights that are 0 because nothing is kept there are left out of the products. A term 0 * x with
// a finite x adds +0 or -0 to an accumulator, which changes nothing unless the accumulator is -0;
// so terms are left out where the other operand is finite, and given again where an accumulator
// came out as -0 (a product that underflowed).
#include "attention.h"

enum { ATTN_KEY_BLOCK = 512 };  // keys that a product over keys takes at a time: they stay in the L2 cache

static int64_t attention_vector_ceiling(int64_t j) { return (j + 15) / 16 * 16; }

// MARK: What is kept

static int64_t attention_last_kept(int64_t n, const uint8_t *keep) {
  while (n >= 64) {
    u8x16 any = u8x16_load(keep + n - 64) | u8x16_load(keep + n - 48) | u8x16_load(keep + n - 32) |
                u8x16_load(keep + n - 16);
    uint64_t halves[2];
    memcpy(halves, &any, sizeof any);
    if ((halves[0] | halves[1]) != 0) break;
    n -= 64;
  }
  while (n >= 8) {
    uint64_t eight;
    memcpy(&eight, keep + n - 8, sizeof eight);
    if (eight != 0) break;
    n -= 8;
  }
  while (n > 0 && keep[n - 1] == 0) n--;
  return n;
}

static attn_attention_row attention_find_row(const attn_attention_operands *p, int64_t block,
                                             int64_t row) {
  if (p->keep == NULL) return (attn_attention_row){0, p->s, NULL};
  int64_t place = block * p->t + row;
  const uint8_t *keep = p->keep + p->keep_offsets[place / p->keep_rows] +
                        place % p->keep_rows * p->keep_rs;
  if (p->keep_cs == 0) return (attn_attention_row){0, *keep != 0 ? p->s : 0, NULL};
  int64_t end = attention_last_kept(p->s, keep);
  if (end == 0) return (attn_attention_row){0, 0, NULL};
  const uint8_t *first = memchr(keep, 1, (size_t)end);
  int64_t from = first == NULL ? 0 : first - keep;
  bool gap = memchr(keep + from, 0, (size_t)(end - from)) != NULL;
  return (attn_attention_row){from, end, gap ? keep : NULL};
}

// What each row of a block keeps, for other blocks with the same mask.
void ATTN_KERNEL(attn_attention_find_rows)(const attn_attention_operands *p, int64_t block,
                                           attn_attention_row *rows) {
  for (int64_t i = 0; i < p->t && !attn_should_stop(); i++) rows[i] = attention_find_row(p, block, i);
}

static attn_attention_reach attention_find_reach(int64_t count, const attn_attention_row *rows) {
  attn_attention_reach reach = {INT64_MAX, 0, 0, INT64_MAX};
  for (int64_t r = 0; r < count; r++) {
    if (rows[r].end > 0) {
      reach.first = rows[r].first < reach.first ? rows[r].first : reach.first;
      reach.end = rows[r].end > reach.end ? rows[r].end : reach.end;
    }
    reach.all_first = rows[r].first > reach.all_first ? rows[r].first : reach.all_first;
    int64_t end = rows[r].keep == NULL ? rows[r].end : 0;
    reach.all_end = end < reach.all_end ? end : reach.all_end;
  }
  if (reach.end == 0) reach.first = 0;
  return reach;
}

// Begins the strip of rows i0..<i1; `found` is what all the block's rows keep, where that is known.
static void attention_begin(const attn_attention_operands *p, const attn_attention_row *found,
                            int64_t block, int64_t i0, int64_t i1, attn_attention_strip *strip) {
  strip->row0 = i0;
  strip->rows = i1 - i0;
  strip->low = p->s;
  strip->high = 0;
  for (int64_t r = 0; r < i1 - i0; r++)
    strip->kept[r] = found != NULL ? found[i0 + r] : attention_find_row(p, block, i0 + r);
  for (int64_t r = 0; r < i1 - i0; r += ATTN_TILE_ROWS) {
    int64_t count = i1 - i0 - r < ATTN_TILE_ROWS ? i1 - i0 - r : ATTN_TILE_ROWS;
    attn_attention_reach tile = attention_find_reach(count, strip->kept + r);
    strip->reach[r / ATTN_TILE_ROWS] = tile;
    if (tile.end > 0 && tile.first < strip->low) strip->low = tile.first;
    if (tile.end > strip->high) strip->high = tile.end;
  }
  if (strip->high == 0) strip->low = 0;
}

#define ATTN_E float
#define ATTN_V f32x16
#define ATTN_I i32x16
#define ATTN_INTEGER int32_t
#define ATTN_LANES_IN_VECTOR 16
#define ATTN_F(name) name##_f32
#include "attention_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_I
#undef ATTN_INTEGER
#undef ATTN_LANES_IN_VECTOR
#undef ATTN_F

#define ATTN_E double
#define ATTN_V f64x16
#define ATTN_I i64x16
#define ATTN_INTEGER int64_t
#define ATTN_LANES_IN_VECTOR 8
#define ATTN_F(name) name##_f64
#include "attention_float.h"
#undef ATTN_E
#undef ATTN_V
#undef ATTN_I
#undef ATTN_INTEGER
#undef ATTN_LANES_IN_VECTOR
#undef ATTN_F
