// The peak of the arithmetic units: chains of fused multiply-adds that stay in registers.

// Enough independent chains to hide the latency of one, and few enough to leave `factor` and `term` a
// register: 12 of 32 registers for AVX-512, 12 of 16 for AVX2 (two to a chain), 24 of 32 for NEON (four).
#if ATTN_LEVEL == 2
enum { FMA_CHAINS = 12 };
#else
enum { FMA_CHAINS = 6 };
#endif

// Runs `rounds` links of every chain; returns the floating-point operations, two for a multiply-add.
double ATTN_KERNEL(attn_fma_chains)(int64_t rounds, float *out) {
  f32x16 sums[FMA_CHAINS];
  f32x16 factor = f32x16_splat(out[0]), term = f32x16_splat(out[1]);
#pragma clang loop unroll(full)
  for (int c = 0; c < FMA_CHAINS; c++) sums[c] = f32x16_splat((float)c);
  for (int64_t round = 0; round < rounds; round++)
#pragma clang loop unroll(full)
    for (int c = 0; c < FMA_CHAINS; c++) sums[c] = f32x16_fma(factor, sums[c], term);
  f32x16 all = f32x16_splat(0);
#pragma clang loop unroll(full)
  for (int c = 0; c < FMA_CHAINS; c++) all += sums[c];
  f32x16_store(out, all);
  return 2.0 * 16 * FMA_CHAINS * (double)rounds;
}
