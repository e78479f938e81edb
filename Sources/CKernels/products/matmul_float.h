// The product of matrices for one float type: included by matmul_kernels.h with ATTN_E (element),
// ATTN_V (vector of ATTN_LANES_IN_VECTOR elements) and ATTN_F(name).

#define ATTN_VF(name) ATTN_PASTE(ATTN_V, _##name)
#define ATTN_L ATTN_LANES_IN_VECTOR
#define ATTN_TILE_COLUMNS (ATTN_TILE_VECTORS * ATTN_L)

enum {
  // How much of k is done before the next columns and the next rows: a strip of a
  // (ATTN_TILE_ROWS x INNER_BLOCK) stays in the first cache while b streams past it, and a packed
  // block of b (INNER_BLOCK x COLUMN_BLOCK) in the second.
  ATTN_F(INNER_BLOCK) = sizeof(ATTN_E) == 4 ? 512 : 256,
  ATTN_F(COLUMN_BLOCK) = 256,
  ATTN_F(ROW_BLOCK) = 1024 / ATTN_TILE_ROWS * ATTN_TILE_ROWS,  // of a, where it is packed
  // A little more than they need, lest all begin at one set of the cache.
  ATTN_F(STRIP_SIZE) = ATTN_F(INNER_BLOCK) * ATTN_TILE_ROWS + ATTN_L,
  ATTN_F(PANEL_SIZE) = ATTN_F(INNER_BLOCK) * ATTN_TILE_COLUMNS + 2 * ATTN_L,
  // A b that fits into the first cache is read where it lies; so is a somewhat larger one with few
  // rows, where packing would cost as much as using it.
  ATTN_F(CACHED_WITHOUT_PACKING) = 24576 / sizeof(ATTN_E),
  ATTN_F(ROWS_WITHOUT_PACKING) = 2 * ATTN_TILE_ROWS,
  ATTN_F(SIZE_WITHOUT_PACKING) = 1 << 16,
  ATTN_F(SMALL) = 256,
};

// One tile: rows x vectors accumulators over k, both constants where it is called. `columns` is how
// many columns are real (the rest of b is padding); `resume` takes up the accumulators that an
// earlier block of k left in c.
ATTN_INLINE void ATTN_F(tile)(int rows, int vectors, int64_t k, const ATTN_E *a, int64_t a_rs,
                              int64_t a_cs, const ATTN_E *b, int64_t b_rs, ATTN_E *c, int64_t c_rs,
                              int64_t columns, bool resume) {
  // No tile has more rows; those that this one lacks take no register.
  ATTN_V sums[2 * ATTN_TILE_ROWS][ATTN_TILE_VECTORS];
  bool whole = columns == vectors * ATTN_L;
  int64_t last = columns - (vectors - 1) * ATTN_L;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      const ATTN_E *from = c + r * c_rs + v * ATTN_L;
      if (!resume) sums[r][v] = ATTN_VF(splat)(0);
      else if (whole || v < vectors - 1) sums[r][v] = ATTN_VF(load)(from);
      else sums[r][v] = ATTN_VF(load_part)(from, last, 0);
    }
  for (int64_t i = 0; i < k; i++) {
    ATTN_V bs[ATTN_TILE_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) bs[v] = ATTN_VF(load)(b + v * ATTN_L);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      ATTN_V as = ATTN_VF(splat)(a[r * a_rs]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[r][v] = ATTN_VF(fma)(as, bs[v], sums[r][v]);
    }
    a += a_cs;
    b += b_rs;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      ATTN_E *to = c + r * c_rs + v * ATTN_L;
      if (whole || v < vectors - 1) ATTN_VF(store)(to, sums[r][v]);
      else ATTN_VF(store_part)(to, sums[r][v], last);
    }
}

