// Each thread's working memory, given back when the thread ends.
#include "scratch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

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
  void *room = attn_try_scratch(bytes);
  if (room == NULL) {
    fprintf(stderr, "attn: no memory for %zu bytes of working space\n", bytes);
    abort();
  }
  return room;
}
