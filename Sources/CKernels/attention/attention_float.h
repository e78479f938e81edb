// Attention for one float type: included by attention_kernels.h with ATTN_E (element), ATTN_V (16 lanes
// of it), ATTN_I (16 of ATTN_INTEGER, as wide), ATTN_LANES_IN_VECTOR (of the products' vectors) and
// ATTN_F(name).
//
// Scores are worked on in panels of 16 keys or more, which the products cut into tiles.
#define ATTN_VF(name) ATTN_PASTE(ATTN_V, _##name)
#define ATTN_TILE_COLUMNS (ATTN_TILE_VECTORS * ATTN_LANES_IN_VECTOR)
#define ATTN_PANEL (ATTN_TILE_COLUMNS < 16 ? 16 : ATTN_TILE_COLUMNS)

static const ATTN_E ATTN_F(attention_zero) = 0;

static int64_t ATTN_F(attention_panel_floor)(int64_t j) { return j / ATTN_PANEL * ATTN_PANEL; }
static int64_t ATTN_F(attention_panel_ceiling)(int64_t j) {
  return (j + ATTN_PANEL - 1) / ATTN_PANEL * ATTN_PANEL;
}

// rows x width of c = a b, tile by tile: b's columns, where they begin a tile, are b_cs apart for each.
ATTN_INLINE void ATTN_F(attention_tiles)(int64_t rows, int64_t k, const ATTN_E *a, int64_t a_rs,
                                         int64_t a_cs, const ATTN_E *b, int64_t b_rs, int64_t b_cs,
                                         ATTN_E *c, int64_t c_rs, int64_t width, bool resume) {
  for (int64_t j = 0; j < width; j += ATTN_TILE_COLUMNS) {
    int64_t columns = width - j < ATTN_TILE_COLUMNS ? width - j : ATTN_TILE_COLUMNS;
    if (rows == ATTN_TILE_ROWS && columns == ATTN_TILE_COLUMNS)
      ATTN_F(whole_tile)(k, a, a_rs, a_cs, b + j * b_cs, b_rs, c + j, c_rs, resume);
    else
      ATTN_F(any_tile)(rows, k, a, a_rs, a_cs, b + j * b_cs, b_rs, c + j, c_rs, columns, resume);
  }
}

// MARK: Packing

// Rows i0..<i1 of an m x n matrix in tiles of columns: those from column j on begin at j * m, and hold
// the rows' elements one row after the other.
static void ATTN_F(attention_pack_rows)(int64_t m, int64_t n, int64_t i0, int64_t i1, const ATTN_E *x,
                                        int64_t rs, int64_t cs, ATTN_E *to) {
  for (int64_t j = 0; j < ATTN_F(attention_panel_ceiling)(n); j += ATTN_TILE_COLUMNS)
    ATTN_F(pack_panel)(i1 - i0, n - j < ATTN_TILE_COLUMNS ? n - j : ATTN_TILE_COLUMNS,
                       x + i0 * rs + j * cs, rs, cs, to + j * m + i0 * ATTN_TILE_COLUMNS);
}

// Rows j0..<j1 of a matrix of n columns, transposed: they become columns of tiles: those from row
// j on begin at j * n.
static void ATTN_F(attention_pack_transposed)(int64_t n, int64_t j0, int64_t j1, const ATTN_E *x, int64_t rs,
                                              int64_t cs, ATTN_E *to) {
  for (int64_t j = j0; j < ATTN_F(attention_panel_ceiling)(j1); j += ATTN_TILE_COLUMNS)
    ATTN_F(pack_panel)(n, j1 - j < ATTN_TILE_COLUMNS ? j1 - j : ATTN_TILE_COLUMNS, x + j * rs, cs, rs,
                       to + j * n);
}

static bool ATTN_F(attention_is_finite)(int64_t count, const ATTN_E *x) {
  ATTN_I found = (ATTN_I)(0);
  for (int64_t i = 0; i < count; i += 16) {
    ATTN_V v = ATTN_VF(load)(x + i);
    found |= v - v != 0;
  }
  return __builtin_reduce_or(found) == 0;
}