// Whole tiles, which is where the time goes: with everything packed, and with a where it lies.
static __attribute__((noinline)) void ATTN_F(packed_tile)(int64_t k, const ATTN_E *a,
                                                          const ATTN_E *b, ATTN_E *c, int64_t c_rs,
                                                          bool resume) {
  ATTN_F(tile)(ATTN_TILE_ROWS, ATTN_TILE_VECTORS, k, a, 1, ATTN_TILE_ROWS, b, ATTN_TILE_COLUMNS, c,
               c_rs, ATTN_TILE_COLUMNS, resume);
}
static __attribute__((noinline)) void ATTN_F(whole_tile)(int64_t k, const ATTN_E *a, int64_t a_rs,
                                                         int64_t a_cs, const ATTN_E *b,
                                                         int64_t b_rs, ATTN_E *c, int64_t c_rs,
                                                         bool resume) {
  ATTN_F(tile)(ATTN_TILE_ROWS, ATTN_TILE_VECTORS, k, a, a_rs, a_cs, b, b_rs, c, c_rs,
               ATTN_TILE_COLUMNS, resume);
}

// Any tile: one loop for each number of rows and vectors.
static __attribute__((noinline)) void ATTN_F(any_tile)(int64_t rows, int64_t k, const ATTN_E *a,
                                                       int64_t a_rs, int64_t a_cs, const ATTN_E *b,
                                                       int64_t b_rs, ATTN_E *c, int64_t c_rs,
                                                       int64_t columns, bool resume) {
#define ATTN_CASE(rows, vectors)                                                              \
  case rows:                                                                                  \
    ATTN_F(tile)(rows, vectors, k, a, a_rs, a_cs, b, b_rs, c, c_rs, columns, resume); return;
#if ATTN_TILE_VECTORS == 2
  if (columns <= ATTN_L) {
    switch (rows) {
      ATTN_CASE(1, 1) ATTN_CASE(2, 1) ATTN_CASE(3, 1) ATTN_CASE(4, 1)
      ATTN_CASE(5, 1) ATTN_CASE(6, 1) ATTN_CASE(7, 1) ATTN_CASE(8, 1)
    }
    return;
  }
#endif
  switch (rows) {
    ATTN_CASE(1, ATTN_TILE_VECTORS) ATTN_CASE(2, ATTN_TILE_VECTORS)
    ATTN_CASE(3, ATTN_TILE_VECTORS) ATTN_CASE(4, ATTN_TILE_VECTORS)
#if ATTN_TILE_ROWS > 4
    ATTN_CASE(5, ATTN_TILE_VECTORS) ATTN_CASE(6, ATTN_TILE_VECTORS)
#endif
#if ATTN_TILE_ROWS > 6
    ATTN_CASE(7, ATTN_TILE_VECTORS) ATTN_CASE(8, ATTN_TILE_VECTORS)
#endif
  }
#undef ATTN_CASE
}

// Packs k x columns of b, whose rows are contiguous, into panels: whole ones only.
static void ATTN_F(pack_rows)(int64_t k, int64_t columns, const ATTN_E *b, int64_t rs, ATTN_E *to) {
  for (int64_t i = 0; i < k; i++, b += rs, to += ATTN_TILE_COLUMNS)
    for (int64_t panel = 0; panel < columns / ATTN_TILE_COLUMNS; panel++)
      memcpy(to + panel * ATTN_F(PANEL_SIZE), b + panel * ATTN_TILE_COLUMNS,
             ATTN_TILE_COLUMNS * sizeof(ATTN_E));
}

// Packs a panel of k x columns (at most ATTN_TILE_COLUMNS; zeros fill it up) of b, row after row.
static void ATTN_F(pack_panel)(int64_t k, int64_t columns, const ATTN_E *b, int64_t rs, int64_t cs,
                               ATTN_E *to) {
  for (int64_t j = 0; j < ATTN_TILE_COLUMNS; j += ATTN_L) {
    int64_t width = columns - j < ATTN_L ? columns - j : ATTN_L;
    const ATTN_E *from = b + j * cs;
    ATTN_E *at = to + j;
    if (width <= 0) {
      for (int64_t i = 0; i < k; i++) ATTN_VF(store)(at + i * ATTN_TILE_COLUMNS, ATTN_VF(splat)(0));
      continue;
    }
    if (cs == 1) {
      for (int64_t i = 0; i < k; i++)
        ATTN_VF(store)(at + i * ATTN_TILE_COLUMNS, ATTN_VF(load_part)(from + i * rs, width, 0));
      continue;
    }
    int64_t i = 0;
    if (rs == 1 && width == ATTN_L) {
      for (; i + ATTN_L <= k; i += ATTN_L)
        ATTN_VF(transpose)(from + i, cs, at + i * ATTN_TILE_COLUMNS, ATTN_TILE_COLUMNS);
    }
    for (; i < k; i++) {
      ATTN_E *row = at + i * ATTN_TILE_COLUMNS;
      for (int64_t l = 0; l < width; l++) row[l] = from[i * rs + l * cs];
      for (int64_t l = width; l < ATTN_L; l++) row[l] = 0;
    }
  }
}

