// The face of attn's kernels: plain loops over plain buffers.
//
// No function here knows a shape rule, allocates a result or decides a policy: the Swift module
// `Tensors` does, and is the only caller. Strides count elements, not bytes. Outputs are
// contiguous unless strides for them are given, and never overlap an input unless said so.
//
// The bit contract (docs/numerics.md): the same inputs give the same bits with every instruction
// set and any number of threads. What fixes the order of operations is said at each function.
#ifndef ATTN_CKERNELS_H
#define ATTN_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elementwise_functions.h"

typedef enum {
  ATTN_F32 = 0,
  ATTN_F64 = 1,
  ATTN_I32 = 2,
  ATTN_I64 = 3,
  ATTN_BOOL = 4,  // one byte, 0 or 1
} attn_dtype;

// MARK: Machine

typedef enum {
  ATTN_ISA_BASELINE = 0,  // portable C (on aarch64 the compiler's NEON)
  ATTN_ISA_AVX2 = 1,
  ATTN_ISA_AVX512 = 2,
} attn_isa;

// The best instruction set that this machine has; the one in use at start.
attn_isa attn_best_isa(void);
// The cores that this process may use.
int32_t attn_core_count(void);
attn_isa attn_current_isa(void);
// False, and no change, when the machine does not have it.
bool attn_use_isa(attn_isa isa);
// Threads that a large kernel spreads over: 1 to 256; at start the number of cores that this process may use.
void attn_use_threads(int32_t count);
int32_t attn_thread_count(void);

// Requests cancellation, from any thread or a signal handler. A running kernel returns within a few
// milliseconds. What it has written, and what it returns, is then undefined: the caller checks for
// cancellation before it looks at either.
void attn_request_stop(bool stop);
bool attn_is_stop_requested(void);
// Whether a kernel was cancelled, for either reason: behind each one its caller looks.
bool attn_must_look(void);
// Whether a kernel had no memory to work in since the last time that this was asked. What it has written is
// of no use then.
bool attn_take_no_memory(void);

// MARK: Elementwise

// Swift sees these as enums of its own, whose cases have the names in brackets.
#define ATTN_SWIFT_NAME_(name) __attribute__((swift_name(#name)))
#define ATTN_SWIFT_NAME(name) ATTN_SWIFT_NAME_(name)
#define ATTN_CLOSED_ENUM(name) enum __attribute__((enum_extensibility(closed), swift_name(#name)))

typedef ATTN_CLOSED_ENUM(UnaryFunction) attn_unary_op {
  // Every number dtype
  ATTN_NEG ATTN_SWIFT_NAME(negate),
  ATTN_ABS ATTN_SWIFT_NAME(abs),
  ATTN_SIGN ATTN_SWIFT_NAME(sign),
  // bool
  ATTN_NOT ATTN_SWIFT_NAME(not),
  // Float dtypes only, from here on
#define ROW(NAME, name, ...) ATTN_##NAME ATTN_SWIFT_NAME(name),
  ATTN_FLOAT_FUNCTIONS(ROW, ROW)
#undef ROW
} attn_unary_op;

typedef ATTN_CLOSED_ENUM(BinaryFunction) attn_binary_op {
  ATTN_ADD ATTN_SWIFT_NAME(add),
  ATTN_SUB ATTN_SWIFT_NAME(subtract),
  ATTN_MUL ATTN_SWIFT_NAME(multiply),
  ATTN_DIV ATTN_SWIFT_NAME(divide),  // floats only
  // Floor semantics: the sign of the right operand
  ATTN_FLOORDIV ATTN_SWIFT_NAME(floorDivide),
  ATTN_MOD ATTN_SWIFT_NAME(remainder),
  ATTN_POW ATTN_SWIFT_NAME(power),  // floats; integers with exponents of 0 and more
  // NaN propagates, -0 < +0
  ATTN_MAX ATTN_SWIFT_NAME(maximum),
  ATTN_MIN ATTN_SWIFT_NAME(minimum),
  // bool
  ATTN_AND ATTN_SWIFT_NAME(and),
  ATTN_OR ATTN_SWIFT_NAME(or),
  // Derivatives in one pass, floats only. The right operand is dy; the left is x or y, as the function's row says.
#define NONE(...)
#define ROW(NAME, name, ...) ATTN_##NAME##_GRAD ATTN_SWIFT_NAME(name##Gradient),
  ATTN_FLOAT_FUNCTIONS(NONE, ROW)
#undef ROW
#undef NONE
} attn_binary_op;

