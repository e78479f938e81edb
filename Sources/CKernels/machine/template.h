// Names for the files that are included once per element type.
#ifndef ATTN_TEMPLATE_H
#define ATTN_TEMPLATE_H

#define ATTN_PASTE_(a, b) a##b
#define ATTN_PASTE(a, b) ATTN_PASTE_(a, b)
// ATTN_ISA(name) where the name is itself made by a macro.
#define ATTN_KERNEL(name) ATTN_ISA(name)

#endif
