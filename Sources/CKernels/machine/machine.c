// Which instruction set the kernels use, and how many threads.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif


#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "CKernels.h"
#include "machine.h"

enum { NOT_KNOWN = -1, MOST_THREADS = 256 };

static _Atomic int32_t isa_in_use = NOT_KNOWN;
static _Atomic int32_t threads_in_use = NOT_KNOWN;
static _Atomic int32_t cores = NOT_KNOWN;

_Atomic int attn_stop_reasons = 0;

static void set_reason(int reason, bool is_set) {
  if (is_set) atomic_fetch_or_explicit(&attn_stop_reasons, reason, memory_order_relaxed);
  else atomic_fetch_and_explicit(&attn_stop_reasons, ~reason, memory_order_relaxed);
}

static bool has_reason(int reason) {
  return atomic_load_explicit(&attn_stop_reasons, memory_order_relaxed) & reason;
}

void attn_request_stop(bool stop) { set_reason(ATTN_STOP_REQUESTED, stop); }
bool attn_is_stop_requested(void) { return has_reason(ATTN_STOP_REQUESTED); }
bool attn_must_look(void) { return attn_should_stop(); }
void attn_record_no_memory(void) { set_reason(ATTN_STOP_NO_MEMORY, true); }
bool attn_take_no_memory(void) {
  bool was = has_reason(ATTN_STOP_NO_MEMORY);
  if (was) set_reason(ATTN_STOP_NO_MEMORY, false);
  return was;
}

attn_isa attn_best_isa(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return ATTN_ISA_BASELINE;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    return ATTN_ISA_AVX512;
  return ATTN_ISA_AVX2;
#else
  return ATTN_ISA_BASELINE;
#endif
}

attn_isa attn_current_isa(void) {
  int32_t isa = atomic_load_explicit(&isa_in_use, memory_order_relaxed);
  if (isa == NOT_KNOWN) {
    // Two threads that come here at once find the same answer.
    isa = (int32_t)attn_best_isa();
    atomic_store_explicit(&isa_in_use, isa, memory_order_relaxed);
  }
  return (attn_isa)isa;
}

bool attn_use_isa(attn_isa isa) {
  // Each set includes the ones before it.
  if (isa < ATTN_ISA_BASELINE || isa > attn_best_isa()) return false;
  atomic_store_explicit(&isa_in_use, (int32_t)isa, memory_order_relaxed);
  return true;
}

int32_t attn_core_count(void) {
  int32_t count = atomic_load_explicit(&cores, memory_order_relaxed);
  if (count != NOT_KNOWN) return count;
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) count = CPU_COUNT(&allowed);
#endif
  if (count < 1) count = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
  if (count < 1) count = 1;
  atomic_store_explicit(&cores, count, memory_order_relaxed);
  return count;
}

int32_t attn_thread_count(void) {
  int32_t count = atomic_load_explicit(&threads_in_use, memory_order_relaxed);
  if (count == NOT_KNOWN) {
    count = attn_core_count();
    if (count > MOST_THREADS) count = MOST_THREADS;
    atomic_store_explicit(&threads_in_use, count, memory_order_relaxed);
  }
  return count;
}

void attn_use_threads(int32_t count) {
  if (count < 1) count = 1;
  if (count > MOST_THREADS) count = MOST_THREADS;
  atomic_store_explicit(&threads_in_use, count, memory_order_relaxed);
}
