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

#define ATTN_PANEL ATTN_TILE_PANEL
enum {
  ATTN_TILE_PANEL = ATTN_TILE_VECTORS * 16,
  ATTN_KEY_BLOCK = 512,  // keys that a product over keys takes at a time: they stay in the second cache
};

static const float attention_zero = 0;

static int64_t attention_vector_ceiling(int64_t j) { return (j + 15) / 16 * 16; }
static int64_t attention_panel_floor(int64_t j) { return j / ATTN_PANEL * ATTN_PANEL; }
static int64_t attention_panel_ceiling(int64_t j) {
  return (j + ATTN_PANEL - 1) / ATTN_PANEL * ATTN_PANEL;
}

// rows x width of one tile of c = a b.
ATTN_INLINE void attention_strided_tile(int64_t rows, int64_t k, const float *a, int64_t a_rs,
                                        int64_t a_cs, const float *b, int64_t b_rs, float *c,
                                        int64_t c_rs, int64_t width, bool resume) {
  if (rows == ATTN_TILE_ROWS && width == ATTN_PANEL)
    whole_tile_f32(k, a, a_rs, a_cs, b, b_rs, c, c_rs, resume);
  else
    any_tile_f32(rows, k, a, a_rs, a_cs, b, b_rs, c, c_rs, width, resume);
}

// The same where b's rows lie in a panel.
ATTN_INLINE void attention_tile(int64_t rows, int64_t k, const float *a, int64_t a_rs, int64_t a_cs,
                                const float *b, float *c, int64_t c_rs, int64_t width, bool resume) {
  attention_strided_tile(rows, k, a, a_rs, a_cs, b, ATTN_PANEL, c, c_rs, width, resume);
}

// MARK: Packing

// Rows i0..<i1 of an m x n matrix as panels of columns: panel p holds the rows' elements
// p * ATTN_PANEL ... one row after the other, m rows apart from the next panel.
static void attention_pack_rows(int64_t m, int64_t n, int64_t i0, int64_t i1, const float *x,
                                int64_t rs, int64_t cs, float *to) {
  for (int64_t j = 0; j < n; j += ATTN_PANEL)
    pack_panel_f32(i1 - i0, n - j < ATTN_PANEL ? n - j : ATTN_PANEL, x + i0 * rs + j * cs, rs, cs,
                   to + j * m + i0 * ATTN_PANEL);
}

// Rows j0..<j1 of a matrix of n columns, turned: panel p holds rows p * ATTN_PANEL ... as columns.
static void attention_pack_turned(int64_t n, int64_t j0, int64_t j1, const float *x, int64_t rs,
                                  int64_t cs, float *to) {
  for (int64_t j = j0; j < j1; j += ATTN_PANEL)
    pack_panel_f32(n, j1 - j < ATTN_PANEL ? j1 - j : ATTN_PANEL, x + j * rs, cs, rs, to + j * n);
}

static bool attention_is_finite(int64_t count, const float *x) {
  i32x16 found = (i32x16)(0);
  for (int64_t i = 0; i < count; i += 16)
    found |= (f32x16_bits(f32x16_load(x + i)) & 0x7f800000) == 0x7f800000;
  return !i32x16_any(found);
}

// How a product reads rows of x: those of whole vectors that lie close together where they are, and
// others from `panels`. Rows at a distance are read where they are too, if that is done `once`.
static attn_attention_rows_of attention_rows_of(int64_t count, int64_t width, const float *x,
                                                int64_t rs, int64_t cs, bool once,
                                                const float *panels) {
  bool in_place = cs == 1 && width % 16 == 0 && (rs <= 2 * width || once);
  return in_place ? (attn_attention_rows_of){false, x, rs, 1}
                  : (attn_attention_rows_of){true, panels, ATTN_PANEL, count};
}

static bool attention_rows_are_finite(int64_t count, int64_t width, const attn_attention_rows_of *x) {
  // Panels are filled up with zeros, which are finite.
  if (x->packed) return attention_is_finite(attention_panel_ceiling(width) * count, x->data);
  bool is_finite = true;
  for (int64_t i = 0; i < count && is_finite; i++)
    is_finite = attention_is_finite(width, x->data + i * x->rs);
  return is_finite;
}

