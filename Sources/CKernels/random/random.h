// How samples are computed from Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers:
// As Easy as 1, 2, 3", 2011): one table for the kernels and the documentation.
//
// The key is the seed, low word first. A block's counter is {block, low word first; kind; 0}, so
// that samples of different kinds never share a block. The sample at counter d:
//
//   kind                block   words of the block, w[0]...w[3]
//   0 uniform f32       d / 4   (w[d % 4] >> 8) * 2^-24
//   1 uniform f64       d / 2   (pair d % 2 >> 11) * 2^-53
//   2 normal f32        d / 4   u = (w[d % 4 & 2] + 1) * 2^-32, v = w[d % 4 | 1] * 2^-32
//   3 normal f64        d / 2   u = ((pair 0 >> 11) + 1) * 2^-53, v = (pair 1 >> 11) * 2^-53
//   4 integers          d / 2   low + ((pair d % 2) * (high - low) >> 64)
//
// Pair p is w[2p] + w[2p + 1] * 2^32. A normal is sqrt(-2 log u) * cos(2 pi v) for an even d and
// sqrt(-2 log u) * sin(2 pi v) for an odd one, in f64 also where the result is rounded to f32. u is
// never 0, so a normal is finite: at most 6.7 in f32 and 8.6 in f64.
#ifndef ATTN_RANDOM_H
#define ATTN_RANDOM_H

#include <stdint.h>

typedef enum {
  ATTN_UNIFORM_F32 = 0,
  ATTN_UNIFORM_F64 = 1,
  ATTN_NORMAL_F32 = 2,
  ATTN_NORMAL_F64 = 3,
  ATTN_RANDOM_INTEGERS = 4,
} attn_random_kind;

#define ATTN_PHILOX_M0 0xD2511F53u
#define ATTN_PHILOX_M1 0xCD9E8D57u
#define ATTN_PHILOX_W0 0x9E3779B9u
#define ATTN_PHILOX_W1 0xBB67AE85u

#endif
