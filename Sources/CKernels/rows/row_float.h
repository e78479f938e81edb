// Kernels of rows for one float type: included by row_kernels.h with ATTN_E, ATTN_V, ATTN_I and
// ATTN_F(name) as in lanes_float.h.
#define ATTN_VF(name) ATTN_PASTE(ATTN_V, _##name)

ATTN_INLINE ATTN_V ATTN_F(get)(const ATTN_E *p, int64_t count) {
  return count == 16 ? ATTN_VF(load)(p) : ATTN_VF(load_part)(p, count, 0);
}
ATTN_INLINE void ATTN_F(put)(ATTN_E *p, ATTN_V v, int64_t count) {
  if (count == 16) ATTN_VF(store)(p, v);
  else ATTN_VF(store_part)(p, v, count);
}
// A loop over 16 elements at a time: `count` of them from `i` on, the last time perhaps fewer. The
// whole vectors come first with a count that the compiler knows.
#define ATTN_FOR_ROW(i, count, n, ...)                                                 \
  do {                                                                                 \
    int64_t i = 0;                                                                     \
    for (ATTN_CHECKED_CHUNKS(ATTN_start, ATTN_end, n, ATTN_CHECKED_CHUNK))                        \
      for (; i + 16 <= ATTN_end; i += 16) { enum { count = 16 }; __VA_ARGS__ }         \
    if (i < (n) && (n) - i < 16) { const int64_t count = (n) - i; __VA_ARGS__ }        \
  } while (0)

// MARK: Softmax

typedef struct {
  const ATTN_E *x;
  const uint8_t *keep;  // NULL: all
  ATTN_E largest;
  ATTN_E *y;            // where the terms go; NULL: nowhere
} ATTN_F(softmax_context);

ATTN_INLINE ATTN_I ATTN_F(kept)(const uint8_t *keep, int64_t count) {
  u8x16 conditions = count == 16 ? u8x16_load(keep) : u8x16_load_part(keep, count, 0);
  return __builtin_convertvector(conditions, ATTN_I) != 0;
}

ATTN_INLINE ATTN_V ATTN_F(softmax_terms)(const void *context, int64_t i, int64_t count) {
  const ATTN_F(softmax_context) *c = context;
  ATTN_V e = ATTN_VF(exp)(ATTN_F(get)(c->x + i, count) - c->largest);
  if (c->keep != NULL) e = ATTN_F(kept)(c->keep + i, count) ? e : 0;
  else if (count < 16) e = ATTN_F(first_lanes)(count) ? e : 0;
  if (c->y != NULL) ATTN_F(put)(c->y + i, e, count);
  return e;
}

// y = exp(x - largest) / sum; log: y = (x - largest) - log(sum), with sum = sum(exp(x - largest)).
// What is not kept adds +0 to its lane.
ATTN_INLINE void ATTN_F(softmax_row)(bool log, int64_t n, const ATTN_E *x, const uint8_t *keep,
                                     ATTN_E *y) {
  bool any;
  ATTN_E largest = ATTN_F(row_extreme)(true, n, x, keep, &any);
  const ATTN_E left_out = log ? (ATTN_E)-__builtin_inf() : 0;
  if (!any) {
    ATTN_FOR_ROW(i, count, n, ATTN_F(put)(y + i, ATTN_VF(splat)(left_out), count););
    return;
  }
  ATTN_F(softmax_context) context = {x, keep, largest, log ? NULL : y};
  ATTN_E sum = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(softmax_terms), &context);
  if (!log) {
    ATTN_FOR_ROW(i, count, n, {
      ATTN_V v = ATTN_F(get)(y + i, count) / sum;
      if (keep != NULL) v = ATTN_F(kept)(keep + i, count) ? v : 0;  // though the sum be NaN
      ATTN_F(put)(y + i, v, count);
    });
    return;
  }
  ATTN_E log_sum = ATTN_F(log_one)(sum);
  ATTN_FOR_ROW(i, count, n, {
    ATTN_V v = (ATTN_F(get)(x + i, count) - largest) - log_sum;
    if (keep != NULL) v = ATTN_F(kept)(keep + i, count) ? v : left_out;
    ATTN_F(put)(y + i, v, count);
  });
}