static bool attention_has_negative_zero(int64_t rows, int64_t width, const float *x, int64_t rs) {
  i32x16 found = (i32x16)(0);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j += 16) {
      int64_t count = width - j < 16 ? width - j : 16;
      const float *at = x + i * rs + j;
      f32x16 v = count == 16 ? f32x16_load(at) : f32x16_load_part(at, count, 0);
      found |= f32x16_bits(v) == INT32_MIN;
    }
  return i32x16_any(found);
}

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

// What each row of a block keeps, for others that keep the same.
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

ATTN_INLINE i32x16 attention_kept(const attn_attention_row *row, int64_t j, int64_t s) {
  if (row->keep == NULL) {
    const i32x16 index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    i32x16 at = index + (int32_t)j;
    return (at >= (int32_t)row->first) & (at < (int32_t)row->end);
  }
  if (j >= s) return (i32x16)(0);
  return kept_f32(row->keep + j, s - j < 16 ? s - j : 16);
}

ATTN_INLINE f32x16 attention_scaled(const attn_attention_operands *p, f32x16 x) {
  return p->divides ? x / p->scale : x * p->scale;
}

// The sum in LANES of terms that are +0 before `low` (a multiple of 16) and from `high` on.
ATTN_INLINE float attention_lanes(int64_t low, int64_t high, terms_f32 terms, const void *context) {
  if (high <= ATTN_CHUNK) return chunk_lanes_f32(ATTN_SUM, low, high, terms, context);
  tree_f32 tree = {.count = 0};
  for (int64_t i = 0; i < high; i += ATTN_CHUNK) {
    int64_t from = low > i ? low : i, to = high < i + ATTN_CHUNK ? high : i + ATTN_CHUNK;
    tree_add_f32(ATTN_SUM, &tree,
                 from < to ? chunk_lanes_f32(ATTN_SUM, from, to, terms, context) : 0);
  }
  return tree_total_f32(ATTN_SUM, &tree);
}

// Row `row` of a block.
ATTN_INLINE float *attention_row(const attn_row_blocks *blocks, int64_t block, int64_t row) {
  return blocks->data + blocks->offsets[block] + row * blocks->rs;
}

static void attention_clear_rows(int64_t rows, int64_t n, float *x, int64_t rs) {
  for (int64_t i = 0; i < rows; i++) memset(x + i * rs, 0, (size_t)n * sizeof(float));
}

// A product over keys: y = x b for the strip's rows of x; b has s rows. Beyond a tile's reach x is 0;
// there it is read only if not `within_reach`, and otherwise added where that may be told from nothing.
static void attention_product_over_keys(const attn_attention_strip *strip, int64_t i0, int64_t i1,
                                        bool within_reach, const float *x, int64_t x_rs,
                                        const attn_attention_rows_of *b, int64_t s, int64_t n,
                                        float *y, int64_t y_rs) {
  int64_t low = within_reach ? strip->low : 0, high = within_reach ? strip->high : s;
  for (int64_t j0 = low / ATTN_KEY_BLOCK * ATTN_KEY_BLOCK; j0 < high; j0 += ATTN_KEY_BLOCK)
    for (int64_t r = i0; r < i1; r += ATTN_TILE_ROWS) {
      const attn_attention_reach *tile = &strip->reach[r / ATTN_TILE_ROWS];
      int64_t first = within_reach ? tile->first : 0, end = within_reach ? tile->end : s;
      int64_t count = i1 - r < ATTN_TILE_ROWS ? i1 - r : ATTN_TILE_ROWS;
      int64_t from = j0 > first ? j0 : first;
      int64_t to = j0 + ATTN_KEY_BLOCK < end ? j0 + ATTN_KEY_BLOCK : end;
      if (from >= to) continue;
      for (int64_t c = 0; c < n; c += ATTN_PANEL)
        attention_strided_tile(count, to - from, x + r * x_rs + from, x_rs, 1,
                               b->data + c * b->cs + from * b->rs, b->rs, y + r * y_rs + c, y_rs,
                               n - c < ATTN_PANEL ? n - c : ATTN_PANEL, from > first);
    }
  for (int64_t r = i0; r < i1; r += ATTN_TILE_ROWS) {
    int64_t count = i1 - r < ATTN_TILE_ROWS ? i1 - r : ATTN_TILE_ROWS;
    int64_t end = within_reach ? strip->reach[r / ATTN_TILE_ROWS].end : s;
    if (end == 0) attention_clear_rows(count, n, y + r * y_rs, y_rs);
    if (end == 0 || end >= s || !attention_has_negative_zero(count, n, y + r * y_rs, y_rs)) continue;
    for (int64_t c = 0; c < n; c += ATTN_PANEL)
      attention_strided_tile(count, s - end, &attention_zero, 0, 0,
                             b->data + c * b->cs + end * b->rs, b->rs, y + r * y_rs + c, y_rs,
                             n - c < ATTN_PANEL ? n - c : ATTN_PANEL, true);
  }
}