// How many there are: they are numbered from 0.
#define ATTN_ONE(...) +1
#define ATTN_NONE(...)
enum {
  ATTN_UNARY_COUNT = 4 ATTN_FLOAT_FUNCTIONS(ATTN_ONE, ATTN_ONE),
  ATTN_BINARY_COUNT = 11 ATTN_FLOAT_FUNCTIONS(ATTN_NONE, ATTN_ONE),
};
// `exp`, `add`, `tanhGradient`: what Swift calls them.
const char *attn_unary_name(attn_unary_op op);
const char *attn_binary_name(attn_binary_op op);

typedef enum {
  ATTN_EQ, ATTN_NE, ATTN_LT, ATTN_LE, ATTN_GT, ATTN_GE,
} attn_compare_op;

typedef enum {
  ATTN_OK = 0,
  ATTN_OVERFLOW = 1,        // an integer result does not fit
  ATTN_DIVISION_BY_ZERO = 2,
  ATTN_NEGATIVE_POWER = 3,  // an integer raised to a negative power
  ATTN_OUT_OF_RANGE = 4,    // an index outside its axis: *position says which
} attn_status;

// y[i] = op(x[i]) for n contiguous elements; y may be x. Integer NEG and ABS report overflow.
attn_status attn_unary(attn_unary_op op, attn_dtype dtype, int64_t n, const void *x, void *y);

// y = op(a, b) over an index space of `rank` axes (0 to 16); y is contiguous in row-major order,
// a and b are read at their strides, where 0 repeats an element along that axis.
attn_status attn_binary(attn_binary_op op, attn_dtype dtype, int32_t rank, const int64_t *shape,
                        const int64_t *a_strides, const void *a,
                        const int64_t *b_strides, const void *b, void *y);
void attn_compare(attn_compare_op op, attn_dtype dtype, int32_t rank, const int64_t *shape,
                  const int64_t *a_strides, const void *a,
                  const int64_t *b_strides, const void *b, uint8_t *y);
// y = c ? a : b, by selection.
void attn_select(attn_dtype dtype, int32_t rank, const int64_t *shape,
                 const int64_t *c_strides, const uint8_t *c,
                 const int64_t *a_strides, const void *a,
                 const int64_t *b_strides, const void *b, void *y);
// A fused elementwise graph in one pass over n elements of a float dtype. A slot is an operand or a result:
// `period` is n, or 1 for one element that repeats, or the length of a row that repeats; without a
// pointer it holds what only later steps read. At most 64 slots.
typedef struct {
  void *pointer;
  int64_t period;
} attn_chain_slot;
// slots[y] = op(slots[a]), or op(slots[a], slots[b]) where b is not negative.
typedef struct {
  int32_t op, a, b, y;
} attn_chain_step;
void attn_chain(attn_dtype dtype, int64_t n, int32_t slot_count, const attn_chain_slot *slots,
                int32_t step_count, const attn_chain_step *steps);

// y[i] = (to) x[i] for n contiguous elements. A float going to an integer dtype is truncated
// towards zero; one that does not fit (NaN, infinities) gives ATTN_OVERFLOW. To bool: x != 0.
attn_status attn_cast(attn_dtype from, attn_dtype to, int64_t n, const void *x, void *y);
// Copies a strided index space to a strided one.
void attn_copy(int32_t item_size, int32_t rank, const int64_t *shape,
               const int64_t *x_strides, const void *x, const int64_t *y_strides, void *y);
