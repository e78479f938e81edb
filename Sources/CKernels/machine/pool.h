// One pool of threads for every kernel.
#ifndef ATTN_POOL_H
#define ATTN_POOL_H

#include <stdint.h>

// Runs body(context, chunk) for every chunk in 0..<chunks, spread over the caller and the pool's
// workers, and returns when all are done. Any thread may run any chunk, so a body must compute the
// same bits on each: threads split outputs, never a sum.
//
// After cancellation the pool skips the chunks that have not begun. The results are then incomplete,
// and the caller must drop them. A chunk is short, or checks for cancellation itself.
//
// The caller runs all chunks itself when there is one chunk, when attn_thread_count() is 1, inside
// another body (no nesting), and while another host thread holds the pool.
void attn_parallel(int64_t chunks, void (*body)(void *context, int64_t chunk), void *context);

// The number of chunks, 1 to `limit`, for a job of `work` nanoseconds (roughly) in all. It is 1 where
// waking a worker would cost more than it saves, else a few for each thread. For long work, on one
// thread too, it is large enough for the pool to check for cancellation every few milliseconds.
int64_t attn_pieces(int64_t work, int64_t limit);

// The first element of chunk `chunk` when 0..<count is cut into `chunks` on multiples of `grain`.
static inline int64_t attn_piece_start(int64_t count, int64_t chunks, int64_t chunk, int64_t grain) {
  if (chunk >= chunks) return count;
  int64_t grains = (count + grain - 1) / grain;
  int64_t start = (grains / chunks * chunk + grains % chunks * chunk / chunks) * grain;
  return start < count ? start : count;
}

#endif