// How much of the panel at key j a tile of queries reaches, in whole vectors.
ATTN_INLINE int64_t attention_width(const attn_attention_reach *tile, int64_t j) {
  return tile->end - j <= 16 ? 16 : ATTN_PANEL;
}

// MARK: Forward

// The softmax of one row whose scores at low..<high are in place, -inf where nothing is kept.
static void attention_softmax(const attn_attention_row *kept, int64_t s, int64_t low, int64_t high,
                              float *row, float found, float *largest, float *sum) {
  *largest = 0;
  *sum = __builtin_inff();
  if (kept->end == 0) {
    memset(row + low, 0, (size_t)(high - low) * sizeof(float));
    return;
  }
  softmax_context_f32 context = {row, NULL, found, row};
  float total = __builtin_nanf("");
  if (found - found == 0) total = attention_lanes(low, high, softmax_terms_f32, &context);
  *largest = found;
  *sum = total;
  if (total != total) {  // an infinity or a NaN among what is kept
    for (int64_t j = low; j < high; j += 16)
      f32x16_store(row + j, attention_kept(kept, j, s) ? f32x16_splat(total) : 0);
    return;
  }
  for (int64_t j = low; j < high; j += 16) f32x16_store(row + j, f32x16_load(row + j) / total);
}

// Rows i0..<i1 of one block of y, a strip at a time.
void ATTN_KERNEL(attn_attention_rows)(const attn_attention_operands *p,
                                      const attn_attention_row *kept, int64_t block, int64_t i0,
                                      int64_t i1, attn_row_blocks y, float *tops, float *sums) {
  const float *q = p->q + p->q_offsets[block], *k = p->k + p->k_offsets[block];
  const float *v = p->v + p->v_offsets[block];
  int64_t s = p->s, d = p->d, e = p->e, wide = attention_panel_ceiling(s);
  int64_t rs = wide + 16, e_wide = attention_panel_ceiling(e);
  float *keys =
      attn_scratch(sizeof(float) * (size_t)(wide * d + e_wide * s + ATTN_ATTENTION_ROWS * rs));
  float *values = keys + wide * d, *scores = values + e_wide * s;
  attention_pack_turned(d, 0, s, k, p->k_rs, p->k_cs, keys);
  attn_attention_rows_of rows_of_v =
      attention_rows_of(s, e, v, p->v_rs, p->v_cs, i1 - i0 <= ATTN_ATTENTION_ROWS, values);
  if (rows_of_v.packed) attention_pack_rows(s, e, 0, s, v, p->v_rs, p->v_cs, values);
  bool is_finite = attention_rows_are_finite(s, e, &rows_of_v);
  for (int64_t row0 = i0; row0 < i1 && !attn_should_stop(); row0 += ATTN_ATTENTION_ROWS) {
    attn_attention_strip strip;
    attention_begin(p, kept, block, row0,
                    i1 < row0 + ATTN_ATTENTION_ROWS ? i1 : row0 + ATTN_ATTENTION_ROWS, &strip);
    f32x16 most[ATTN_ATTENTION_ROWS];
    for (int64_t r = 0; r < strip.rows; r++) most[r] = f32x16_splat(-__builtin_inff());
    for (int64_t j = attention_panel_floor(strip.low); j < strip.high; j += ATTN_PANEL)
      for (int64_t r = 0; r < strip.rows; r += ATTN_TILE_ROWS) {
        const attn_attention_reach *tile = &strip.reach[r / ATTN_TILE_ROWS];
        if (j >= tile->end || j + ATTN_PANEL <= tile->first) continue;
        int64_t count = strip.rows - r < ATTN_TILE_ROWS ? strip.rows - r : ATTN_TILE_ROWS;
        float *to = scores + r * rs + j;
        int64_t width = attention_width(tile, j);
        attention_tile(count, d, q + (row0 + r) * p->q_rs, p->q_rs, p->q_cs, keys + j * d, to, rs,
                       width, false);
        bool whole = j >= tile->all_first && j + width <= tile->all_end;
        for (int64_t i = 0; i < count; i++)
          for (int64_t c = 0; c < width; c += 16) {
            f32x16 x = attention_scaled(p, f32x16_load(to + i * rs + c));
            if (!whole) x = attention_kept(&strip.kept[r + i], j + c, s) ? x : -__builtin_inff();
            most[r + i] = x > most[r + i] ? x : most[r + i];
            f32x16_store(to + i * rs + c, x);
          }
      }
    for (int64_t r = 0; r < strip.rows; r++) {
      const attn_attention_reach *tile = &strip.reach[r / ATTN_TILE_ROWS];
      int64_t low = attention_panel_floor(tile->first), high = attention_vector_ceiling(tile->end);
      float largest, sum;
      attention_softmax(&strip.kept[r], s, low, high, scores + r * rs,
                        __builtin_reduce_max(most[r]), &largest, &sum);
      if (tops != NULL) {
        tops[block * p->t + row0 + r] = largest;
        sums[block * p->t + row0 + r] = sum;
      }
      if (is_finite) continue;
      memset(scores + r * rs, 0, (size_t)low * sizeof(float));
      memset(scores + r * rs + high, 0, (size_t)(wide - high) * sizeof(float));
    }
    attention_product_over_keys(&strip, 0, strip.rows, is_finite, scores, rs, &rows_of_v, s, e,
                                attention_row(&y, block, row0), y.rs);
  }
}

