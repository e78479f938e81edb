// Reductions for one float type: included by reduce_kernels.h with ATTN_E, ATTN_V and ATTN_F(name)
// as in lanes_float.h.
#define ATTN_VF(name) ATTN_PASTE(ATTN_V, _##name)

// One accumulator for each of four rows at a time: additions of a chain wait for each other, and
// those of four chains do not.
ATTN_INLINE void ATTN_F(ascending_rows)(attn_reduce_op op, int64_t rows, int64_t n, const ATTN_E *x,
                                        ATTN_E *y) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    ATTN_E sums[4];
    for (int l = 0; l < 4; l++) sums[l] = ATTN_F(identity)(op);
    const ATTN_E *row = x + r * n;
    for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
      for (int64_t i = start; i < end; i++)
#pragma clang loop unroll(full)
        for (int l = 0; l < 4; l++) sums[l] = ATTN_F(combine_two)(op, sums[l], row[l * n + i]);
    for (int l = 0; l < 4; l++) y[r + l] = sums[l];
  }
  for (; r < rows; r++) {
    ATTN_E sum = ATTN_F(identity)(op);
    for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
      for (int64_t i = start; i < end; i++) sum = ATTN_F(combine_two)(op, sum, x[r * n + i]);
    y[r] = sum;
  }
}

static ATTN_E ATTN_F(ascending_logsumexp)(int64_t n, const ATTN_E *x) {
  bool any;
  ATTN_E largest = ATTN_F(row_extreme)(true, n, x, NULL, &any);
  if (!(largest - largest == 0)) return largest;
  ATTN_F(exp_context) context = {x, largest};
  ATTN_E sum = 0, terms[16];
  for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
    for (int64_t i = start; i < end; i += 16) {
      int64_t count = n - i < 16 ? n - i : 16;
      ATTN_VF(store)(terms, ATTN_F(exp_terms)(&context, i, count));
      for (int64_t l = 0; l < count; l++) sum += terms[l];
    }
  return largest + ATTN_F(log_one)(sum);
}

// y[r] of x[r, 0..<n] for rows of contiguous elements.
void ATTN_KERNEL(ATTN_F(attn_reduce_rows))(attn_reduce_op op, attn_order order, int64_t rows,
                                           int64_t n, const ATTN_E *x, ATTN_E *y) {
  bool any;
  switch (op) {
    case ATTN_SUM:
      if (order == ATTN_ASCENDING) {
        ATTN_F(ascending_rows)(ATTN_SUM, rows, n, x, y);
        return;
      }
      for (int64_t r = 0; r < rows; r++)
        y[r] = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(plain_sum_terms), x + r * n);
      return;
    case ATTN_PROD:
      if (order == ATTN_ASCENDING) {
        ATTN_F(ascending_rows)(ATTN_PROD, rows, n, x, y);
        return;
      }
      for (int64_t r = 0; r < rows; r++)
        y[r] = ATTN_F(row_lanes)(ATTN_PROD, n, ATTN_F(plain_product_terms), x + r * n);
      return;
    case ATTN_REDUCE_MAX:
      for (int64_t r = 0; r < rows; r++)
        y[r] = ATTN_F(row_extreme)(true, n, x + r * n, NULL, &any);
      return;
    case ATTN_REDUCE_MIN:
      for (int64_t r = 0; r < rows; r++)
        y[r] = ATTN_F(row_extreme)(false, n, x + r * n, NULL, &any);
      return;
    case ATTN_LOGSUMEXP:
      for (int64_t r = 0; r < rows; r++)
        y[r] = order == ATTN_ASCENDING ? ATTN_F(ascending_logsumexp)(n, x + r * n)
                                       : ATTN_F(row_logsumexp)(n, x + r * n);
      return;
    default: return;
  }
}

// The results of chunks c0..<c1 of one long row, for attn_join_chunks to put together: its chunks
// may be computed by different threads.
void ATTN_KERNEL(ATTN_F(attn_reduce_chunks))(attn_reduce_op op, int64_t n, int64_t c0, int64_t c1,
                                             const ATTN_E *x, ATTN_E *results) {
  bool any;
  for (int64_t c = c0; c < c1; c++) {
    int64_t start = c * ATTN_CHUNK, end = n - start < ATTN_CHUNK ? n : start + ATTN_CHUNK;
    if (op == ATTN_SUM)
      results[c] = ATTN_F(chunk_lanes)(ATTN_SUM, start, end, ATTN_F(plain_sum_terms), x);
    else if (op == ATTN_PROD)
      results[c] = ATTN_F(chunk_lanes)(ATTN_PROD, start, end, ATTN_F(plain_product_terms), x);
    else
      results[c] = ATTN_F(row_extreme)(op == ATTN_REDUCE_MAX, end - start, x + start, NULL, &any);
  }
}

void ATTN_KERNEL(ATTN_F(attn_join_chunks))(attn_reduce_op op, int64_t chunks,
                                           const ATTN_E *results, ATTN_E *y) {
  ATTN_F(tree) tree = {.count = 0};
  for (int64_t c = 0; c < chunks; c++) ATTN_F(tree_add)(op, &tree, results[c]);
  *y = ATTN_F(tree_total)(op, &tree);
}

enum { ATTN_F(COLUMNS) = 128 };  // 16 lanes of as many columns stay in the first cache

typedef struct {
  _Alignas(64) ATTN_E lanes[16][ATTN_F(COLUMNS)];
  ATTN_E levels[24][ATTN_F(COLUMNS)];  // of the tree in lanes_float.h, for 2^24 chunks
  ATTN_E largest[ATTN_F(COLUMNS)];
} ATTN_F(column_work);

