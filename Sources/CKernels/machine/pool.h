// One pool of threads for every kernel.
#ifndef ATTN_POOL_H
#define ATTN_POOL_H

#include <stdint.h>

// Runs body(context, part) for every part in 0..<parts, spread over the caller and the pool's
// workers, and returns when all are done. Who runs which part is left open, so a body must compute
// the same bits whoever calls it: threads split outputs, never a sum.
//
// Once a stop has been requested, parts that have not begun are left out: what a loop has written
// is of no use then, and nobody may see it. Parts are short, or look at the request themselves.
//
// Runs everything in the caller when there is one part, when attn_thread_count() is 1, inside
// another body (no nesting), and while another host thread holds the pool.
void attn_parallel(int64_t parts, void (*body)(void *context, int64_t part), void *context);

// How many pieces, `limit` at most, to make of a job whose whole work is `work` in units of roughly a
// nanosecond: 1 where waking a worker would cost more than it saves, else a few for each thread, and
// for long work as many as let a request to stop be heard in time, on one thread too.
int64_t attn_pieces(int64_t work, int64_t limit);

// The first element of piece `part` of `parts` pieces of 0..<count, on a multiple of `grain`.
static inline int64_t attn_piece_start(int64_t count, int64_t parts, int64_t part, int64_t grain) {
  if (part >= parts) return count;
  int64_t grains = (count + grain - 1) / grain;
  int64_t start = (grains / parts * part + grains % parts * part / parts) * grain;
  return start < count ? start : count;
}

#endif
