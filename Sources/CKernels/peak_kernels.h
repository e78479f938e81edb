// What the arithmetic units can do at the most: chains of fused multiply-adds that stay in registers.

void ATTN_KERNEL(attn_fma_chains)(int64_t rounds, float *out) {
  // Enough independent chains to hide the latency of one.
  enum { CHAINS = 12 };
  f32x16 sums[CHAINS];
  f32x16 factor = f32x16_splat(out[0]), term = f32x16_splat(out[1]);
#pragma clang loop unroll(full)
  for (int c = 0; c < CHAINS; c++) sums[c] = f32x16_splat((float)c);
  for (int64_t round = 0; round < rounds; round++)
#pragma clang loop unroll(full)
    for (int c = 0; c < CHAINS; c++) sums[c] = f32x16_fma(factor, sums[c], term);
  f32x16 all = f32x16_splat(0);
#pragma clang loop unroll(full)
  for (int c = 0; c < CHAINS; c++) all += sums[c];
  f32x16_store(out, all);
}
