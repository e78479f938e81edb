// Sums over a row for one float type: included by lanes.h with ATTN_E (element), ATTN_V (16 lanes of
// it), ATTN_I (16 of ATTN_INTEGER, as wide) and ATTN_F(name).
#define ATTN_VF(name) ATTN_PASTE(ATTN_V, _##name)

ATTN_INLINE ATTN_I ATTN_F(first_lanes)(int64_t count) {
  const ATTN_I index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return index < (ATTN_I)((ATTN_INTEGER)count);
}

// What combines two numbers; `op` is a constant wherever these are inlined.
ATTN_INLINE ATTN_V ATTN_F(combine)(attn_reduce_op op, ATTN_V a, ATTN_V b) {
  switch (op) {
    case ATTN_PROD: return a * b;
    case ATTN_REDUCE_MAX: return ATTN_VF(max)(a, b);
    case ATTN_REDUCE_MIN: return ATTN_VF(min)(a, b);
    default: return a + b;
  }
}
ATTN_INLINE ATTN_E ATTN_F(combine_two)(attn_reduce_op op, ATTN_E a, ATTN_E b) {
  if (op == ATTN_SUM) return a + b;
  if (op == ATTN_PROD) return a * b;
  return ATTN_F(combine)(op, ATTN_VF(splat)(a), ATTN_VF(splat)(b))[0];
}
ATTN_INLINE ATTN_E ATTN_F(identity)(attn_reduce_op op) {
  switch (op) {
    case ATTN_PROD: return 1;
    case ATTN_REDUCE_MAX: return (ATTN_E)-__builtin_inf();
    case ATTN_REDUCE_MIN: return (ATTN_E)__builtin_inf();
    default: return 0;
  }
}

