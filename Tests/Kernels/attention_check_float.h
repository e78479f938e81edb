// The check of one attention for one float type: included by attention_check.c with E (element), DTYPE,
// NAME, F(name), and the LEAST and LARGEST numbers.

static E *F(array)(int64_t count) { return room(count, sizeof(E)); }

static E *F(numbers)(int64_t n, kind kind) {
  static const E list[] = {0, -(E)0, INFINITY, -INFINITY, NAN, 700 * LEAST, -LARGEST / 3, LARGEST};
  E *x = F(array)(n);
  for (int64_t i = 0; i < n; i++) {
    x[i] = (E)((double)(int64_t)(next() >> 11) * 0x1p-52 - 1);
    if (kind == SPECIAL && next() % 400 == 0) x[i] = list[next() % 8];
    if (kind == HUGE_SCORES) x[i] *= 40;
    if (kind == TINY) x[i] *= 7 * LEAST;
    if (kind == NEGATIVE_TINY) x[i] = next() % 9 == 0 ? 0 : -(E)fabs((double)x[i]) * 7 * LEAST;
  }
  return x;
}

// Equal bits, where any NaN is as good as another.
static void F(same)(const char *what, int64_t n, const E *got, const E *expected,
                    const char *about) {
  for (int64_t i = 0; i < n; i++) {
    if (memcmp(&got[i], &expected[i], sizeof(E)) == 0) continue;
    if (got[i] != got[i] && expected[i] != expected[i]) continue;
    if (failures++ < 40)
      printf("FAILED %s [%lld] %a, not %a: %s\n", what, (long long)i, (double)got[i],
             (double)expected[i], about);
    break;
  }
  digest = attn_hash(DTYPE, n, got, digest);
}

static void F(check)(int64_t batch, int64_t t, int64_t s, int64_t d, int64_t e, mask mask,
                     bool divides, kind kind) {
  char about[160];
  snprintf(about, sizeof about, "%lld blocks, t %lld, s %lld, d %lld, e %lld, mask %d, kind %d, " NAME,
           (long long)batch, (long long)t, (long long)s, (long long)d, (long long)e, mask, kind);
  // All lie as [t, blocks, d], [s, blocks, d] or [t, blocks, e], but for v: [e, s] in each block, or [s, e].
  int64_t v_rs = batch % 2 ? 1 : e, v_cs = batch % 2 ? s : 1;
  bool scores_only = kind == HUGE_SCORES;
  E *q = F(numbers)(batch * t * d, kind == TINY || kind == NEGATIVE_TINY ? PLAIN : kind);
  E *k = F(numbers)(batch * s * d, kind == NEGATIVE_TINY ? PLAIN : kind);
  E *v = F(numbers)(batch * s * e, scores_only ? PLAIN : kind);
  E *dy = F(numbers)(batch * t * e, scores_only ? PLAIN : kind);
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
  E *scores = F(array)(scores_size), *w = F(array)(scores_size), *dw = F(array)(scores_size);
  E *expected[4] = {F(array)(batch * t * e), F(array)(batch * t * d), F(array)(batch * s * d),
                    F(array)(batch * s * e)};
  E *got[4] = {F(array)(batch * t * e), F(array)(batch * t * d), F(array)(batch * s * d),
               F(array)(batch * s * e)};
  E scale = divides ? (E)sqrt((double)(d > 0 ? d : 1)) : (E)0.3;

  const int64_t shape[1] = {scores_size}, once[1] = {1}, repeated[1] = {0};
  attn_binary_op scaling = divides ? ATTN_DIV : ATTN_MUL;
  attn_matmul(DTYPE, batch, t, s, d, q, offsets[0], batch * d, 1, k, offsets[1], 1, batch * d,
              scores, offsets[3], s);
  attn_binary(scaling, DTYPE, 1, shape, once, scores, repeated, &scale, scores);
  if (s > 0)
    attn_softmax(DTYPE, false, batch * t, s, scores, mask == ALL ? NULL : keep,
                 mask == ALL ? NULL : offsets[6], 1, w);
  attn_matmul(DTYPE, batch, t, e, s, w, offsets[3], s, 1, v, offsets[2], v_rs, v_cs, expected[0],
              offsets[4], batch * e);
  attn_matmul(DTYPE, batch, t, s, e, dy, offsets[4], batch * e, 1, v, offsets[2], v_cs, v_rs, dw,
              offsets[3], s);
  if (s > 0) attn_softmax_backward(DTYPE, false, batch * t, s, w, dw, dw);
  attn_binary(scaling, DTYPE, 1, shape, once, dw, repeated, &scale, dw);
  attn_matmul(DTYPE, batch, t, d, s, dw, offsets[3], s, 1, k, offsets[1], batch * d, 1,
              expected[1], offsets[0], batch * d);
  attn_matmul(DTYPE, batch, s, d, t, dw, offsets[3], 1, s, q, offsets[0], batch * d, 1,
              expected[2], offsets[1], batch * d);
  attn_matmul(DTYPE, batch, s, e, t, w, offsets[3], 1, s, dy, offsets[4], batch * e, 1, expected[3],
              offsets[4], batch * e);

  if (mask == BY_ROW)  // one condition a row
    for (int64_t r = 0; r < t; r++) keep[r] = is_kept(mask, 0, r, 0, s, 0);
  E *largest = F(array)(batch * t), *sums = F(array)(batch * t);
  attn_attention_operands operands = {
      .dtype = DTYPE, .batch = batch, .t = t, .s = s, .d = d, .e = e, .q = q, .k = k, .v = v,
      .q_offsets = offsets[0], .k_offsets = offsets[1], .v_offsets = offsets[2],
      .q_rs = batch * d, .q_cs = 1, .k_rs = batch * d, .k_cs = 1, .v_rs = v_rs, .v_cs = v_cs,
      .keep = mask == ALL ? NULL : keep, .keep_offsets = offsets[5],
      .keep_rows = halves ? t / 2 : t, .keep_rs = mask == BY_ROW ? 1 : s, .keep_cs = mask != BY_ROW,
      .divides = divides, .scale = (double)scale};
  attn_row_blocks y = {got[0], offsets[4], batch * e};
  attn_attention(&operands, y, NULL, NULL);
  F(same)("y without its sums", batch * t * e, got[0], expected[0], about);
  attn_attention(&operands, y, largest, sums);
  F(same)("y", batch * t * e, got[0], expected[0], about);
  attn_attention_gradients gradients = {
      .largest = largest, .sums = sums, .dy = {dy, offsets[4], batch * e},
      .dq = {got[1], offsets[0], batch * d}, .dk = {got[2], offsets[1], batch * d},
      .dv = {got[3], offsets[4], batch * e}};
  attn_attention_backward(&operands, &gradients);
  F(same)("dq", batch * t * d, got[1], expected[1], about);
  F(same)("dk", batch * s * d, got[2], expected[2], about);
  F(same)("dv", batch * s * e, got[3], expected[3], about);

  for (int i = 0; i < 4; i++) free(expected[i]), free(got[i]);
  for (int i = 0; i < 7; i++) free(offsets[i]);
  free(q), free(k), free(v), free(dy), free(keep), free(scores), free(w), free(dw), free(largest);
  free(sums);
}