// How a product reads rows of x: those of whole vectors that lie close together where they are, and
// others from `packed`. Rows at a distance are read where they are too, if that is done `once`.
static attn_attention_rows_of ATTN_F(attention_rows_of)(int64_t count, int64_t width, const ATTN_E *x,
                                                        int64_t rs, int64_t cs, bool once,
                                                        const ATTN_E *packed) {
  bool in_place = cs == 1 && width % 16 == 0 && (rs <= 2 * width || once);
  return in_place ? (attn_attention_rows_of){false, x, rs, 1}
                  : (attn_attention_rows_of){true, packed, ATTN_TILE_COLUMNS, count};
}

static bool ATTN_F(attention_rows_are_finite)(int64_t count, int64_t width,
                                              const attn_attention_rows_of *x) {
  const ATTN_E *data = x->data;
  // Tiles are filled up with zeros, which are finite.
  if (x->packed) return ATTN_F(attention_is_finite)(ATTN_F(attention_panel_ceiling)(width) * count, data);
  bool is_finite = true;
  for (int64_t i = 0; i < count && is_finite; i++)
    is_finite = ATTN_F(attention_is_finite)(width, data + i * x->rs);
  return is_finite;
}

static bool ATTN_F(attention_has_negative_zero)(int64_t rows, int64_t width, const ATTN_E *x,
                                                int64_t rs) {
  const ATTN_INTEGER negative_zero = (ATTN_INTEGER)((uint64_t)1 << (sizeof(ATTN_E) * 8 - 1));
  ATTN_I found = (ATTN_I)(0);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j += 16) {
      int64_t count = width - j < 16 ? width - j : 16;
      found |= ATTN_VF(bits)(ATTN_F(get)(x + i * rs + j, count)) == negative_zero;
    }
  return __builtin_reduce_or(found) != 0;
}

// MARK: Rows of scores

ATTN_INLINE ATTN_I ATTN_F(attention_kept)(const attn_attention_row *row, int64_t j, int64_t s) {
  if (row->keep == NULL) {
    const ATTN_I index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    ATTN_I at = index + (ATTN_INTEGER)j;
    return (at >= (ATTN_INTEGER)row->first) & (at < (ATTN_INTEGER)row->end);
  }
  if (j >= s) return (ATTN_I)(0);
  return ATTN_F(kept)(row->keep + j, s - j < 16 ? s - j : 16);
}

ATTN_INLINE ATTN_V ATTN_F(attention_scaled)(bool divides, ATTN_E scale, ATTN_V x) {
  return divides ? x / scale : x * scale;
}

// The sum in LANES of terms that are +0 before `low` (a multiple of 16) and from `high` on.
ATTN_INLINE ATTN_E ATTN_F(attention_lanes)(int64_t low, int64_t high, ATTN_F(terms) terms,
                                           const void *context) {
  if (high <= ATTN_CHUNK) return ATTN_F(chunk_lanes)(ATTN_SUM, low, high, terms, context);
  ATTN_F(tree) tree = {.count = 0};
  for (int64_t i = 0; i < high; i += ATTN_CHUNK) {
    int64_t from = low > i ? low : i, to = high < i + ATTN_CHUNK ? high : i + ATTN_CHUNK;
    ATTN_F(tree_add)(ATTN_SUM, &tree,
                     from < to ? ATTN_F(chunk_lanes)(ATTN_SUM, from, to, terms, context) : 0);
  }
  return ATTN_F(tree_total)(ATTN_SUM, &tree);
}

// How much of the panel at key j a tile of queries reaches, in whole vectors.
ATTN_INLINE int64_t ATTN_F(attention_width)(const attn_attention_reach *tile, int64_t j) {
  return tile->end - j <= 16 ? 16 : ATTN_PANEL;
}

// Row `row` of a block.
ATTN_INLINE ATTN_E *ATTN_F(attention_row)(const attn_row_blocks *blocks, int64_t block, int64_t row) {
  return (ATTN_E *)blocks->data + blocks->offsets[block] + row * blocks->rs;
}

static void ATTN_F(attention_clear_rows)(int64_t rows, int64_t n, ATTN_E *x, int64_t rs) {
  for (int64_t i = 0; i < rows; i++) memset(x + i * rs, 0, (size_t)n * sizeof(ATTN_E));
}