// MARK: Backward

attn_attention_state *ATTN_KERNEL(attn_attention_state)(const attn_attention_operands *p,
                                                        const attn_attention_row *kept,
                                                        int64_t block) {
  int64_t wide = attention_panel_ceiling(p->s), rs = wide + 16;
  int64_t d_wide = attention_panel_ceiling(p->d), e_wide = attention_panel_ceiling(p->e);
  int64_t header = (sizeof(attn_attention_state) + 63) / 64 * 64;
  int64_t floats = wide * (p->d + p->e) + d_wide * p->s +
                   ATTN_ATTENTION_ROWS * (d_wide + e_wide + 2 * rs);
  attn_attention_state *state = attn_scratch((size_t)header + sizeof(float) * (size_t)floats);
  *state = (attn_attention_state){.block = block, .kept = kept, .strip_rs = rs};
  state->keys = (float *)((char *)state + header);
  state->values = state->keys + wide * p->d;
  state->packed_keys = state->values + wide * p->e;
  state->packed_queries = state->packed_keys + d_wide * p->s;
  state->packed_slopes = state->packed_queries + ATTN_ATTENTION_ROWS * d_wide;
  state->weights = state->packed_slopes + ATTN_ATTENTION_ROWS * e_wide;
  state->scores = state->weights + ATTN_ATTENTION_ROWS * rs;
  state->key_rows = attention_rows_of(p->s, p->d, p->k + p->k_offsets[block], p->k_rs, p->k_cs,
                                      p->t <= ATTN_ATTENTION_ROWS, state->packed_keys);
  return state;
}

static void attention_pack(const attn_attention_operands *p, const attn_attention_gradients *g,
                           attn_attention_state *state, int64_t j0, int64_t j1) {
  int64_t block = state->block;
  const float *k = p->k + p->k_offsets[block], *v = p->v + p->v_offsets[block];
  attention_pack_turned(p->d, j0, j1, k, p->k_rs, p->k_cs, state->keys);
  attention_pack_turned(p->e, j0, j1, v, p->v_rs, p->v_cs, state->values);
  if (state->key_rows.packed)
    attention_pack_rows(p->s, p->d, j0, j1, k, p->k_rs, p->k_cs, state->packed_keys);
  attention_clear_rows(j1 - j0, p->d, attention_row(&g->dk, block, j0), g->dk.rs);
  attention_clear_rows(j1 - j0, p->e, attention_row(&g->dv, block, j0), g->dv.rs);
}