// lanes[0] becomes the total over n rows of `width` (at most COLUMNS) columns. With `largest`, each
// number x counts as exp(x - largest).
ATTN_INLINE void ATTN_F(column_totals)(attn_reduce_op op, bool ascending, int64_t n, int64_t inner,
                                       int64_t width, const ATTN_E *x, const ATTN_E *largest,
                                       ATTN_F(column_work) *work) {
  enum { ROWS_AT_ONCE = 4096 };
  ATTN_E identity = ATTN_F(identity)(op);
  int64_t count = 0;
  int64_t chunk = ascending || n == 0 ? (n > 0 ? n : 1) : ATTN_CHUNK;
  for (int64_t start = 0; start < n || count == 0; start += chunk, count++) {
    int64_t length = n - start < chunk ? n - start : chunk;
    int64_t used = ascending || length == 0 ? 1 : length < 16 ? length : 16;
    for (int64_t l = 0; l < used; l++)
      for (int64_t j = 0; j < width; j += 16)
        ATTN_VF(store)(work->lanes[l] + j, ATTN_VF(splat)(identity));
    for (ATTN_CHECKED_CHUNKS(first, next, length, ROWS_AT_ONCE))
      for (int64_t i = first; i < next; i++) {
        const ATTN_E *row = x + (start + i) * inner;
        ATTN_E *lanes = work->lanes[ascending ? 0 : i & 15];
        for (int64_t j = 0; j < width; j += 16) {
          ATTN_V v = width - j >= 16 ? ATTN_VF(load)(row + j)
                                     : ATTN_VF(load_part)(row + j, width - j, identity);
          if (largest != NULL) v = ATTN_VF(exp)(v - ATTN_VF(load)(largest + j));
          ATTN_VF(store)(lanes + j, ATTN_F(combine)(op, ATTN_VF(load)(lanes + j), v));
        }
      }
    // Lanes without an element hold the identity, and may be left out.
    for (int64_t half = 8; half > 0; half /= 2)
      for (int64_t l = 0; l < half && l + half < used; l++)
        for (int64_t j = 0; j < width; j += 16)
          ATTN_VF(store)(work->lanes[l] + j,
                         ATTN_F(combine)(op, ATTN_VF(load)(work->lanes[l] + j),
                                         ATTN_VF(load)(work->lanes[l + half] + j)));
    int64_t level = 0;
    for (; count >> level & 1; level++)
      for (int64_t j = 0; j < width; j += 16)
        ATTN_VF(store)(work->lanes[0] + j,
                       ATTN_F(combine)(op, ATTN_VF(load)(work->levels[level] + j),
                                       ATTN_VF(load)(work->lanes[0] + j)));
    memcpy(work->levels[level], work->lanes[0], sizeof work->lanes[0]);
  }
  int64_t level = __builtin_ctzll((unsigned long long)count);
  memcpy(work->lanes[0], work->levels[level], sizeof work->lanes[0]);
  for (level++; count >> level != 0; level++)
    if (count >> level & 1)
      for (int64_t j = 0; j < width; j += 16)
        ATTN_VF(store)(work->lanes[0] + j,
                       ATTN_F(combine)(op, ATTN_VF(load)(work->levels[level] + j),
                                       ATTN_VF(load)(work->lanes[0] + j)));
}

// y[j] of x[0..<n, j] for columns j0..<j1 of [n, inner].
void ATTN_KERNEL(ATTN_F(attn_reduce_columns))(attn_reduce_op op, attn_order order, int64_t n,
                                              int64_t inner, int64_t j0, int64_t j1,
                                              const ATTN_E *x, ATTN_E *y) {
  ATTN_F(column_work) work;
  bool ascending = order == ATTN_ASCENDING;
  for (int64_t j = j0; j < j1; j += ATTN_F(COLUMNS)) {
    int64_t width = j1 - j < ATTN_F(COLUMNS) ? j1 - j : ATTN_F(COLUMNS);
    switch (op) {
      case ATTN_SUM:
        ATTN_F(column_totals)(ATTN_SUM, ascending, n, inner, width, x + j, NULL, &work);
        break;
      case ATTN_PROD:
        ATTN_F(column_totals)(ATTN_PROD, ascending, n, inner, width, x + j, NULL, &work);
        break;
      // Any order gives the same largest and smallest.
      case ATTN_REDUCE_MIN:
        ATTN_F(column_totals)(ATTN_REDUCE_MIN, true, n, inner, width, x + j, NULL, &work);
        break;
      default:
        ATTN_F(column_totals)(ATTN_REDUCE_MAX, true, n, inner, width, x + j, NULL, &work);
        break;
    }
    if (op == ATTN_LOGSUMEXP) {
      memcpy(work.largest, work.lanes[0], sizeof work.largest);
      ATTN_F(column_totals)(ATTN_SUM, ascending, n, inner, width, x + j, work.largest, &work);
      for (int64_t l = 0; l < width; l += 16) {
        ATTN_V largest = ATTN_VF(load)(work.largest + l);
        ATTN_V result = largest + ATTN_VF(log)(ATTN_VF(load)(work.lanes[0] + l));
        ATTN_VF(store)(work.lanes[0] + l, largest - largest == 0 ? result : largest);
      }
    }
    memcpy(y + j, work.lanes[0], (size_t)width * sizeof(ATTN_E));
  }
}

#undef ATTN_VF