// A product over keys: y = x b for the strip's rows of x; b has s rows. Beyond a tile's reach x is 0;
// there it is read only if not `within_reach`, and otherwise added only where it may change a bit.
static void ATTN_F(attention_product_over_keys)(const attn_attention_strip *strip, int64_t i0,
                                                int64_t i1, bool within_reach, const ATTN_E *x,
                                                int64_t x_rs, const attn_attention_rows_of *b,
                                                int64_t s, int64_t n, ATTN_E *y, int64_t y_rs) {
  const ATTN_E *rows = b->data;
  int64_t low = within_reach ? strip->low : 0, high = within_reach ? strip->high : s;
  for (int64_t j0 = low / ATTN_KEY_BLOCK * ATTN_KEY_BLOCK; j0 < high; j0 += ATTN_KEY_BLOCK)
    for (int64_t r = i0; r < i1; r += ATTN_TILE_ROWS) {
      const attn_attention_reach *tile = &strip->reach[r / ATTN_TILE_ROWS];
      int64_t first = within_reach ? tile->first : 0, end = within_reach ? tile->end : s;
      int64_t count = i1 - r < ATTN_TILE_ROWS ? i1 - r : ATTN_TILE_ROWS;
      int64_t from = j0 > first ? j0 : first;
      int64_t to = j0 + ATTN_KEY_BLOCK < end ? j0 + ATTN_KEY_BLOCK : end;
      if (from < to)
        ATTN_F(attention_tiles)(count, to - from, x + r * x_rs + from, x_rs, 1, rows + from * b->rs,
                                b->rs, b->cs, y + r * y_rs, y_rs, n, from > first);
    }
  for (int64_t r = i0; r < i1; r += ATTN_TILE_ROWS) {
    int64_t count = i1 - r < ATTN_TILE_ROWS ? i1 - r : ATTN_TILE_ROWS;
    int64_t end = within_reach ? strip->reach[r / ATTN_TILE_ROWS].end : s;
    ATTN_E *to = y + r * y_rs;
    if (end == 0) ATTN_F(attention_clear_rows)(count, n, to, y_rs);
    if (end > 0 && end < s && ATTN_F(attention_has_negative_zero)(count, n, to, y_rs))
      ATTN_F(attention_tiles)(count, s - end, &ATTN_F(attention_zero), 0, 0, rows + end * b->rs, b->rs,
                              b->cs, to, y_rs, n, true);
  }
}

// MARK: Forward

// The softmax of one row whose scores at low..<high are in place, -inf where nothing is kept.
static void ATTN_F(attention_softmax)(const attn_attention_row *kept, int64_t s, int64_t low,
                                      int64_t high, ATTN_E *row, ATTN_E found, ATTN_E *largest,
                                      ATTN_E *sum) {
  *largest = 0;
  *sum = (ATTN_E)__builtin_inf();
  if (kept->end == 0) {
    memset(row + low, 0, (size_t)(high - low) * sizeof(ATTN_E));
    return;
  }
  ATTN_F(softmax_context) context = {row, NULL, found, row};
  ATTN_E total = (ATTN_E)__builtin_nan("");
  if (found - found == 0)
    total = ATTN_F(attention_lanes)(low, high, ATTN_F(softmax_terms), &context);
  *largest = found;
  *sum = total;
  if (total != total) {  // an infinity or a NaN among what is kept
    for (int64_t j = low; j < high; j += 16)
      ATTN_VF(store)(row + j, ATTN_F(attention_kept)(kept, j, s) ? ATTN_VF(splat)(total) : 0);
    return;
  }
  for (int64_t j = low; j < high; j += 16) ATTN_VF(store)(row + j, ATTN_VF(load)(row + j) / total);
}

