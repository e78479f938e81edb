// One pool of threads for every kernel.
#ifndef ATTN_POOL_H
#define ATTN_POOL_H

#include <stdint.h>

// Runs body(context, task) for every task in 0..<tasks, spread over the caller and the pool's
// workers, and returns when all are done. Any thread may run any task, so a body must compute the
// same bits on each: threads split outputs, never a sum.
//
// After cancellation the pool skips the tasks that have not begun. The results are then incomplete,
// and the caller must drop them. A task is short, or checks for cancellation itself.
//
// The caller runs all tasks itself when there is one task, when attn_thread_count() is 1, inside
// another body (no nesting), and while another host thread holds the pool.
void attn_parallel(int64_t tasks, void (*body)(void *context, int64_t task), void *context);

// The number of tasks, 1 to `limit`, for a job of `work` nanoseconds (roughly) in all. It is 1 where
// waking a worker would cost more than it saves, else a few for each thread. For long work, on one
// thread too, it is large enough for the pool to check for cancellation every few milliseconds.
int64_t attn_tasks(int64_t work, int64_t limit);

// The first element of task `task` when 0..<count is cut into `tasks` on multiples of `grain`.
static inline int64_t attn_task_start(int64_t count, int64_t tasks, int64_t task, int64_t grain) {
  if (task >= tasks) return count;
  int64_t grains = (count + grain - 1) / grain;
  int64_t start = (grains / tasks * task + grains % tasks * task / tasks) * grain;
  return start < count ? start : count;
}

#endif
