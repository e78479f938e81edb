// The pool: workers that claim tasks from one counter, spin a short while for the next loop and
// then sleep.
//
// The host, the thread that calls attn_parallel, publishes a loop by storing its task count in
// `unclaimed`. A claim is one fetch-and-subtract on it. The thread that gets a positive ticket runs
// that task, and since the host cannot return before every task is finished, body and context
// cannot change under it. A late worker gets a ticket of zero or less and touches nothing else, so
// the host need not wait for any worker in particular.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "CKernels.h"
#include "machine.h"

enum {
  MOST_WORKERS = 255,
  SPIN_NANOSECONDS = 60000,  // about the pause between two loops of a training step
  PAUSES_PER_LOOK = 32,
  YIELDS_WHEN_CROWDED = 8,
  WORTH_WAKING = 12000,      // nanoseconds of work below which one thread is quicker
  LONGEST_TASK = 1000000,   // nanoseconds of work, which may take several times as long
};

// Each on its own cache line: workers poll the first, and every task writes the second.
static _Alignas(64) _Atomic int64_t unclaimed;
static _Alignas(64) _Atomic int64_t unfinished;
static _Alignas(64) _Atomic int32_t sleepers;
static _Atomic bool host_sleeps;
static _Atomic int32_t active_workers;  // workers with a greater index leave the loop alone
static _Atomic int32_t host_core;

static struct {
  void (*body)(void *context, int64_t task);
  void *context;
  int64_t tasks;
} loop;

static pthread_mutex_t host_lock = PTHREAD_MUTEX_INITIALIZER;  // held for a whole loop
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t loop_published = PTHREAD_COND_INITIALIZER;
static pthread_cond_t loop_finished = PTHREAD_COND_INITIALIZER;
static int32_t worker_count;            // under host_lock
static bool fork_handler_set;           // under host_lock
static _Thread_local bool inside_body;

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Spins until `counter` is positive (or, for `until_zero`, no longer positive); false after
// SPIN_NANOSECONDS. With more threads than cores a spinning thread only keeps a working one from its core.
static bool spin(_Atomic int64_t *counter, bool until_zero) {
#define ATTN_ARRIVED ((atomic_load_explicit(counter, memory_order_acquire) > 0) != until_zero)
  if (attn_thread_count() > attn_core_count()) {
    for (int i = 0; i < YIELDS_WHEN_CROWDED; i++) {
      if (ATTN_ARRIVED) return true;
      sched_yield();
    }
    return ATTN_ARRIVED;
  }
  int64_t deadline = 0;
  for (;;) {
    for (int i = 0; i < PAUSES_PER_LOOK; i++) {
      if (ATTN_ARRIVED) return true;
      pause_briefly();
    }
    int64_t now = nanoseconds();
    if (deadline == 0) deadline = now + SPIN_NANOSECONDS;
    if (now > deadline) return false;
  }
#undef ATTN_ARRIVED
}

// Claims and runs tasks until none is left. After cancellation it skips the bodies.
static void work(void) {
  while (atomic_load_explicit(&unclaimed, memory_order_acquire) > 0) {
    int64_t ticket = atomic_fetch_sub_explicit(&unclaimed, 1, memory_order_acq_rel);
    if (ticket <= 0) return;
    if (!attn_should_stop()) loop.body(loop.context, loop.tasks - ticket);
    if (atomic_fetch_sub(&unfinished, 1) == 1 && atomic_load(&host_sleeps)) {
      pthread_mutex_lock(&sleep_lock);
      pthread_cond_signal(&loop_finished);
      pthread_mutex_unlock(&sleep_lock);
    }
  }
}

