// Kernels exist once for each instruction set, as name_baseline, name_avx2 and name_avx512. This
// declares the three and picks the one in use.
#ifndef ATTN_ISA_H
#define ATTN_ISA_H

#include "CKernels.h"

#if defined(__x86_64__)
#define ATTN_DECLARE(result, name, ...) \
  result name##_baseline(__VA_ARGS__);  \
  result name##_avx2(__VA_ARGS__);      \
  result name##_avx512(__VA_ARGS__)
#define ATTN_PICK(name)                                       \
  (attn_current_isa() == ATTN_ISA_AVX512 ? name##_avx512      \
   : attn_current_isa() == ATTN_ISA_AVX2 ? name##_avx2        \
                                         : name##_baseline)
#else
#define ATTN_DECLARE(result, name, ...) result name##_baseline(__VA_ARGS__)
#define ATTN_PICK(name) name##_baseline
#endif

#endif