// Rows i0..<i1 of one block of y, a strip at a time.
void ATTN_KERNEL(ATTN_F(attn_attention_rows))(const attn_attention_operands *p,
                                              const attn_attention_row *kept, int64_t block,
                                              int64_t i0, int64_t i1, attn_row_blocks y, void *tops,
                                              void *sums) {
  const ATTN_E *q = (const ATTN_E *)p->q + p->q_offsets[block];
  const ATTN_E *k = (const ATTN_E *)p->k + p->k_offsets[block];
  const ATTN_E *v = (const ATTN_E *)p->v + p->v_offsets[block];
  const ATTN_E scale = (ATTN_E)p->scale;
  const bool divides = p->divides;
  int64_t s = p->s, d = p->d, e = p->e, wide = ATTN_F(attention_panel_ceiling)(s);
  int64_t rs = wide + 16, e_wide = ATTN_F(attention_panel_ceiling)(e);
  ATTN_E *keys =
      attn_scratch(sizeof(ATTN_E) * (size_t)(wide * d + e_wide * s + ATTN_ATTENTION_ROWS * rs));
  if (keys == NULL) return;
  ATTN_E *values = keys + wide * d, *scores = values + e_wide * s;
  ATTN_F(attention_pack_transposed)(d, 0, s, k, p->k_rs, p->k_cs, keys);
  attn_attention_rows_of rows_of_v =
      ATTN_F(attention_rows_of)(s, e, v, p->v_rs, p->v_cs, i1 - i0 <= ATTN_ATTENTION_ROWS, values);
  if (rows_of_v.packed) ATTN_F(attention_pack_rows)(s, e, 0, s, v, p->v_rs, p->v_cs, values);
  bool is_finite = ATTN_F(attention_rows_are_finite)(s, e, &rows_of_v);
  for (int64_t row0 = i0; row0 < i1 && !attn_should_stop(); row0 += ATTN_ATTENTION_ROWS) {
    attn_attention_strip strip;
    attention_begin(p, kept, block, row0,
                    i1 < row0 + ATTN_ATTENTION_ROWS ? i1 : row0 + ATTN_ATTENTION_ROWS, &strip);
    ATTN_V most[ATTN_ATTENTION_ROWS];
    for (int64_t r = 0; r < strip.rows; r++) most[r] = ATTN_VF(splat)((ATTN_E)-__builtin_inf());
    for (int64_t j = ATTN_F(attention_panel_floor)(strip.low); j < strip.high; j += ATTN_PANEL)
      for (int64_t r = 0; r < strip.rows; r += ATTN_TILE_ROWS) {
        const attn_attention_reach *tile = &strip.reach[r / ATTN_TILE_ROWS];
        if (j >= tile->end || j + ATTN_PANEL <= tile->first) continue;
        int64_t count = strip.rows - r < ATTN_TILE_ROWS ? strip.rows - r : ATTN_TILE_ROWS;
        ATTN_E *to = scores + r * rs + j;
        int64_t width = ATTN_F(attention_width)(tile, j);
        ATTN_F(attention_tiles)(count, d, q + (row0 + r) * p->q_rs, p->q_rs, p->q_cs, keys + j * d,
                                ATTN_TILE_COLUMNS, d, to, rs, width, false);
        bool whole = j >= tile->all_first && j + width <= tile->all_end;
        for (int64_t i = 0; i < count; i++)
          for (int64_t c = 0; c < width; c += 16) {
            ATTN_V x = ATTN_F(attention_scaled)(divides, scale, ATTN_VF(load)(to + i * rs + c));
            if (!whole)
              x = ATTN_F(attention_kept)(&strip.kept[r + i], j + c, s) ? x : (ATTN_E)-__builtin_inf();
            most[r + i] = x > most[r + i] ? x : most[r + i];
            ATTN_VF(store)(to + i * rs + c, x);
          }
      }
    for (int64_t r = 0; r < strip.rows; r++) {
      const attn_attention_reach *tile = &strip.reach[r / ATTN_TILE_ROWS];
      int64_t low = ATTN_F(attention_panel_floor)(tile->first);
      int64_t high = attention_vector_ceiling(tile->end);
      ATTN_E largest, sum;
      ATTN_F(attention_softmax)(&strip.kept[r], s, low, high, scores + r * rs,
                                __builtin_reduce_max(most[r]), &largest, &sum);
      if (tops != NULL) {
        ((ATTN_E *)tops)[block * p->t + row0 + r] = largest;
        ((ATTN_E *)sums)[block * p->t + row0 + r] = sum;
      }
      if (is_finite) continue;
      memset(scores + r * rs, 0, (size_t)low * sizeof(ATTN_E));
      memset(scores + r * rs + high, 0, (size_t)(wide - high) * sizeof(ATTN_E));
    }
    ATTN_F(attention_product_over_keys)(&strip, 0, strip.rows, is_finite, scores, rs, &rows_of_v, s, e,
                                        ATTN_F(attention_row)(&y, block, row0), y.rs);
  }
}

// MARK: Backward