static int32_t this_core(void) {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// A scheduler that sees no cache shared between cores (as in some virtual machines) wakes a worker
// where it slept, even if that is now the host's core, and leaves it there for many milliseconds,
// while the two alternate or the worker only waits. Forbidding that core for a moment moves it.
#if defined(__linux__)
static struct {
  pid_t thread;
  int32_t core;    // where it went to sleep; -1: awake
  bool forbidden;  // that core, by the host, until the worker wakes
} nap[MOST_WORKERS];       // under sleep_lock
static cpu_set_t allowed;  // the host's cores, for a worker to go back to; under sleep_lock

static bool all_but(int32_t core, cpu_set_t *all, cpu_set_t *others) {
  if (attn_thread_count() > attn_core_count()) return false;
  if (core < 0 || core >= CPU_SETSIZE || sched_getaffinity(0, sizeof *all, all) != 0) return false;
  *others = *all;
  CPU_CLR((size_t)core, others);
  return CPU_COUNT(others) > 0;
}

// The host calls this under sleep_lock, before it wakes the workers.
static void clear_core_of_host(int32_t core) {
  cpu_set_t others;
  bool known = false;
  for (int32_t i = 0; i < worker_count; i++) {
    if (nap[i].core != core || nap[i].thread == 0) continue;
    if (!known && !all_but(core, &allowed, &others)) return;
    known = true;
    nap[i].forbidden = sched_setaffinity(nap[i].thread, sizeof others, &others) == 0;
  }
}

// A worker calls this when it begins to work on a loop.
static void leave_core_of_host(void) {
  cpu_set_t all, others;
  int32_t core = this_core();
  if (core == atomic_load_explicit(&host_core, memory_order_relaxed) &&
      all_but(core, &all, &others) && sched_setaffinity(0, sizeof others, &others) == 0)
    (void)sched_setaffinity(0, sizeof all, &all);
}

// A worker calls these under sleep_lock, before and after it sleeps.
static void fall_asleep(int32_t index) {
  nap[index].thread = gettid();
  nap[index].core = this_core();
}
static void wake_up(int32_t index) {
  nap[index].core = -1;
  if (nap[index].forbidden) (void)sched_setaffinity(0, sizeof allowed, &allowed);
  nap[index].forbidden = false;
}
#else
static void clear_core_of_host(int32_t core) { (void)core; }
static void leave_core_of_host(void) {}
static void fall_asleep(int32_t index) { (void)index; }
static void wake_up(int32_t index) { (void)index; }
#endif

static void *worker(void *argument) {
  int32_t index = (int32_t)(intptr_t)argument;
  inside_body = true;
  for (;;) {
    bool wanted = index < atomic_load_explicit(&active_workers, memory_order_relaxed);
    if (wanted && spin(&unclaimed, false)) {
      leave_core_of_host();
      work();
      continue;
    }
    // `sleepers` goes up before the last look at `unclaimed`, and the host looks at `sleepers`
    // after it has stored `unclaimed`: one of the two sees the other.
    pthread_mutex_lock(&sleep_lock);
    fall_asleep(index);
    atomic_fetch_add(&sleepers, 1);
    // One wait and no more: a worker that wakes too late for this loop spins for the next.
    if (atomic_load(&unclaimed) <= 0 || index >= atomic_load(&active_workers))
      pthread_cond_wait(&loop_published, &sleep_lock);
    atomic_fetch_sub(&sleepers, 1);
    wake_up(index);
    pthread_mutex_unlock(&sleep_lock);
    if (index >= atomic_load(&active_workers)) continue;
    leave_core_of_host();
    work();
  }
  return NULL;
}

// A child of fork has the calling thread only: it resets the pool and hires its own workers later.
static void forget_pool(void) {
#if defined(__linux__)
  memset(nap, 0, sizeof nap);
#endif
  worker_count = 0;
  atomic_store(&unclaimed, 0);
  atomic_store(&unfinished, 0);
  atomic_store(&sleepers, 0);
  atomic_store(&host_sleeps, false);
  atomic_store(&active_workers, 0);
  pthread_mutex_init(&host_lock, NULL);
  pthread_mutex_init(&sleep_lock, NULL);
  pthread_cond_init(&loop_published, NULL);
  pthread_cond_init(&loop_finished, NULL);
}

static void hire(int32_t wanted) {
  if (!fork_handler_set) fork_handler_set = pthread_atfork(NULL, NULL, forget_pool) == 0;
  // The host handles signals: a worker inherits a mask that blocks them all.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (worker_count < wanted) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker, (void *)(intptr_t)worker_count) != 0) break;
    pthread_detach(thread);
    worker_count++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void attn_parallel(int64_t tasks, void (*body)(void *context, int64_t task), void *context) {
  int32_t workers = attn_thread_count() - 1;
  if (tasks <= 1 || workers <= 0 || inside_body || pthread_mutex_trylock(&host_lock) != 0) {
    for (int64_t task = 0; task < tasks && !attn_should_stop(); task++) body(context, task);
    return;
  }
  if (workers > MOST_WORKERS) workers = MOST_WORKERS;
  if (worker_count < workers) hire(workers);
  loop.body = body;
  loop.context = context;
  loop.tasks = tasks;
  atomic_store_explicit(&active_workers, workers, memory_order_relaxed);
  int32_t core = this_core();
  atomic_store_explicit(&host_core, core, memory_order_relaxed);
  atomic_store_explicit(&unfinished, tasks, memory_order_relaxed);
  atomic_store(&unclaimed, tasks);
  if (atomic_load(&sleepers) > 0) {
    pthread_mutex_lock(&sleep_lock);
    clear_core_of_host(core);
    pthread_cond_broadcast(&loop_published);
    pthread_mutex_unlock(&sleep_lock);
  }
  inside_body = true;
  work();
  inside_body = false;
  if (!spin(&unfinished, true)) {
    pthread_mutex_lock(&sleep_lock);
    atomic_store(&host_sleeps, true);
    while (atomic_load(&unfinished) > 0) pthread_cond_wait(&loop_finished, &sleep_lock);
    atomic_store(&host_sleeps, false);
    pthread_mutex_unlock(&sleep_lock);
  }
  pthread_mutex_unlock(&host_lock);
}

int64_t attn_tasks(int64_t work, int64_t limit) {
  int64_t threads = attn_thread_count(), tasks = 1;
  if (threads > 1 && work >= 2 * WORTH_WAKING) {
    tasks = work / WORTH_WAKING;
    if (tasks > 4 * threads) tasks = 4 * threads;
  }
  if (tasks < work / LONGEST_TASK) tasks = work / LONGEST_TASK;
  if (tasks > limit) tasks = limit;
  return tasks > 1 ? tasks : 1;
}