static void attention_begin_strip(const attn_attention_operands *p,
                                  const attn_attention_gradients *g, attn_attention_state *state,
                                  int64_t i0, int64_t i1) {
  const float *q = p->q + p->q_offsets[state->block] + i0 * p->q_rs;
  const float *dy = attention_row(&g->dy, state->block, i0);
  int64_t rows = i1 - i0;
  if (i0 == 0) state->keys_are_finite = attention_rows_are_finite(p->s, p->d, &state->key_rows);
  attention_begin(p, state->kept, state->block, i0, i1, &state->strip);
  state->queries =
      attention_rows_of(rows, p->d, q, p->q_rs, p->q_cs, false, state->packed_queries);
  if (state->queries.packed)
    attention_pack_rows(rows, p->d, 0, rows, q, p->q_rs, p->q_cs, state->packed_queries);
  state->slopes = attention_rows_of(rows, p->e, dy, g->dy.rs, 1, false, state->packed_slopes);
  if (state->slopes.packed)
    attention_pack_rows(rows, p->e, 0, rows, dy, g->dy.rs, 1, state->packed_slopes);
  state->is_finite = state->keys_are_finite &&
                     attention_rows_are_finite(rows, p->d, &state->queries) &&
                     attention_rows_are_finite(rows, p->e, &state->slopes);
  if (!state->is_finite) state->strip.low = 0, state->strip.high = p->s;
}

// w, rebuilt from the rows' largest scores and sums, and dw = dy vT; 0 where nothing is kept.
static void attention_rebuild(const attn_attention_operands *p, const attn_attention_gradients *g,
                              attn_attention_state *state, int64_t j0, int64_t j1) {
  const attn_attention_strip *strip = &state->strip;
  int64_t rs = state->strip_rs, row0 = state->block * p->t + strip->row0;
  const float *q = p->q + p->q_offsets[state->block] + strip->row0 * p->q_rs;
  const float *dy = attention_row(&g->dy, state->block, strip->row0);
  // A panel more on both sides, because the tiles of the product over queries may stick out.
  int64_t low = attention_panel_floor(strip->low) - ATTN_PANEL, high = strip->high + ATTN_PANEL;
  for (int64_t j = j0 > low ? j0 : low; j < j1 && j < high; j += ATTN_PANEL)
    for (int64_t r = 0; r < strip->rows; r += ATTN_TILE_ROWS) {
      const attn_attention_reach *tile = &strip->reach[r / ATTN_TILE_ROWS];
      int64_t count = strip->rows - r < ATTN_TILE_ROWS ? strip->rows - r : ATTN_TILE_ROWS;
      float *w = state->weights + r * rs + j, *dw = state->scores + r * rs + j;
      if (j >= tile->end || j + ATTN_PANEL <= tile->first) {
        for (int64_t i = 0; i < count; i++) {
          memset(w + i * rs, 0, ATTN_PANEL * sizeof(float));
          memset(dw + i * rs, 0, ATTN_PANEL * sizeof(float));
        }
        continue;
      }
      int64_t width = attention_width(tile, j);
      attention_tile(count, p->d, q + r * p->q_rs, p->q_rs, p->q_cs, state->keys + j * p->d, w, rs,
                     width, false);
      attention_tile(count, p->e, dy + r * g->dy.rs, g->dy.rs, 1, state->values + j * p->e, dw, rs,
                     width, false);
      bool whole = j >= tile->all_first && j + width <= tile->all_end;
      for (int64_t i = 0; i < count; i++) {
        for (int64_t c = width; c < ATTN_PANEL; c += 16) {
          f32x16_store(w + i * rs + c, f32x16_splat(0));
          f32x16_store(dw + i * rs + c, f32x16_splat(0));
        }
        float largest = g->largest[row0 + r + i], sum = g->sums[row0 + r + i];
        for (int64_t c = 0; c < width; c += 16) {
          f32x16 x = attention_scaled(p, f32x16_load(w + i * rs + c));
          x = f32x16_exp(x - largest) / sum;
          if (!whole) x = attention_kept(&strip->kept[r + i], j + c, p->s) ? x : 0;
          f32x16_store(w + i * rs + c, x);
        }
      }
    }
}