// The halving tree.
ATTN_INLINE ATTN_E ATTN_F(halve)(attn_reduce_op op, ATTN_V v) {
  ATTN_V w;
  w = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1);
  v = ATTN_F(combine)(op, v, w);
  w = __builtin_shufflevector(v, v, 4, 5, 6, 7, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  v = ATTN_F(combine)(op, v, w);
  w = __builtin_shufflevector(v, v, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  v = ATTN_F(combine)(op, v, w);
  w = __builtin_shufflevector(v, v, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  return ATTN_F(combine)(op, v, w)[0];
}

// Chunk results on their way into aligned pairs: level l holds the sum of 2^l chunks wherever bit l
// of `count` is set.
typedef struct {
  int64_t count;
  ATTN_E level[ATTN_MOST_LEVELS];
} ATTN_F(tree);

ATTN_INLINE void ATTN_F(tree_add)(attn_reduce_op op, ATTN_F(tree) *tree, ATTN_E x) {
  int l = 0;
  for (; tree->count >> l & 1; l++) x = ATTN_F(combine_two)(op, tree->level[l], x);
  tree->level[l] = x;
  tree->count++;
}
ATTN_INLINE ATTN_E ATTN_F(tree_total)(attn_reduce_op op, const ATTN_F(tree) *tree) {
  if (tree->count == 0) return ATTN_F(identity)(op);
  int l = __builtin_ctzll((unsigned long long)tree->count);
  ATTN_E total = tree->level[l];
  for (l++; tree->count >> l != 0; l++)
    if (tree->count >> l & 1) total = ATTN_F(combine_two)(op, tree->level[l], total);
  return total;
}

// What is added up: 16 terms from element i on, of which the last 16 - count have to be +0 (the
// identity of op). Inlined with its caller, so that the call costs nothing.
typedef ATTN_V (*ATTN_F(terms))(const void *context, int64_t i, int64_t count);

ATTN_INLINE ATTN_E ATTN_F(chunk_lanes)(attn_reduce_op op, int64_t start, int64_t end,
                                       ATTN_F(terms) terms, const void *context) {
  ATTN_V lanes = ATTN_VF(splat)(ATTN_F(identity)(op));
  int64_t i = start;
  for (; i + 16 <= end; i += 16) lanes = ATTN_F(combine)(op, lanes, terms(context, i, 16));
  if (i < end) lanes = ATTN_F(combine)(op, lanes, terms(context, i, end - i));
  return ATTN_F(halve)(op, lanes);
}

// The sum (or product) of n terms in LANES.
ATTN_INLINE ATTN_E ATTN_F(row_lanes)(attn_reduce_op op, int64_t n, ATTN_F(terms) terms,
                                     const void *context) {
  if (n <= ATTN_CHUNK) return ATTN_F(chunk_lanes)(op, 0, n, terms, context);
  ATTN_F(tree) tree = {.count = 0};
  for (int64_t i = 0; i < n && !attn_should_stop(); i += ATTN_CHUNK)
    ATTN_F(tree_add)(op, &tree,
                     ATTN_F(chunk_lanes)(op, i, n - i < ATTN_CHUNK ? n : i + ATTN_CHUNK, terms,
                                         context));
  return ATTN_F(tree_total)(op, &tree);
}

// The numbers as they are.
ATTN_INLINE ATTN_V ATTN_F(plain_sum_terms)(const void *x, int64_t i, int64_t count) {
  const ATTN_E *from = (const ATTN_E *)x + i;
  return count == 16 ? ATTN_VF(load)(from) : ATTN_VF(load_part)(from, count, 0);
}
ATTN_INLINE ATTN_V ATTN_F(plain_product_terms)(const void *x, int64_t i, int64_t count) {
  const ATTN_E *from = (const ATTN_E *)x + i;
  return count == 16 ? ATTN_VF(load)(from) : ATTN_VF(load_part)(from, count, 1);
}

// exp(x - largest): the terms of logsumexp and of a loss.
typedef struct {
  const ATTN_E *x;
  ATTN_E largest;
} ATTN_F(exp_context);

ATTN_INLINE ATTN_V ATTN_F(exp_terms)(const void *context, int64_t i, int64_t count) {
  const ATTN_F(exp_context) *c = context;
  if (count == 16) return ATTN_VF(exp)(ATTN_VF(load)(c->x + i) - c->largest);
  ATTN_V e = ATTN_VF(exp)(ATTN_VF(load_part)(c->x + i, count, 0) - c->largest);
  return ATTN_F(first_lanes)(count) ? e : 0;
}

// The largest (smallest) of n numbers as ATTN_REDUCE_MAX orders them, only of those that the mask
// `keep` (if not NULL) keeps; *any tells whether there is one. The bits of a float, inverted below
// the sign where it is negative, order as integers: one comparison a step instead of five. NaNs are
// recorded beside it.
ATTN_INLINE ATTN_E ATTN_F(row_extreme)(bool largest, int64_t n, const ATTN_E *x,
                                       const uint8_t *keep, bool *any) {
  enum { TOP = sizeof(ATTN_E) * 8 - 1 };
  const ATTN_I turn = (ATTN_I)((ATTN_INTEGER)((uint64_t)-1 >> (64 - TOP)));
  const ATTN_I none = largest ? ~turn : turn;
  ATTN_I best = none, nans = (ATTN_I)(0);
  for (ATTN_CHECKED_CHUNKS(start, end, n, ATTN_CHECKED_CHUNK))
    for (int64_t i = start; i < end; i += 16) {
      int64_t count = n - i < 16 ? n - i : 16;
      ATTN_V v = count == 16 ? ATTN_VF(load)(x + i) : ATTN_VF(load_part)(x + i, count, 0);
      ATTN_I bits = ATTN_VF(bits)(v);
      ATTN_I key = bits ^ (bits >> TOP & turn);
      ATTN_I nan = v != v;
      if (count < 16) key = ATTN_F(first_lanes)(count) ? key : none;
      if (keep != NULL) {
        u8x16 conditions = count == 16 ? u8x16_load(keep + i) : u8x16_load_part(keep + i, count, 0);
        ATTN_I kept = __builtin_convertvector(conditions, ATTN_I) != 0;
        key = kept ? key : none;
        nan &= kept;
      }
      nans |= nan;
      best = largest ? __builtin_elementwise_max(best, key) : __builtin_elementwise_min(best, key);
    }
  ATTN_INTEGER found = largest ? __builtin_reduce_max(best) : __builtin_reduce_min(best);
  bool has_nan = __builtin_reduce_or(nans) != 0;
  *any = has_nan || found != none[0];
  if (has_nan) return (ATTN_E)__builtin_nan("");
  if (!*any) return ATTN_F(identity)(largest ? ATTN_REDUCE_MAX : ATTN_REDUCE_MIN);
  found ^= found >> TOP & turn[0];
  ATTN_E result;
  memcpy(&result, &found, sizeof result);
  return result;
}

// largest + log(sum of exp(x - largest)); where the largest is infinite or NaN, that.
ATTN_INLINE ATTN_E ATTN_F(row_logsumexp)(int64_t n, const ATTN_E *x) {
  bool any;
  ATTN_E largest = ATTN_F(row_extreme)(true, n, x, NULL, &any);
  if (!(largest - largest == 0)) return largest;
  ATTN_F(exp_context) context = {x, largest};
  return largest + ATTN_F(log_one)(ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(exp_terms), &context));
}

#undef ATTN_VF