// y[i] = *value
void attn_fill(int32_t item_size, int64_t n, const void *value, void *y);
// y[i] = start + i * step (i64)
void attn_range(int64_t n, int64_t start, int64_t step, int64_t *y);

// The same functions for one number, the same bits as in an f64 tensor. Any op of the float group.
double attn_unary_scalar(attn_unary_op op, double x);
double attn_pow_scalar(double x, double y);

// MARK: Reductions

typedef enum {
  ATTN_SUM, ATTN_PROD,               // number dtypes
  ATTN_REDUCE_MAX, ATTN_REDUCE_MIN,  // NaN propagates, -0 < +0; bool allowed
  ATTN_ANY, ATTN_ALL,                // bool
  ATTN_LOGSUMEXP,                    // floats; -inf for nothing or for all -inf
} attn_reduce_op;

typedef enum {
  ATTN_LANES,      // 16 virtual lanes, halving tree, fixed chunks combined in aligned pairs
  ATTN_ASCENDING,  // one accumulator
} attn_order;

// x is [outer, n, inner], y is [outer, inner]. n may be 0: sum 0, prod 1, max -inf (or the dtype's
// least), min +inf (greatest), any false, all true. LANES holds for any `inner`: element i of the
// reduced axis goes into lane i mod 16, whatever inner is. Integers report overflow of SUM and PROD.
attn_status attn_reduce(attn_reduce_op op, attn_dtype dtype, attn_order order,
                        int64_t outer, int64_t n, int64_t inner, const void *x, void *y);
// A reduction fused behind an elementwise graph: y[r] is the reduction, in LANES, of row r of
// the last step's result, which is not written. ATTN_SUM, ATTN_PROD, ATTN_REDUCE_MAX or ATTN_REDUCE_MIN
// over rows of n > 0 elements. `room` holds as many elements as attn_chain_room says.
void attn_chain_reduce(attn_reduce_op op, attn_dtype dtype, int64_t rows, int64_t n, int32_t slot_count,
                       const attn_chain_slot *slots, int32_t step_count, const attn_chain_step *steps,
                       void *room, void *y);
int64_t attn_chain_room(int64_t rows, int64_t n);
// The position of the largest (smallest) element, the first of equals; NaN wins. n is at least 1.
void attn_arg_reduce(bool largest, attn_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                     const void *x, int64_t *y);
// y[o, i, j] = sum of x[o, 0...i, j] ascending (with `reverse`: of x[o, i..<n, j], from the end).
attn_status attn_cumsum(bool reverse, attn_dtype dtype, int64_t outer, int64_t n, int64_t inner,
                        const void *x, void *y);
// Stable order of each row of [rows, n]: positions, not values. NaN counts as the largest. work:
// work_bytes, which is what attn_sort_work said, aligned to 16, or NULL where it said 0.
void attn_sort_positions(bool descending, attn_dtype dtype, int64_t rows, int64_t n,
                         const void *x, int64_t *positions, void *work, size_t work_bytes);
size_t attn_sort_work(int64_t rows, int64_t n);

// MARK: Rows (float dtypes; a row is n contiguous elements; every sum over a row is in LANES)

// keep: NULL, or the mask of row r starts at keep + keep_offsets[r] and has stride keep_stride
// (0 or 1). An element that is not kept is ignored and gets 0 (log: -inf); a row with none kept is all 0
// (log: all -inf). Largest value kept, then exp(x - largest) / sum.
void attn_softmax(attn_dtype dtype, bool log, int64_t rows, int64_t n, const void *x,
                  const uint8_t *keep, const int64_t *keep_offsets, int32_t keep_stride, void *y);
// dx = y * (dy - sum(y * dy)); log: dx = dy - exp(y) * sum(dy). Zero where y is 0 (log: -inf).
void attn_softmax_backward(attn_dtype dtype, bool log, int64_t rows, int64_t n,
                           const void *y, const void *dy, void *dx);