attn_attention_state *ATTN_KERNEL(ATTN_F(attn_attention_state))(const attn_attention_operands *p,
                                                                const attn_attention_row *kept,
                                                                int64_t block) {
  int64_t wide = ATTN_F(attention_panel_ceiling)(p->s), rs = wide + 16;
  int64_t d_wide = ATTN_F(attention_panel_ceiling)(p->d);
  int64_t e_wide = ATTN_F(attention_panel_ceiling)(p->e);
  int64_t header = (sizeof(attn_attention_state) + 63) / 64 * 64;
  int64_t numbers = wide * (p->d + p->e) + d_wide * p->s +
                    ATTN_ATTENTION_ROWS * (d_wide + e_wide + 2 * rs);
  attn_attention_state *state = attn_scratch((size_t)header + sizeof(ATTN_E) * (size_t)numbers);
  if (state == NULL) return NULL;
  *state = (attn_attention_state){.block = block, .kept = kept, .strip_rs = rs};
  ATTN_E *next = (ATTN_E *)((char *)state + header);
  state->keys = next, next += wide * p->d;
  state->values = next, next += wide * p->e;
  state->packed_keys = next, next += d_wide * p->s;
  state->packed_queries = next, next += ATTN_ATTENTION_ROWS * d_wide;
  state->packed_slopes = next, next += ATTN_ATTENTION_ROWS * e_wide;
  state->weights = next, next += ATTN_ATTENTION_ROWS * rs;
  state->scores = next;
  const ATTN_E *k = (const ATTN_E *)p->k + p->k_offsets[block];
  state->key_rows = ATTN_F(attention_rows_of)(p->s, p->d, k, p->k_rs, p->k_cs,
                                              p->t <= ATTN_ATTENTION_ROWS, state->packed_keys);
  return state;
}

static void ATTN_F(attention_pack)(const attn_attention_operands *p, const attn_attention_gradients *g,
                                   attn_attention_state *state, int64_t j0, int64_t j1) {
  int64_t block = state->block;
  const ATTN_E *k = (const ATTN_E *)p->k + p->k_offsets[block];
  const ATTN_E *v = (const ATTN_E *)p->v + p->v_offsets[block];
  ATTN_F(attention_pack_transposed)(p->d, j0, j1, k, p->k_rs, p->k_cs, state->keys);
  ATTN_F(attention_pack_transposed)(p->e, j0, j1, v, p->v_rs, p->v_cs, state->values);
  if (state->key_rows.packed)
    ATTN_F(attention_pack_rows)(p->s, p->d, j0, j1, k, p->k_rs, p->k_cs, state->packed_keys);
  ATTN_F(attention_clear_rows)(j1 - j0, p->d, ATTN_F(attention_row)(&g->dk, block, j0), g->dk.rs);
  ATTN_F(attention_clear_rows)(j1 - j0, p->e, ATTN_F(attention_row)(&g->dv, block, j0), g->dv.rs);
}

static void ATTN_F(attention_begin_strip)(const attn_attention_operands *p,
                                          const attn_attention_gradients *g,
                                          attn_attention_state *state, int64_t i0, int64_t i1) {
  const ATTN_E *q = (const ATTN_E *)p->q + p->q_offsets[state->block] + i0 * p->q_rs;
  const ATTN_E *dy = ATTN_F(attention_row)(&g->dy, state->block, i0);
  int64_t rows = i1 - i0;
  if (i0 == 0)
    state->keys_are_finite = ATTN_F(attention_rows_are_finite)(p->s, p->d, &state->key_rows);
  attention_begin(p, state->kept, state->block, i0, i1, &state->strip);
  state->queries =
      ATTN_F(attention_rows_of)(rows, p->d, q, p->q_rs, p->q_cs, false, state->packed_queries);
  if (state->queries.packed)
    ATTN_F(attention_pack_rows)(rows, p->d, 0, rows, q, p->q_rs, p->q_cs, state->packed_queries);
  state->slopes =
      ATTN_F(attention_rows_of)(rows, p->e, dy, g->dy.rs, 1, false, state->packed_slopes);
  if (state->slopes.packed)
    ATTN_F(attention_pack_rows)(rows, p->e, 0, rows, dy, g->dy.rs, 1, state->packed_slopes);
  state->is_finite = state->keys_are_finite &&
                     ATTN_F(attention_rows_are_finite)(rows, p->d, &state->queries) &&
                     ATTN_F(attention_rows_are_finite)(rows, p->e, &state->slopes);
  if (!state->is_finite) state->strip.low = 0, state->strip.high = p->s;
}

