// What attention_dispatch.c hands to the kernels of attention_kernels.h.
#ifndef ATTN_ATTENTION_H
#define ATTN_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "CKernels.h"

// The most queries of a strip: its scores fit into the second-level cache.
enum { ATTN_ATTENTION_ROWS = 48 };

// The keys that a query keeps: none outside of first..<end; end is 0 where it keeps none.
typedef struct {
  int64_t first, end;
  const uint8_t *keep;  // NULL: every key in between is kept
} attn_attention_row;

// Rows of a matrix as a product reads them, where they are or packed into tiles of columns: rs apart,
// and column c, where it begins a tile, at c * cs.
typedef struct {
  bool packed;
  const void *data;
  int64_t rs, cs;
} attn_attention_rows_of;

// The keys that any query of a tile keeps, and those that all of them keep.
typedef struct {
  int64_t first, end, all_first, all_end;
} attn_attention_reach;

// Queries that are worked on together, and what they keep.
typedef struct {
  int64_t row0, rows;
  int64_t low, high;  // the keys that any of them keeps
  attn_attention_row kept[ATTN_ATTENTION_ROWS];
  attn_attention_reach reach[ATTN_ATTENTION_ROWS / 4];  // tiles have 4 rows or more
} attn_attention_strip;

// What the phases of one block's backward pass share, in the working memory of the thread that
// started it. The buffers, of the operands' type, follow the struct.
typedef struct {
  int64_t block;
  const attn_attention_row *kept;           // NULL: each strip computes its own
  void *keys, *values;                      // k and v transposed: tiles of keys as columns
  attn_attention_rows_of key_rows;
  bool keys_are_finite;
  attn_attention_strip strip;
  attn_attention_rows_of queries, slopes;   // the strip's rows of q and dy
  bool is_finite;                           // the keys and the strip's q and dy
  int64_t touched;                          // dk and dv from this key on are still 0
  void *packed_keys, *packed_queries, *packed_slopes;
  void *weights, *scores;   // the strip: w, and dw that becomes the gradient of the scores
  int64_t strip_rs;
} attn_attention_state;

typedef enum {
  ATTN_ATTENTION_PACK,     // keys j0..<j1 of the block
  ATTN_ATTENTION_STRIP,    // the strip of rows i0..<i1 is begun; not to be split
  ATTN_ATTENTION_WEIGHTS,  // w and dw of keys j0..<j1
  ATTN_ATTENTION_QUERIES,  // the gradient of the scores, and dq, of rows i0..<i1 of the strip
  ATTN_ATTENTION_KEYS,     // the strip's terms of dk and dv for keys j0..<j1
} attn_attention_phase;

#endif
