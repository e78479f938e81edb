// attn_fma_chains on every thread.
#include "include/CKernels.h"
#include "isa.h"
#include "pool.h"

ATTN_DECLARE(void, attn_fma_chains, int64_t rounds, float *out);

static void run_part(void *context, int64_t part) {
  (void)part;
  float out[16] = {0.5f, 1};
  ATTN_PICK(attn_fma_chains)(*(int64_t *)context, out);
  // Keeps the compiler from leaving the work undone.
  if (out[0] == 12345) *(int64_t *)context = 0;
}

double attn_fma_work(int64_t rounds) {
  int64_t threads = attn_thread_count();
  attn_parallel(threads, run_part, &rounds);
  return 2.0 * 12 * 16 * (double)rounds * (double)threads;
}