// w, rebuilt from the rows' largest scores and sums, and dw = dy vT; 0 where nothing is kept.
static void ATTN_F(attention_rebuild)(const attn_attention_operands *p,
                                      const attn_attention_gradients *g, attn_attention_state *state,
                                      int64_t j0, int64_t j1) {
  const attn_attention_strip *strip = &state->strip;
  int64_t rs = state->strip_rs, row0 = state->block * p->t + strip->row0;
  const ATTN_E *q = (const ATTN_E *)p->q + p->q_offsets[state->block] + strip->row0 * p->q_rs;
  const ATTN_E *dy = ATTN_F(attention_row)(&g->dy, state->block, strip->row0);
  const ATTN_E *keys = state->keys, *values = state->values;
  const ATTN_E *tops = (const ATTN_E *)g->largest + row0, *sums = (const ATTN_E *)g->sums + row0;
  const ATTN_E scale = (ATTN_E)p->scale;
  const bool divides = p->divides;
  // A panel more on both sides, because the tiles of the product over queries may stick out.
  int64_t low = ATTN_F(attention_panel_floor)(strip->low) - ATTN_PANEL;
  int64_t high = strip->high + ATTN_PANEL;
  for (int64_t j = j0 > low ? j0 : low; j < j1 && j < high; j += ATTN_PANEL)
    for (int64_t r = 0; r < strip->rows; r += ATTN_TILE_ROWS) {
      const attn_attention_reach *tile = &strip->reach[r / ATTN_TILE_ROWS];
      int64_t count = strip->rows - r < ATTN_TILE_ROWS ? strip->rows - r : ATTN_TILE_ROWS;
      ATTN_E *w = (ATTN_E *)state->weights + r * rs + j, *dw = (ATTN_E *)state->scores + r * rs + j;
      if (j >= tile->end || j + ATTN_PANEL <= tile->first) {
        ATTN_F(attention_clear_rows)(count, ATTN_PANEL, w, rs);
        ATTN_F(attention_clear_rows)(count, ATTN_PANEL, dw, rs);
        continue;
      }
      int64_t width = ATTN_F(attention_width)(tile, j);
      ATTN_F(attention_tiles)(count, p->d, q + r * p->q_rs, p->q_rs, p->q_cs, keys + j * p->d,
                              ATTN_TILE_COLUMNS, p->d, w, rs, width, false);
      ATTN_F(attention_tiles)(count, p->e, dy + r * g->dy.rs, g->dy.rs, 1, values + j * p->e,
                              ATTN_TILE_COLUMNS, p->e, dw, rs, width, false);
      bool whole = j >= tile->all_first && j + width <= tile->all_end;
      for (int64_t i = 0; i < count; i++) {
        for (int64_t c = width; c < ATTN_PANEL; c += 16) {
          ATTN_VF(store)(w + i * rs + c, ATTN_VF(splat)(0));
          ATTN_VF(store)(dw + i * rs + c, ATTN_VF(splat)(0));
        }
        ATTN_E largest = tops[r + i], sum = sums[r + i];
        for (int64_t c = 0; c < width; c += 16) {
          ATTN_V x = ATTN_F(attention_scaled)(divides, scale, ATTN_VF(load)(w + i * rs + c));
          x = ATTN_VF(exp)(x - largest) / sum;
          if (!whole) x = ATTN_F(attention_kept)(&strip->kept[r + i], j + c, p->s) ? x : 0;
          ATTN_VF(store)(w + i * rs + c, x);
        }
      }
    }
}