void ATTN_KERNEL(ATTN_F(attn_softmax))(bool log, int64_t r0, int64_t r1, int64_t n, const ATTN_E *x,
                                       const uint8_t *keep, const int64_t *keep_offsets,
                                       int32_t keep_stride, ATTN_E *y) {
  for (int64_t r = r0; r < r1; r++) {
    const ATTN_E *from = x + r * n;
    ATTN_E *to = y + r * n;
    const uint8_t *conditions = keep == NULL ? NULL : keep + keep_offsets[r];
    if (conditions != NULL && keep_stride == 0) {
      // The mask has one bool for the whole row.
      if (*conditions == 0) {
        const ATTN_E left_out = log ? (ATTN_E)-__builtin_inf() : 0;
        ATTN_FOR_ROW(i, count, n, ATTN_F(put)(to + i, ATTN_VF(splat)(left_out), count););
        continue;
      }
      conditions = NULL;
    }
    if (conditions == NULL && !log) ATTN_F(softmax_row)(false, n, from, NULL, to);
    else if (!log) ATTN_F(softmax_row)(false, n, from, conditions, to);
    else ATTN_F(softmax_row)(true, n, from, conditions, to);
  }
}

typedef struct {
  const ATTN_E *y, *dy;
} ATTN_F(softmax_backward_context);

// Where y is 0 (log: -inf), dy is ignored, even if it is NaN: 0 times a finite number adds nothing anyway.
ATTN_INLINE ATTN_V ATTN_F(softmax_backward_terms)(const void *context, int64_t i, int64_t count) {
  const ATTN_F(softmax_backward_context) *c = context;
  ATTN_V y = ATTN_F(get)(c->y + i, count);
  return y == 0 ? 0 : y * ATTN_F(get)(c->dy + i, count);
}
ATTN_INLINE ATTN_V ATTN_F(log_softmax_backward_terms)(const void *context, int64_t i,
                                                      int64_t count) {
  const ATTN_F(softmax_backward_context) *c = context;
  ATTN_V y = ATTN_F(get)(c->y + i, count);
  return y == (ATTN_E)-__builtin_inf() ? 0 : ATTN_F(get)(c->dy + i, count);
}

// dx = y * (dy - sum(y * dy)); log: dx = dy - exp(y) * sum(dy).
void ATTN_KERNEL(ATTN_F(attn_softmax_backward))(bool log, int64_t r0, int64_t r1, int64_t n,
                                                const ATTN_E *y, const ATTN_E *dy, ATTN_E *dx) {
  for (int64_t r = r0; r < r1; r++) {
    ATTN_F(softmax_backward_context) c = {y + r * n, dy + r * n};
    ATTN_E *to = dx + r * n;
    if (!log) {
      ATTN_E sum = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(softmax_backward_terms), &c);
      ATTN_FOR_ROW(i, count, n, {
        ATTN_V v = ATTN_F(get)(c.y + i, count);
        ATTN_V d = v * (ATTN_F(get)(c.dy + i, count) - sum);
        ATTN_F(put)(to + i, v == 0 ? 0 : d, count);
      });
    } else {
      ATTN_E sum = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(log_softmax_backward_terms), &c);
      ATTN_FOR_ROW(i, count, n, {
        ATTN_V v = ATTN_F(get)(c.y + i, count);
        ATTN_V d = ATTN_F(get)(c.dy + i, count) - ATTN_VF(exp)(v) * sum;
        ATTN_F(put)(to + i, v == (ATTN_E)-__builtin_inf() ? 0 : d, count);
      });
    }
  }
}

// MARK: Layer norm

typedef struct {
  const ATTN_E *x, *weight, *dy;
  ATTN_E mean, rstd;
} ATTN_F(norm_context);

ATTN_INLINE ATTN_V ATTN_F(square_terms)(const void *context, int64_t i, int64_t count) {
  const ATTN_F(norm_context) *c = context;
  ATTN_V centred = ATTN_F(get)(c->x + i, count) - c->mean;
  if (count < 16) centred = ATTN_F(first_lanes)(count) ? centred : 0;
  return centred * centred;
}

// mean = sum(x) / n (rms: 0);  c = x - mean;  rstd = 1 / sqrt(sum(c * c) / n + epsilon);
// y = c * rstd, * weight, + bias. mean and rstd may be NULL.
void ATTN_KERNEL(ATTN_F(attn_layer_norm))(bool rms, int64_t r0, int64_t r1, int64_t n,
                                          double epsilon, const ATTN_E *x, const ATTN_E *weight,
                                          const ATTN_E *bias, ATTN_E *y, ATTN_E *mean,
                                          ATTN_E *rstd) {
  for (int64_t r = r0; r < r1; r++) {
    ATTN_F(norm_context) c = {.x = x + r * n, .mean = 0};
    ATTN_E *to = y + r * n;
    if (!rms) c.mean = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(plain_sum_terms), c.x) / (ATTN_E)n;
    ATTN_E variance = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(square_terms), &c) / (ATTN_E)n;
    c.rstd = 1 / ATTN_VF(sqrt)(ATTN_VF(splat)(variance + (ATTN_E)epsilon))[0];
    if (mean != NULL) mean[r] = c.mean, rstd[r] = c.rstd;
    ATTN_FOR_ROW(i, count, n, {
      ATTN_V v = (ATTN_F(get)(c.x + i, count) - c.mean) * c.rstd;
      if (weight != NULL) v = v * ATTN_F(get)(weight + i, count);
      if (bias != NULL) v = v + ATTN_F(get)(bias + i, count);
      ATTN_F(put)(to + i, v, count);
    });
  }
}