// y = (x - mean) * rstd * weight + bias, rstd = 1 / sqrt(mean((x - mean)^2) + epsilon).
// weight and bias are [n] or NULL. With rms: the mean is taken as 0. mean, rstd: [rows], written, or NULL.
void attn_layer_norm(attn_dtype dtype, bool rms, int64_t rows, int64_t n, double epsilon,
                     const void *x, const void *weight, const void *bias,
                     void *y, void *mean, void *rstd);
// dweight and dbias ([n] or NULL) sum over the rows, ascending; dx may be NULL.
void attn_layer_norm_backward(attn_dtype dtype, bool rms, int64_t rows, int64_t n,
                              const void *x, const void *weight, const void *mean,
                              const void *rstd, const void *dy,
                              void *dx, void *dweight, void *dbias);
// losses[r] = logsumexp(x[r]) - (1 - smoothing) * x[r, target] - smoothing * mean(x[r]); 0 where the
// target is `ignore` (pass INT64_MIN for none). lse: [rows], written. A target outside 0..<n gives
// ATTN_OUT_OF_RANGE and its row in *position.
attn_status attn_cross_entropy(attn_dtype dtype, int64_t rows, int64_t n, const void *x,
                               const int64_t *targets, int64_t ignore, double smoothing,
                               void *losses, void *lse, int64_t *position);
// dx[r] = (exp(x[r] - lse[r]) - target weights) * scale[r * scale_stride]; 0 in an ignored row.
void attn_cross_entropy_backward(attn_dtype dtype, int64_t rows, int64_t n, const void *x,
                                 const int64_t *targets, int64_t ignore, double smoothing,
                                 const void *lse, const void *scale, int64_t scale_stride,
                                 void *dx);

// MARK: Products

// c[p][i][j] = sum over k, ascending, of fma(a[p][i][k], b[p][k][j]): one accumulator that starts at
// 0 for each element. Block p of an operand starts at its base plus offsets[p]; rs and cs are the
// strides of rows and columns. c's columns are contiguous, its rows c_rs apart. k may be 0.
// Float dtypes, and i32/i64 (which wrap; overflow is reported).
attn_status attn_matmul(attn_dtype dtype, int64_t batch, int64_t m, int64_t n, int64_t k,
                        const void *a, const int64_t *a_offsets, int64_t a_rs, int64_t a_cs,
                        const void *b, const int64_t *b_offsets, int64_t b_rs, int64_t b_cs,
                        void *c, const int64_t *c_offsets, int64_t c_rs);

// MARK: Attention

// `batch` blocks of attention, f32 or f64: q is [t, d], k [s, d], v [s, e] in each. Block b of an operand
// starts at its base plus its offsets[b]; rs and cs are the strides of rows and columns. `keep` has a row
// of s for each of the batch * t queries, true where it sees a key, in blocks of keep_rows rows:
// block b of its own starts at keep_offsets[b], rows are keep_rs apart and columns 1, or 0 for one
// bool a row; it is NULL where everything is kept.
typedef struct {
  attn_dtype dtype;
  int64_t batch, t, s, d, e;
  const void *q, *k, *v;
  const int64_t *q_offsets, *k_offsets, *v_offsets;
  int64_t q_rs, q_cs, k_rs, k_cs, v_rs, v_cs;
  const uint8_t *keep;
  const int64_t *keep_offsets;
  int64_t keep_rows, keep_rs, keep_cs;
  bool divides;  // scores are divided by `scale` (above 0 and finite), else multiplied
  double scale;  // a number of the dtype
} attn_attention_operands;

// A matrix for each block, which starts at data plus offsets[block]: rows rs apart, whose elements are
// contiguous.
typedef struct {
  void *data;
  const int64_t *offsets;
  int64_t rs;
} attn_row_blocks;