// ds = w (dw - sum(w dw)), scaled, in place of dw; and dq = ds k.
static void ATTN_F(attention_queries)(const attn_attention_operands *p,
                                      const attn_attention_gradients *g, attn_attention_state *state,
                                      int64_t i0, int64_t i1) {
  ATTN_E *weights = state->weights, *scores = state->scores;
  const ATTN_E scale = (ATTN_E)p->scale;
  const bool divides = p->divides;
  for (int64_t r = i0; r < i1; r++) {
    const attn_attention_reach *tile = &state->strip.reach[r / ATTN_TILE_ROWS];
    ATTN_E *w = weights + r * state->strip_rs, *dw = scores + r * state->strip_rs;
    int64_t low = ATTN_F(attention_panel_floor)(tile->first);
    int64_t high = attention_vector_ceiling(tile->end);
    ATTN_F(softmax_backward_context) context = {w, dw};
    ATTN_E sum = ATTN_F(attention_lanes)(low, high, ATTN_F(softmax_backward_terms), &context);
    for (int64_t j = low; j < high; j += 16) {
      ATTN_V y = ATTN_VF(load)(w + j), ds = y * (ATTN_VF(load)(dw + j) - sum);
      ATTN_VF(store)(dw + j, ATTN_F(attention_scaled)(divides, scale, y == 0 ? 0 : ds));
    }
  }
  ATTN_F(attention_product_over_keys)(&state->strip, i0, i1, state->is_finite, scores, state->strip_rs,
                                      &state->key_rows, p->s, p->d,
                                      ATTN_F(attention_row)(&g->dq, state->block, state->strip.row0),
                                      g->dq.rs);
}

// c += xT b for keys j0..<j1: x and b have a row for each of the strip's queries.
// A term where x is 0 is left out where that cannot change a bit (attention_kernels.h).
static void ATTN_F(attention_product_over_queries)(const attn_attention_state *state, int64_t j0,
                                                   int64_t j1, const ATTN_E *x,
                                                   const attn_attention_rows_of *b, int64_t n,
                                                   ATTN_E *c, int64_t c_rs) {
  const attn_attention_strip *strip = &state->strip;
  for (int64_t j = j0; j < j1; j += ATTN_TILE_ROWS) {
    int64_t count = j1 - j < ATTN_TILE_ROWS ? j1 - j : ATTN_TILE_ROWS;
    int64_t from = 0, x_rs = state->strip_rs;
    const ATTN_E *xs = x + j;
    if (state->is_finite) {
      // Only rows before the first that counts: after it an accumulator may have become -0.
      while (from < strip->rows) {
        const attn_attention_reach *tile = &strip->reach[from / ATTN_TILE_ROWS];
        if (tile->first < j + count && j < tile->end) break;
        from += ATTN_TILE_ROWS;
      }
      if (from > 0 && j < state->touched &&
          ATTN_F(attention_has_negative_zero)(count, n, c + j * c_rs, c_rs)) {
        from = 0;
        // What is outside of the strip's keys has not been written.
        if (j + count <= ATTN_F(attention_panel_floor)(strip->low) || j >= strip->high)
          xs = &ATTN_F(attention_zero), x_rs = 0;
      }
    }
    if (from < strip->rows)
      ATTN_F(attention_tiles)(count, strip->rows - from, xs + from * x_rs, xs == x + j, x_rs,
                              (const ATTN_E *)b->data + from * b->rs, b->rs, b->cs, c + j * c_rs, c_rs,
                              n, true);
  }
}

void ATTN_KERNEL(ATTN_F(attn_attention_run))(const attn_attention_operands *p,
                                             const attn_attention_gradients *g,
                                             attn_attention_state *state, attn_attention_phase phase,
                                             int64_t first, int64_t end) {
  switch (phase) {
    case ATTN_ATTENTION_PACK: ATTN_F(attention_pack)(p, g, state, first, end); break;
    case ATTN_ATTENTION_STRIP: ATTN_F(attention_begin_strip)(p, g, state, first, end); break;
    case ATTN_ATTENTION_WEIGHTS: ATTN_F(attention_rebuild)(p, g, state, first, end); break;
    case ATTN_ATTENTION_QUERIES: ATTN_F(attention_queries)(p, g, state, first, end); break;
    case ATTN_ATTENTION_KEYS:
      ATTN_F(attention_product_over_queries)(state, first, end, state->weights, &state->slopes, p->e,
                                             ATTN_F(attention_row)(&g->dv, state->block, 0), g->dv.rs);
      ATTN_F(attention_product_over_queries)(state, first, end, state->scores, &state->queries, p->d,
                                             ATTN_F(attention_row)(&g->dk, state->block, 0), g->dk.rs);
      break;
  }
}

#undef ATTN_VF
#undef ATTN_TILE_COLUMNS
#undef ATTN_PANEL