// Packs rows x k of a into strips of ATTN_TILE_ROWS, column after column; rows left over are not
// packed. Some strips at a time, so that where a's columns are contiguous whole lines are read.
static void ATTN_F(pack_strips)(int64_t rows, int64_t k, const ATTN_E *a, int64_t rs, int64_t cs,
                                ATTN_E *to) {
  enum { AT_ONCE = 64 / ATTN_TILE_ROWS, AHEAD = 16 };
  int64_t strips = rows / ATTN_TILE_ROWS;
  for (int64_t s0 = 0; s0 < strips; s0 += AT_ONCE) {
    int64_t s1 = s0 + AT_ONCE < strips ? s0 + AT_ONCE : strips;
    for (int64_t i = 0; i < k; i++)
      for (int64_t s = s0; s < s1; s++) {
        const ATTN_E *from = a + s * ATTN_TILE_ROWS * rs + i * cs;
        ATTN_E *at = to + s * ATTN_F(STRIP_SIZE) + i * ATTN_TILE_ROWS;
        if (rs == 1) {
          // A column further on is another page of memory, where nothing is fetched before it is asked for.
          __builtin_prefetch(a + s * ATTN_TILE_ROWS + (i + AHEAD < k ? i + AHEAD : i) * cs);
          memcpy(at, from, ATTN_TILE_ROWS * sizeof(ATTN_E));
        } else
          for (int64_t r = 0; r < ATTN_TILE_ROWS; r++) at[r] = from[r * rs];
      }
  }
}

// One row times a matrix whose rows are contiguous: eight rows of b stream past the row of c.
static void ATTN_F(row_product)(int64_t n, int64_t k, const ATTN_E *a, int64_t a_cs,
                                const ATTN_E *b, int64_t b_rs, ATTN_E *c) {
  enum { AT_ONCE = 8 };
  int64_t i = 0;
  for (; i + AT_ONCE <= k && !attn_should_stop(); i += AT_ONCE) {
    ATTN_V as[AT_ONCE];
#pragma clang loop unroll(full)
    for (int r = 0; r < AT_ONCE; r++) as[r] = ATTN_VF(splat)(a[(i + r) * a_cs]);
    const ATTN_E *rows = b + i * b_rs;
    int64_t j = 0;
    for (; j + ATTN_L <= n; j += ATTN_L) {
      ATTN_V sum = i == 0 ? ATTN_VF(splat)(0) : ATTN_VF(load)(c + j);
#pragma clang loop unroll(full)
      for (int r = 0; r < AT_ONCE; r++)
        sum = ATTN_VF(fma)(as[r], ATTN_VF(load)(rows + r * b_rs + j), sum);
      ATTN_VF(store)(c + j, sum);
    }
    if (j < n) {
      ATTN_V sum = i == 0 ? ATTN_VF(splat)(0) : ATTN_VF(load_part)(c + j, n - j, 0);
#pragma clang loop unroll(full)
      for (int r = 0; r < AT_ONCE; r++)
        sum = ATTN_VF(fma)(as[r], ATTN_VF(load_part)(rows + r * b_rs + j, n - j, 0), sum);
      ATTN_VF(store_part)(c + j, sum, n - j);
    }
  }
  for (; i < k && !attn_should_stop(); i++) {
    ATTN_V as = ATTN_VF(splat)(a[i * a_cs]);
    for (int64_t j = 0; j < n; j += ATTN_L) {
      int64_t width = n - j < ATTN_L ? n - j : ATTN_L;
      ATTN_V sum = i == 0 ? ATTN_VF(splat)(0) : ATTN_VF(load_part)(c + j, width, 0);
      sum = ATTN_VF(fma)(as, ATTN_VF(load_part)(b + i * b_rs + j, width, 0), sum);
      ATTN_VF(store_part)(c + j, sum, width);
    }
  }
}