// ds = w (dw - sum(w dw)), scaled, in place of dw; and dq = ds k.
static void attention_queries(const attn_attention_operands *p, const attn_attention_gradients *g,
                              attn_attention_state *state, int64_t i0, int64_t i1) {
  for (int64_t r = i0; r < i1; r++) {
    const attn_attention_reach *tile = &state->strip.reach[r / ATTN_TILE_ROWS];
    float *w = state->weights + r * state->strip_rs, *dw = state->scores + r * state->strip_rs;
    int64_t low = attention_panel_floor(tile->first), high = attention_vector_ceiling(tile->end);
    softmax_backward_context_f32 context = {w, dw};
    float sum = attention_lanes(low, high, softmax_backward_terms_f32, &context);
    for (int64_t j = low; j < high; j += 16) {
      f32x16 y = f32x16_load(w + j), ds = y * (f32x16_load(dw + j) - sum);
      f32x16_store(dw + j, attention_scaled(p, y == 0 ? 0 : ds));
    }
  }
  attention_product_over_keys(&state->strip, i0, i1, state->is_finite, state->scores,
                              state->strip_rs, &state->key_rows, p->s, p->d,
                              attention_row(&g->dq, state->block, state->strip.row0), g->dq.rs);
}

// c += xT b for keys j0..<j1: x and b have a row for each of the strip's queries.
// Where x is 0 it is left out if nobody can tell.
static void attention_product_over_queries(const attn_attention_state *state, int64_t j0,
                                           int64_t j1, const float *x,
                                           const attn_attention_rows_of *b, int64_t n, float *c,
                                           int64_t c_rs) {
  const attn_attention_strip *strip = &state->strip;
  for (int64_t j = j0; j < j1; j += ATTN_TILE_ROWS) {
    int64_t count = j1 - j < ATTN_TILE_ROWS ? j1 - j : ATTN_TILE_ROWS;
    int64_t from = 0, x_rs = state->strip_rs;
    const float *xs = x + j;
    if (state->is_finite) {
      // Only rows before the first that counts: after it an accumulator may have become -0.
      while (from < strip->rows) {
        const attn_attention_reach *tile = &strip->reach[from / ATTN_TILE_ROWS];
        if (tile->first < j + count && j < tile->end) break;
        from += ATTN_TILE_ROWS;
      }
      if (from > 0 && j < state->touched &&
          attention_has_negative_zero(count, n, c + j * c_rs, c_rs)) {
        from = 0;
        // What is outside of the strip's keys has not been written.
        if (j + count <= attention_panel_floor(strip->low) || j >= strip->high)
          xs = &attention_zero, x_rs = 0;
      }
    }
    if (from >= strip->rows) continue;
    for (int64_t l = 0; l < n; l += ATTN_PANEL)
      attention_strided_tile(count, strip->rows - from, xs + from * x_rs, xs == x + j, x_rs,
                             b->data + l * b->cs + from * b->rs, b->rs, c + j * c_rs + l, c_rs,
                             n - l < ATTN_PANEL ? n - l : ATTN_PANEL, true);
  }
}

void ATTN_KERNEL(attn_attention_run)(const attn_attention_operands *p,
                                     const attn_attention_gradients *g, attn_attention_state *state,
                                     attn_attention_phase phase, int64_t first, int64_t end) {
  switch (phase) {
    case ATTN_ATTENTION_PACK: attention_pack(p, g, state, first, end); break;
    case ATTN_ATTENTION_STRIP: attention_begin_strip(p, g, state, first, end); break;
    case ATTN_ATTENTION_WEIGHTS: attention_rebuild(p, g, state, first, end); break;
    case ATTN_ATTENTION_QUERIES: attention_queries(p, g, state, first, end); break;
    case ATTN_ATTENTION_KEYS:
      attention_product_over_queries(state, first, end, state->weights, &state->slopes, p->e,
                                     attention_row(&g->dv, state->block, 0), g->dv.rs);
      attention_product_over_queries(state, first, end, state->scores, &state->queries, p->d,
                                     attention_row(&g->dk, state->block, 0), g->dk.rs);
      break;
  }
}