// y = softmax(scaled(q kT), kept) v, [t, e] in each block: the bits of attn_matmul, attn_binary,
// attn_softmax and attn_matmul one after the other, of which only a strip exists at a time. largest
// and sums, [batch, t], receive what the gradient reads, or are NULL. All are of the operands' dtype.
void attn_attention(const attn_attention_operands *operands, attn_row_blocks y, void *largest,
                    void *sums);

// The gradients for dy, which is [t, e] in each block: dq [t, d], dk [s, d] and dv [s, e], with the
// bits of the gradients of the same four.
typedef struct {
  const void *largest, *sums;
  attn_row_blocks dy;  // only read
  attn_row_blocks dq, dk, dv;
} attn_attention_gradients;
void attn_attention_backward(const attn_attention_operands *operands,
                             const attn_attention_gradients *gradients);

// MARK: What the machine can do

// Fused multiply-adds of f32 in registers on every thread, and how many operations that were.
double attn_fma_work(int64_t rounds);

// MARK: Gather and scatter

// y[i, :] = x[indices[i], :] for rows of `inner` elements, x of `rows` rows. keep: NULL or one
// bool for each i; where it is 0 nothing is read and y[i, :] is 0. An index outside 0..<rows
// gives ATTN_OUT_OF_RANGE and its i in *position.
attn_status attn_gather(int32_t item_size, int64_t count, int64_t inner, int64_t rows,
                        const void *x, const int64_t *indices, const uint8_t *keep,
                        void *y, int64_t *position);
// y[indices[i], :] += dy[i, :] in ascending i; y is [rows, inner] and starts as the caller left it.
// Indices are known to be in range wherever keep allows. Number dtypes.
attn_status attn_scatter_add(attn_dtype dtype, int64_t count, int64_t inner, int64_t rows,
                             const void *dy, const int64_t *indices, const uint8_t *keep, void *y);

// MARK: Random numbers and digests

// Philox4x32-10 with key `seed`; y[i] is the sample at counter `first + i`, on any thread.
// uniform: [0, 1) from the top 24 (f32) or 53 (f64) bits. normal: Box-Muller over our own log, sqrt,
// sin and cos. integers: low ..< high without bias worth the name (64-bit multiply-shift), as i64.
void attn_random_uniform(attn_dtype dtype, int64_t n, uint64_t seed, uint64_t first, void *y);
void attn_random_normal(attn_dtype dtype, int64_t n, uint64_t seed, uint64_t first, void *y);
void attn_random_integers(int64_t n, uint64_t seed, uint64_t first, int64_t low, int64_t high,
                          int64_t *y);
// The bare block function, for the published known answers.
void attn_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// XXH64 of the elements as little-endian bytes, every NaN written as the canonical quiet one.
uint64_t attn_hash(attn_dtype dtype, int64_t n, const void *x, uint64_t seed);
// Writes every NaN as the canonical quiet one (0x7FC00000, 0x7FF8000000000000).
void attn_canonical_nans(attn_dtype dtype, int64_t n, const void *x, void *y);

// MARK: Optimizer

// Whether results of so many bytes together should use streaming stores: smaller results are likely to be
// read while a last-level cache still holds them. Both ways give the same bits.
static inline bool attn_streams(int64_t bytes) { return bytes >= 16 << 20; }
// One AdamW step (decoupled decay), floats:
//   g' = g * gradient_scale;  m' = b1 m + (1 - b1) g';  v' = b2 v + (1 - b2) g'^2
//   p' = p - lr * decay * p - lr * (m' / c1) / (sqrt(v' / c2) + epsilon)
// with c1 = 1 - b1^t and c2 = 1 - b2^t given. Outputs may be the inputs. With `streams` the kernel uses
// streaming stores, which pay where all trained parameters together are larger than the caches.
void attn_adamw(attn_dtype dtype, int64_t n, const void *p, const void *g, const void *m,
                const void *v, double lr, double b1, double b2, double epsilon, double decay,
                double c1, double c2, double gradient_scale, bool streams, void *p_out, void *m_out,
                void *v_out);

#endif