// A small c of at most one vector's columns, without any packing: four rows share what is read of b.
static void ATTN_F(small_product)(int64_t m, int64_t n, int64_t k, const ATTN_E *a, int64_t a_rs,
                                  int64_t a_cs, const ATTN_E *b, int64_t b_rs, ATTN_E *c,
                                  int64_t c_rs) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    ATTN_V sums[4];
#pragma clang loop unroll(full)
    for (int r = 0; r < 4; r++) sums[r] = ATTN_VF(splat)(0);
    for (int64_t l = 0; l < k; l++) {
      ATTN_V bs = ATTN_VF(load_part)(b + l * b_rs, n, 0);
#pragma clang loop unroll(full)
      for (int r = 0; r < 4; r++)
        sums[r] = ATTN_VF(fma)(ATTN_VF(splat)(a[(i + r) * a_rs + l * a_cs]), bs, sums[r]);
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < 4; r++) ATTN_VF(store_part)(c + (i + r) * c_rs, sums[r], n);
  }
  for (; i < m; i++) {
    ATTN_V sum = ATTN_VF(splat)(0);
    for (int64_t l = 0; l < k; l++)
      sum = ATTN_VF(fma)(ATTN_VF(splat)(a[i * a_rs + l * a_cs]),
                         ATTN_VF(load_part)(b + l * b_rs, n, 0), sum);
    ATTN_VF(store_part)(c + i * c_rs, sum, n);
  }
}

#if ATTN_TILE_VECTORS == 2
// Twice the rows of a tile, one vector wide.
static __attribute__((noinline)) void ATTN_F(tall_tile)(int64_t k, const ATTN_E *a, int64_t a_rs,
                                                        int64_t a_cs, const ATTN_E *b, int64_t b_rs,
                                                        ATTN_E *c, int64_t c_rs) {
  ATTN_F(tile)(2 * ATTN_TILE_ROWS, 1, k, a, a_rs, a_cs, b, b_rs, c, c_rs, ATTN_L, false);
}
#endif

// A product small enough that a and b are read where they lie, of whole vectors of columns.
static void ATTN_F(direct_product)(int64_t m, int64_t n, int64_t k, const ATTN_E *a, int64_t a_rs,
                                   int64_t a_cs, const ATTN_E *b, int64_t b_rs, ATTN_E *c,
                                   int64_t c_rs) {
  int64_t i = 0;
#if ATTN_TILE_VECTORS == 2
  for (; n == ATTN_L && i + 2 * ATTN_TILE_ROWS <= m; i += 2 * ATTN_TILE_ROWS)
    ATTN_F(tall_tile)(k, a + i * a_rs, a_rs, a_cs, b, b_rs, c + i * c_rs, c_rs);
#endif
  for (; i < m; i += ATTN_TILE_ROWS) {
    int64_t rows = m - i < ATTN_TILE_ROWS ? m - i : ATTN_TILE_ROWS;
    for (int64_t j = 0; j < n; j += ATTN_TILE_COLUMNS) {
      int64_t columns = n - j < ATTN_TILE_COLUMNS ? n - j : ATTN_TILE_COLUMNS;
      if (rows == ATTN_TILE_ROWS && columns == ATTN_TILE_COLUMNS)
        ATTN_F(whole_tile)(k, a + i * a_rs, a_rs, a_cs, b + j, b_rs, c + i * c_rs + j, c_rs, false);
      else
        ATTN_F(any_tile)(rows, k, a + i * a_rs, a_rs, a_cs, b + j, b_rs, c + i * c_rs + j, c_rs, columns,
                         false);
    }
  }
}