ATTN_INLINE ATTN_V ATTN_F(norm_slope)(const ATTN_F(norm_context) *c, int64_t i, int64_t count) {
  ATTN_V g = ATTN_F(get)(c->dy + i, count);
  return c->weight != NULL ? g * ATTN_F(get)(c->weight + i, count) : g;
}
ATTN_INLINE ATTN_V ATTN_F(norm_slope_terms)(const void *context, int64_t i, int64_t count) {
  return ATTN_F(norm_slope)(context, i, count);
}
ATTN_INLINE ATTN_V ATTN_F(norm_product_terms)(const void *context, int64_t i, int64_t count) {
  const ATTN_F(norm_context) *c = context;
  ATTN_V normed = (ATTN_F(get)(c->x + i, count) - c->mean) * c->rstd;
  ATTN_V v = ATTN_F(norm_slope)(c, i, count) * normed;
  if (count < 16) v = ATTN_F(first_lanes)(count) ? v : 0;
  return v;
}

// g = dy * weight;  xhat = (x - mean) * rstd;
// dx = rstd * ((g - sum(g) / n) - xhat * (sum(g * xhat) / n));  rms: rstd * (g - xhat * (...)).
void ATTN_KERNEL(ATTN_F(attn_layer_norm_backward))(bool rms, int64_t r0, int64_t r1, int64_t n,
                                                   const ATTN_E *x, const ATTN_E *weight,
                                                   const ATTN_E *mean, const ATTN_E *rstd,
                                                   const ATTN_E *dy, ATTN_E *dx) {
  for (int64_t r = r0; r < r1; r++) {
    ATTN_F(norm_context) c = {x + r * n, weight, dy + r * n, rms ? 0 : mean[r], rstd[r]};
    ATTN_E *to = dx + r * n;
    ATTN_E slope =
        rms ? 0 : ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(norm_slope_terms), &c) / (ATTN_E)n;
    ATTN_E product = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(norm_product_terms), &c) / (ATTN_E)n;
    ATTN_FOR_ROW(i, count, n, {
      ATTN_V g = ATTN_F(norm_slope)(&c, i, count);
      ATTN_V normed = (ATTN_F(get)(c.x + i, count) - c.mean) * c.rstd;
      if (!rms) g = g - slope;
      ATTN_F(put)(to + i, c.rstd * (g - normed * product), count);
    });
  }
}

// dweight = sum over the rows of dy * xhat, dbias = sum over the rows of dy: one accumulator for
// each column, from 0 and ascending. Columns j0..<j1.
void ATTN_KERNEL(ATTN_F(attn_layer_norm_sums))(bool rms, int64_t rows, int64_t n, int64_t j0,
                                               int64_t j1, const ATTN_E *x, const ATTN_E *mean,
                                               const ATTN_E *rstd, const ATTN_E *dy,
                                               ATTN_E *dweight, ATTN_E *dbias) {
  enum { COLUMNS = 512 };
  _Alignas(64) ATTN_E weights[COLUMNS], biases[COLUMNS];
  for (int64_t start = j0; start < j1; start += COLUMNS) {
    int64_t width = j1 - start < COLUMNS ? j1 - start : COLUMNS;
    memset(weights, 0, sizeof weights);
    memset(biases, 0, sizeof biases);
    for (int64_t r = 0; r < rows && !attn_should_stop(); r++) {
      const ATTN_E *xs = x + r * n + start, *ds = dy + r * n + start;
      ATTN_E m = rms ? 0 : mean[r], s = rstd[r];
      ATTN_FOR_ROW(j, count, width, {
        ATTN_V d = ATTN_F(get)(ds + j, count);
        if (dweight != NULL) {
          ATTN_V normed = (ATTN_F(get)(xs + j, count) - m) * s;
          ATTN_VF(store)(weights + j, ATTN_VF(load)(weights + j) + d * normed);
        }
        if (dbias != NULL) ATTN_VF(store)(biases + j, ATTN_VF(load)(biases + j) + d);
      });
    }
    if (dweight != NULL) memcpy(dweight + start, weights, (size_t)width * sizeof(ATTN_E));
    if (dbias != NULL) memcpy(dbias + start, biases, (size_t)width * sizeof(ATTN_E));
  }
}

// MARK: Cross-entropy

