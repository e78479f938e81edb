// Each thread's working memory, freed when the thread ends.
#include "scratch.h"

#include <pthread.h>
#include <stdlib.h>

#include "machine.h"

static _Thread_local void *held;
static _Thread_local size_t held_bytes;

static pthread_key_t at_thread_end;
static pthread_once_t key_made = PTHREAD_ONCE_INIT;

static void make_key(void) { (void)pthread_key_create(&at_thread_end, free); }

void *attn_try_scratch(size_t bytes) {
  if (bytes <= held_bytes) return held;
  pthread_once(&key_made, make_key);
  // A quarter more than asked for, so that slowly growing demands do not allocate each time.
  size_t size = (bytes + bytes / 4 + 4095) / 4096 * 4096;
  free(held);
  held = aligned_alloc(64, size);
  held_bytes = held == NULL ? 0 : size;
  pthread_setspecific(at_thread_end, held);
  return held;
}

void *attn_scratch(size_t bytes) {
  void *memory = attn_try_scratch(bytes);
  if (memory == NULL) attn_record_no_memory();
  return memory;
}
