// The chunk of the bit contract.
#ifndef ATTN_CHUNK_H
#define ATTN_CHUNK_H

// Elements of a row that are summed in lanes before chunks combine in aligned pairs (docs/numerics.md).
enum { ATTN_CHUNK = 4096 };

#endif