// lse as in a reduction;  loss = lse - x[target], or with smoothing s:
// loss = (lse - (1 - s) * x[target]) - s * (sum(x) / n).
void ATTN_KERNEL(ATTN_F(attn_cross_entropy))(int64_t r0, int64_t r1, int64_t n, const ATTN_E *x,
                                             const int64_t *targets, int64_t ignore,
                                             double smoothing, ATTN_E *losses, ATTN_E *lse) {
  for (int64_t r = r0; r < r1; r++) {
    if (targets[r] == ignore) {
      losses[r] = lse[r] = 0;
      continue;
    }
    const ATTN_E *from = x + r * n;
    lse[r] = ATTN_F(row_logsumexp)(n, from);
    if (smoothing == 0) {
      losses[r] = lse[r] - from[targets[r]];
      continue;
    }
    ATTN_E mean = ATTN_F(row_lanes)(ATTN_SUM, n, ATTN_F(plain_sum_terms), from) / (ATTN_E)n;
    ATTN_E at_target = (ATTN_E)(1 - smoothing) * from[targets[r]];
    losses[r] = (lse[r] - at_target) - (ATTN_E)smoothing * mean;
  }
}

// dx = (exp(x - lse) - weight) * scale, with weight = s / n, and (1 - s) + s / n at the target
// (both computed in f64 and rounded once).
void ATTN_KERNEL(ATTN_F(attn_cross_entropy_backward))(int64_t r0, int64_t r1, int64_t n,
                                                      const ATTN_E *x, const int64_t *targets,
                                                      int64_t ignore, double smoothing,
                                                      const ATTN_E *lse, const ATTN_E *scale,
                                                      int64_t scale_stride, ATTN_E *dx) {
  double share = smoothing / (double)n;
  ATTN_E elsewhere = (ATTN_E)share, at_target = (ATTN_E)((1 - smoothing) + share);
  for (int64_t r = r0; r < r1; r++) {
    const ATTN_E *from = x + r * n;
    ATTN_E *to = dx + r * n;
    if (targets[r] == ignore) {
      memset(to, 0, (size_t)n * sizeof(ATTN_E));
      continue;
    }
    ATTN_E of_row = lse[r], by = scale[r * scale_stride];
    ATTN_FOR_ROW(i, count, n, {
      ATTN_V p = ATTN_VF(exp)(ATTN_F(get)(from + i, count) - of_row);
      ATTN_F(put)(to + i, (p - elsewhere) * by, count);
    });
    ATTN_E p = ATTN_VF(exp)(ATTN_VF(splat)(from[targets[r]] - of_row))[0];
    to[targets[r]] = (p - at_target) * by;
  }
}

// MARK: AdamW

// As the header says, from left to right: g' = g * gradient_scale;
// m' = b1 * m + (1 - b1) * g';  v' = b2 * v + (1 - b2) * (g' * g');
// p' = (p - (lr * decay) * p) - lr * (m' / c1) / (sqrt(v' / c2) + epsilon).
// Values that do not change from element to element are computed in f64 and rounded once.
void ATTN_KERNEL(ATTN_F(attn_adamw))(int64_t n, const ATTN_E *p, const ATTN_E *g, const ATTN_E *m,
                                     const ATTN_E *v, double lr, double b1, double b2,
                                     double epsilon, double decay, double c1, double c2,
                                     double gradient_scale, bool streams, ATTN_E *p_out,
                                     ATTN_E *m_out, ATTN_E *v_out) {
  const ATTN_E keep_m = (ATTN_E)b1, take_m = (ATTN_E)(1 - b1);
  const ATTN_E keep_v = (ATTN_E)b2, take_v = (ATTN_E)(1 - b2);
  const ATTN_E shrink = (ATTN_E)(lr * decay), rate = (ATTN_E)lr, small = (ATTN_E)epsilon;
  const ATTN_E m_scale = (ATTN_E)c1, v_scale = (ATTN_E)c2, scale = (ATTN_E)gradient_scale;
  ATTN_FOR_ROW(i, count, n, {
    ATTN_V slope = ATTN_F(get)(g + i, count) * scale;
    ATTN_V old = ATTN_F(get)(p + i, count);
    ATTN_V first = keep_m * ATTN_F(get)(m + i, count) + take_m * slope;
    ATTN_V second = keep_v * ATTN_F(get)(v + i, count) + take_v * (slope * slope);
    ATTN_V step = rate * (first / m_scale) / (ATTN_VF(sqrt)(second / v_scale) + small);
    ATTN_V changed = (old - shrink * old) - step;
    if (streams && count == 16) {
      ATTN_VF(stream)(p_out + i, changed);
      ATTN_VF(stream)(m_out + i, first);
      ATTN_VF(stream)(v_out + i, second);
    } else {
      ATTN_F(put)(p_out + i, changed, count);
      ATTN_F(put)(m_out + i, first, count);
      ATTN_F(put)(v_out + i, second, count);
    }
  });
}

#undef ATTN_VF
#undef ATTN_FOR_ROW