// c = a b for a block of c, whose columns are contiguous.
static void ATTN_F(part_product)(int64_t m, int64_t n, int64_t k, const ATTN_E *a, int64_t a_rs,
                                 int64_t a_cs, const ATTN_E *b, int64_t b_rs, int64_t b_cs,
                                 ATTN_E *c, int64_t c_rs, ATTN_E *panels, ATTN_E *strips) {
  bool pack_a = a_cs != 1 && n > ATTN_TILE_COLUMNS;
  bool pack_b = b_cs != 1 || ((m > ATTN_F(ROWS_WITHOUT_PACKING) ||
                               k * n > ATTN_F(SIZE_WITHOUT_PACKING)) &&
                              k * (b_rs < 0 ? -b_rs : b_rs) > ATTN_F(CACHED_WITHOUT_PACKING));
  // Where one strip of rows is all there is, a panel is used at once while it is in the first cache.
  int64_t column_block =
      b_cs != 1 && m <= ATTN_TILE_ROWS ? ATTN_TILE_COLUMNS : ATTN_F(COLUMN_BLOCK);
  for (int64_t k0 = 0; k0 < k; k0 += ATTN_F(INNER_BLOCK)) {
    int64_t depth = k - k0 < ATTN_F(INNER_BLOCK) ? k - k0 : ATTN_F(INNER_BLOCK);
    if (pack_a) ATTN_F(pack_strips)(m, depth, a + k0 * a_cs, a_rs, a_cs, strips);
    for (int64_t j0 = 0; j0 < n; j0 += column_block) {
      if (attn_should_stop()) return;
      int64_t width = n - j0 < column_block ? n - j0 : column_block;
      const ATTN_E *b_block = b + k0 * b_rs + j0 * b_cs;
      int64_t packed = 0;
      if (pack_b && b_cs == 1) {
        packed = width / ATTN_TILE_COLUMNS * ATTN_TILE_COLUMNS;
        ATTN_F(pack_rows)(depth, packed, b_block, b_rs, panels);
      }
      for (int64_t j = packed; j < width; j += ATTN_TILE_COLUMNS) {
        int64_t columns = width - j < ATTN_TILE_COLUMNS ? width - j : ATTN_TILE_COLUMNS;
        // A tile reads whole vectors, so a last narrow panel is packed in any case.
        if (pack_b || columns % ATTN_L != 0)
          ATTN_F(pack_panel)(depth, columns, b_block + j * b_cs, b_rs, b_cs,
                             panels + j / ATTN_TILE_COLUMNS * ATTN_F(PANEL_SIZE));
      }
      for (int64_t i = 0; i < m; i += ATTN_TILE_ROWS) {
        int64_t rows = m - i < ATTN_TILE_ROWS ? m - i : ATTN_TILE_ROWS;
        bool packed_strip = pack_a && rows == ATTN_TILE_ROWS;
        const ATTN_E *strip = packed_strip ? strips + i / ATTN_TILE_ROWS * ATTN_F(STRIP_SIZE)
                                           : a + i * a_rs + k0 * a_cs;
        ATTN_E *to = c + i * c_rs + j0;
        const ATTN_E *panel = panels;
        for (int64_t j = 0; j < width; j += ATTN_TILE_COLUMNS, panel += ATTN_F(PANEL_SIZE)) {
          int64_t columns = width - j < ATTN_TILE_COLUMNS ? width - j : ATTN_TILE_COLUMNS;
          bool packed_panel = pack_b || columns % ATTN_L != 0;
          if (k0 > 0)  // the accumulators of the next tile
            for (int64_t r = 0; r < rows; r++)
              for (int64_t v = 0; v < ATTN_TILE_VECTORS; v++)
                __builtin_prefetch(to + r * c_rs + j + ATTN_TILE_COLUMNS + v * ATTN_L, 1, 3);
          const ATTN_E *bs = packed_panel ? panel : b_block + j;
          int64_t bs_rs = packed_panel ? ATTN_TILE_COLUMNS : b_rs;
          int64_t strip_rs = packed_strip ? 1 : a_rs, strip_cs = packed_strip ? ATTN_TILE_ROWS : a_cs;
          if (rows < ATTN_TILE_ROWS || columns < ATTN_TILE_COLUMNS)
            ATTN_F(any_tile)(rows, depth, strip, strip_rs, strip_cs, bs, bs_rs, to + j, c_rs,
                             columns, k0 > 0);
          else if (packed_strip && packed_panel)
            ATTN_F(packed_tile)(depth, strip, panel, to + j, c_rs, k0 > 0);
          else
            ATTN_F(whole_tile)(depth, strip, strip_rs, strip_cs, bs, bs_rs, to + j, c_rs, k0 > 0);
        }
      }
    }
  }
}

