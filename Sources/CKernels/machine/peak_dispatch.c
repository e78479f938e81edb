// attn_fma_chains on every thread.
#include "CKernels.h"
#include "isa.h"
#include "pool.h"

ATTN_DECLARE(double, attn_fma_chains, int64_t rounds, float *out);

typedef struct {
  int64_t rounds;
  double work; // of one thread
} FMARun;

static void run_task(void *context, int64_t task) {
  FMARun *run = context;
  float out[16] = {0.5f, 1};
  double work = ATTN_PICK(attn_fma_chains)(run->rounds, out);
  // Reading a result keeps the compiler from removing the work.
  if (task == 0) run->work = out[0] == 12345 ? 0 : work;
}

double attn_fma_work(int64_t rounds) {
  int64_t threads = attn_thread_count();
  FMARun run = {.rounds = rounds};
  attn_parallel(threads, run_task, &run);
  return run.work * (double)threads;
}