// Rows i0..<i1 and columns j0..<j1 of c = a b.
void ATTN_KERNEL(ATTN_F(attn_matmul))(const attn_product *p, const ATTN_E *a, const ATTN_E *b,
                                      ATTN_E *c, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
  enum { TRANSPOSED_COLUMNS = 512 };
  if (p->k == 0) {
    for (int64_t i = i0; i < i1; i++)
      for (int64_t j = j0; j < j1; j++) c[i * p->c_rs + j * p->c_cs] = 0;
    return;
  }
  bool transposed = p->c_cs != 1;
  if (!transposed && p->b_cs == 1 && j1 - j0 < ATTN_L && (i1 - i0) * p->k <= ATTN_F(SMALL)) {
    ATTN_F(small_product)(i1 - i0, j1 - j0, p->k, a + i0 * p->a_rs, p->a_rs, p->a_cs, b + j0,
                          p->b_rs, c + i0 * p->c_rs + j0, p->c_rs);
    return;
  }
  if (i1 - i0 == 1 && p->b_cs == 1 && !transposed) {
    ATTN_F(row_product)(j1 - j0, p->k, a + i0 * p->a_rs, p->a_cs, b + j0, p->b_rs,
                        c + i0 * p->c_rs + j0);
    return;
  }
  if (!transposed && p->b_cs == 1 && (j1 - j0) % ATTN_L == 0 && p->k <= ATTN_F(INNER_BLOCK) &&
      p->k * (p->b_rs < 0 ? -p->b_rs : p->b_rs) <= ATTN_F(CACHED_WITHOUT_PACKING) && (p->a_cs == 1 || j1 - j0 <= ATTN_TILE_COLUMNS)) {
    for (int64_t i = i0; i < i1 && !attn_should_stop(); i += ATTN_F(ROW_BLOCK))
      ATTN_F(direct_product)(i1 - i < ATTN_F(ROW_BLOCK) ? i1 - i : ATTN_F(ROW_BLOCK), j1 - j0, p->k,
                             a + i * p->a_rs, p->a_rs, p->a_cs, b + j0, p->b_rs,
                             c + i * p->c_rs + j0, p->c_rs);
    return;
  }
  int64_t strips_size = (i1 - i0 < ATTN_F(ROW_BLOCK) ? i1 - i0 : ATTN_F(ROW_BLOCK)) /
                        ATTN_TILE_ROWS * ATTN_F(STRIP_SIZE);
  int64_t panels_size = ATTN_F(COLUMN_BLOCK) / ATTN_TILE_COLUMNS * ATTN_F(PANEL_SIZE);
  int64_t transposed_size = transposed ? (i1 - i0) * TRANSPOSED_COLUMNS : 0;
  ATTN_E *panels =
      attn_scratch(sizeof(ATTN_E) * (size_t)(panels_size + strips_size + transposed_size));
  if (panels == NULL) return;
  ATTN_E *strips = panels + panels_size;
  if (!transposed) {
    for (int64_t i = i0; i < i1; i += ATTN_F(ROW_BLOCK)) {
      int64_t rows = i1 - i < ATTN_F(ROW_BLOCK) ? i1 - i : ATTN_F(ROW_BLOCK);
      ATTN_F(part_product)(rows, j1 - j0, p->k, a + i * p->a_rs, p->a_rs, p->a_cs,
                           b + j0 * p->b_cs, p->b_rs, p->b_cs, c + i * p->c_rs + j0, p->c_rs,
                           panels, strips);
    }
    return;
  }
  // The transposed problem, for a c of few columns: computed beside c and transposed into it.
  ATTN_E *beside = strips + strips_size;
  for (int64_t j = j0; j < j1; j += TRANSPOSED_COLUMNS) {
    int64_t width = j1 - j < TRANSPOSED_COLUMNS ? j1 - j : TRANSPOSED_COLUMNS;
    if (i1 - i0 == 1 && p->b_cs == 1)
      ATTN_F(row_product)(width, p->k, a + i0 * p->a_rs, p->a_cs, b + j, p->b_rs, beside);
    else
      ATTN_F(part_product)(i1 - i0, width, p->k, a + i0 * p->a_rs, p->a_rs, p->a_cs,
                           b + j * p->b_cs, p->b_rs, p->b_cs, beside, TRANSPOSED_COLUMNS, panels,
                           strips);
    for (int64_t l = 0; l < width; l++)
      for (int64_t i = i0; i < i1; i++)
        c[i * p->c_rs + (j + l) * p->c_cs] = beside[(i - i0) * TRANSPOSED_COLUMNS + l];
  }
}

#undef ATTN_VF
#undef ATTN_L
#undef ATTN_TILE_COLUMNS
