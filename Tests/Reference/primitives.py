"""The positional cases: every primitive as a call or an operator."""

import torch
import torch.nn.functional as F

from witness import case, clear, distinct, fixed, integers, mask, normal, positive, values

# Arithmetic.

apart = dict(low=0.1, high=0.4), dict(low=0.6, high=0.9)  # bands that never meet: no ties between a and b

case("add", "a + b", lambda a, b: a + b, a=normal(2, 3), b=normal(2, 3))
case("sub", "a - b", lambda a, b: a - b, a=normal(2, 3), b=normal(2, 3))
case("mul", "a * b", lambda a, b: a * b, a=normal(2, 3), b=normal(2, 3))
case("div", "a / b", lambda a, b: a / b, a=normal(2, 3), b=positive(2, 3))
case("neg", "-a", lambda a: -a, a=normal(2, 3), note="exact")
case("square", "a ^ 2", lambda a: a * a, a=normal(2, 3))
case("pow", "a ^ b", lambda a, b: a ** b, a=positive(2, 3), b=normal(2, 3))
case("pow_negative", "a ^ (-2)", lambda a: 1 / (a * a), a=positive(2, 3))
case("number_pow", "2.0 ^ a", lambda a: 2.0 ** a, a=normal(2, 3))
case("number_add", "1.5 + a", lambda a: 1.5 + a, a=normal(2, 3))
case("number_sub", "2.5 - a", lambda a: 2.5 - a, a=normal(2, 3))
case("mul_number", "a * 0.75", lambda a: a * 0.75, a=normal(2, 3))
case("number_div", "1 / a", lambda a: 1 / a, a=positive(2, 3))
case("add_row", "a + b", lambda a, b: a + b, a=normal(2, 2, 3), b=normal(3))
case("add_matrix", "a + b", lambda a, b: a + b, a=normal(2, 2, 3), b=normal(2, 3))
case("row_sub", "b - a", lambda a, b: b - a, a=normal(2, 3), b=normal(3))
case("mul_row", "a * b", lambda a, b: a * b, a=normal(2, 3), b=normal(3))
case("mul_scalar", "a * b", lambda a, b: a * b, a=normal(2, 3), b=normal())
case("reuse", "a * sin(a) + a", lambda a: a * a.sin() + a, a=normal(2, 3))

sevens = values([7.3, -7.3, 5.1, -2.6, 0.4, -9.7])
divisors = values([2.0, 2.5, -1.5, -0.75, 3.0, 4.0])
case("floor_div", "a // b", lambda a, b: torch.floor(a / b), gradient=False, note="exact", a=sevens, b=divisors)
case("mod", "a % b", lambda a, b: a - b * torch.floor(a / b), gradient=False, a=sevens, b=divisors)
case("mod_number", "a % 1.5", lambda a: a - 1.5 * torch.floor(a / 1.5), gradient=False, a=sevens)

# Integer tensors. Division and remainder follow the floor, `/` gives f32.

seven, three = integers([[7, -7, 7], [-7, 6, 0]]), integers([[2, 2, -2], [-2, 3, 5]])
case("int_add", "a + b", lambda a, b: a + b, "i64", note="exact", a=seven, b=three)
case("int_sub_number", "a - 10", lambda a: a - 10, "i64", note="exact", a=seven)
case("int_mul_row", "a * b", lambda a, b: a * b, "i64", note="exact", a=seven, b=integers([1, -2, 3]))
case("int_neg", "-a", lambda a: -a, "i64", note="exact", a=seven)
case("int_abs", "abs(a)", lambda a: a.abs(), "i64", note="exact", a=seven)
case("int_square", "a ^ 2", lambda a: a * a, "i64", note="exact", a=seven)
case("int_floor_div", "a // b", lambda a, b: torch.div(a, b, rounding_mode="floor"), "i64", note="exact", a=seven, b=three)
case("int_mod", "a % b", lambda a, b: torch.remainder(a, b), "i64", note="exact", a=seven, b=three)
case("int_div", "a / b", lambda a, b: a.double() / b, "i64", note="f32", a=seven, b=three)
case("int_sum", "sum(a, axis: 0)", lambda a: a.sum(0), "i64", note="exact", a=seven)
case("int_max", "max(a)", lambda a: a.max(), "i64", note="exact", a=seven)
case("int_maximum", "maximum(a, b)", torch.maximum, "i64", note="exact", a=seven, b=three)
case("int_less", "a < b", lambda a, b: a < b, "i64", note="exact", a=seven, b=three)
case("int32_add", "a + b", lambda a, b: a + b, "i32", note="exact",
     a=integers([1, -2, 3], torch.int32), b=integers([10, 20, 30], torch.int32))
case("int32_mul_number", "a * 3", lambda a: a * 3, "i32", note="exact", a=integers([1, -2, 3], torch.int32))
case("int_times_float", "a * ids", lambda a, ids: a * ids, a=normal(2, 3), ids=three)
case("single_with_double", "a + b", lambda a, b: a + b, "f64",
     a=fixed(values([0.1, 0.2, 0.3], torch.float32)), b=normal(3))

# Comparisons and logic.

for name, sign, compare in [("less", "<", torch.lt), ("less_equal", "<=", torch.le), ("greater", ">", torch.gt),
                            ("greater_equal", ">=", torch.ge), ("equal", "==", torch.eq), ("not_equal", "!=", torch.ne)]:
    case(name, f"a {sign} b", compare, gradient=False, note="exact",
         a=values([[1.5, -2.0, 0.0], [3.0, 2.5, -1.0]]), b=values([[1.5, 2.0, -1.0], [3.0, 4.5, -0.5]]))
case("less_row", "a < b", lambda a, b: a < b, gradient=False, note="exact", a=clear(2, 3, **apart[0]), b=clear(3, **apart[1]))
case("between", "-1 < a <= 0.5", lambda a: (-1 < a) & (a <= 0.5), gradient=False, note="exact",
     a=values([[-1.0, -0.5, 0.0], [0.5, 1.0, 0.25]]))
case("and", "a and b", lambda a, b: a & b, "bool", note="exact", a=mask("1.1. 11.."), b=mask("11.. 1..1"))
case("or", "a or b", lambda a, b: a | b, "bool", note="exact", a=mask("1.1. 11.."), b=mask("11.. 1..1"))
case("not", "not a", lambda a: ~a, "bool", note="exact", a=mask("1.1. 11.."))
case("and_row", "a and b", lambda a, b: a & b, "bool", note="exact", a=mask("1.1. 11.."), b=mask("11.."))

# Elementwise functions.

tanh_form = lambda a: F.gelu(a, approximate="tanh")
wide = values([-80.0, -9.0, -1.3, -0.4, 1e-3, 0.7, 2.2, 30.0])  # no overflow, no NaN, at either end
for name, function in [("sin", torch.sin), ("cos", torch.cos), ("tanh", torch.tanh), ("erf", torch.erf),
                       ("sigmoid", torch.sigmoid), ("silu", F.silu), ("gelu", F.gelu), ("gelu_tanh", tanh_form),
                       ("softplus", lambda a: F.softplus(a, threshold=100.0)), ("softsign", F.softsign)]:
    case(name, f"{name}(a)", function, a=wide)
case("exp", "exp(a)", torch.exp, a=values([-80.0, -9.0, -1.3, -0.4, 1e-3, 0.0, 0.7, 2.2]))
for name, function in [("log", torch.log), ("sqrt", torch.sqrt)]:
    case(name, f"{name}(a)", function, a=positive(2, 3))
for name, function in [("abs", torch.abs), ("relu", F.relu)]:
    case(name, f"{name}(a)", function, a=clear(2, 3), note="exact")
for name, function in [("floor", torch.floor), ("ceil", torch.ceil)]:
    case(name, f"{name}(a)", function, gradient=False, note="exact", a=clear(2, 3))
case("round", "round(a)", torch.round, gradient=False, note="exact", a=values([0.5, 1.5, 2.5, -0.5, -2.5, 1.2, -1.7]))
case("sign", "sign(a)", torch.sign, gradient=False, note="exact", a=values([-3.0, 0.0, 2.0]))
case("log_range", "log(a)", torch.log, gradient=False, a=values([1e-30, 1e-3, 0.999, 1.0, 1.001, 1e30]))
case("sin_range", "sin(a)", torch.sin, gradient=False, a=values([-1000.0, -100.5, -3.125, 3.125, 100.5, 1000.0]))
case("cos_range", "cos(a)", torch.cos, gradient=False, a=values([-1000.0, -100.5, -1.5625, 1.5625, 100.5, 1000.0]))

case("maximum", "maximum(a, b)", torch.maximum, note="exact", a=clear(2, 3, **apart[0]), b=clear(2, 3, **apart[1]))
case("minimum", "minimum(a, b)", torch.minimum, note="exact", a=clear(2, 3, **apart[0]), b=clear(2, 3, **apart[1]))
case("maximum_number", "maximum(a, 0.5)", lambda a: a.clamp(min=0.5), note="exact", a=clear(2, 3))
case("clip", "clip(a, -0.5, 0.5)", lambda a: a.clamp(-0.5, 0.5), note="exact", a=clear(2, 4))
case("where", "where(mask, a, b)", torch.where, note="exact", mask=mask("1.1 .1."), a=normal(2, 3), b=normal(2, 3))
case("where_number", "where(mask, a, 0.0)", lambda mask, a: torch.where(mask, a, 0.0), note="exact",
     mask=mask("1.1 .1."), a=normal(2, 3))
case("to_f64", "a.to(f64)", lambda a: a.double(), note="exact", a=normal(2, 3))
case("to_f32", "a.to(f32)", lambda a: a.float(), note="exact", gradient=False, a=normal(2, 3))
case("to_i64", "a.to(i64)", lambda a: a.to(torch.int64), gradient=False, note="exact", a=clear(2, 4))
case("ints_to_f32", "a.to(f32)", lambda a: a.double(), "i64", note="exact", a=seven)
case("bools_to_i64", "a.to(i64)", lambda a: a.to(torch.int64), "bool", note="exact", a=mask("1.1 .1."))

# Reductions.

case("sum", "sum(a)", lambda a: a.sum(), a=normal(2, 3, 2))
case("sum_1", "sum(a, axis: 1)", lambda a: a.sum(1), a=normal(2, 3, 2))
case("sum_last", "sum(a, axis: -1)", lambda a: a.sum(-1), a=normal(2, 3))
case("sum_wide", "sum(a, axis: -1)", lambda a: a.sum(-1), a=normal(1, 19))
case("mean", "mean(a)", lambda a: a.mean(), a=normal(2, 3))
case("mean_1", "mean(a, axis: 1)", lambda a: a.mean(1), a=normal(2, 3, 2))
case("max", "max(a)", lambda a: a.max(), note="exact", a=distinct(2, 3))
case("max_1", "max(a, axis: 1)", lambda a: a.amax(1), note="exact", a=distinct(2, 3, 2))
case("min", "min(a)", lambda a: a.min(), note="exact", a=distinct(2, 3))
case("min_0", "min(a, axis: 0)", lambda a: a.amin(0), note="exact", a=distinct(3, 2))
case("prod", "prod(a)", lambda a: a.prod(), a=clear(5))
case("prod_1", "prod(a, axis: 1)", lambda a: a.prod(1), a=clear(2, 3, 2))
case("prod_zero", "prod(a, axis: -1)", lambda a: a.prod(-1), a=values([[1.5, 0.0, -2.0], [0.0, 3.0, 0.0]]))
case("var", "var(a)", lambda a: a.var(unbiased=False), a=normal(2, 3))
case("var_last", "var(a, axis: -1)", lambda a: a.var(-1, unbiased=False), a=normal(2, 5))
case("std", "std(a)", lambda a: a.std(unbiased=False), a=normal(2, 3))
case("logsumexp", "logsumexp(a)", lambda a: a.flatten().logsumexp(0), a=normal(2, 3))
case("logsumexp_1", "logsumexp(a, axis: 1)", lambda a: a.logsumexp(1), a=normal(2, 3, 2))
case("logsumexp_far", "logsumexp(a, axis: -1)", lambda a: a.logsumexp(-1), gradient=False, a=values([[1000.0, 1001.0, 999.5], [-1000.0, -1001.0, 0.5]]))
case("argmax", "argmax(a)", lambda a: a.argmax(), gradient=False, note="exact", a=distinct(2, 3))
case("argmax_last", "argmax(a, axis: -1)", lambda a: a.argmax(-1), gradient=False, note="exact", a=distinct(3, 4))
case("argmin_0", "argmin(a, axis: 0)", lambda a: a.argmin(0), gradient=False, note="exact", a=distinct(3, 4))
case("argmax_tie", "argmax(a, axis: -1)", lambda a: a.argmax(-1), gradient=False, note="exact",
     a=values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
case("any", "any(mask)", lambda mask: mask.any(), "bool", note="exact", mask=mask("... .1."))
case("any_0", "any(mask, axis: 0)", lambda mask: mask.any(0), "bool", note="exact", mask=mask("1.1 ..1"))
case("all", "all(mask)", lambda mask: mask.all(), "bool", note="exact", mask=mask("111 1.1"))
case("all_last", "all(mask, axis: -1)", lambda mask: mask.all(-1), "bool", note="exact", mask=mask("111 1.1"))
case("cumsum", "cumsum(a, axis: 0)", lambda a: a.cumsum(0), a=normal(5))
case("cumsum_1", "cumsum(a, axis: 1)", lambda a: a.cumsum(1), a=normal(2, 3, 2))

# Products.

case("matmul", "a @ b", torch.matmul, a=normal(2, 3), b=normal(3, 4))
case("matmul_long", "a @ b", torch.matmul, a=normal(1, 19), b=normal(19, 2))
case("matmul_4d", "a @ b", torch.matmul, a=normal(2, 2, 1, 2), b=normal(2, 2, 2, 2))
case("matmul_shared", "a @ b", torch.matmul, a=normal(2, 2, 2), b=normal(2, 3))
case("matrix_vector", "a @ b", torch.matmul, a=normal(3, 4), b=normal(4))
case("vector_matrix", "a @ b", torch.matmul, a=normal(3), b=normal(3, 4))
case("dot", "a @ b", torch.matmul, a=normal(5), b=normal(5))
case("einsum_scores", 'einsum(a, b, "t d, s d -> t s")', lambda a, b: a @ b.T, a=normal(2, 3), b=normal(4, 3))
case("einsum_heads", 'einsum(a, b, "b h t d, b h s d -> b h t s")', lambda a, b: a @ b.mT, a=normal(2, 2, 1, 2), b=normal(2, 2, 2, 2))
case("einsum_shared", 'einsum(a, b, "b h t d, h e d -> b t e")', lambda a, b: torch.einsum("bhtd,hed->bte", a, b),
     a=normal(2, 2, 1, 2), b=normal(2, 3, 2))
case("einsum_two_axes", 'einsum(a, b, "i j k, j k l -> i l")', lambda a, b: torch.tensordot(a, b, 2), a=normal(2, 2, 2), b=normal(2, 2, 3))
case("einsum_three", 'einsum(a, b, c, "i j, j k, k l -> i l")', lambda a, b, c: a @ b @ c, a=normal(2, 3), b=normal(3, 2), c=normal(2, 4))
case("einsum_transpose", 'einsum(a, "i j -> j i")', lambda a: a.T, a=normal(2, 3))
case("einsum_sum", 'einsum(a, "i j k -> k i")', lambda a: a.sum(1).T, a=normal(2, 3, 2))
case("einsum_outer", 'einsum(a, b, "i, j -> i j")', torch.outer, a=normal(3), b=normal(4))

# Moving axes and elements.

case("T", "a.T", lambda a: a.mT, note="exact", a=normal(2, 3))
case("T_batch", "a.T", lambda a: a.mT, note="exact", a=normal(2, 3, 2))
case("transpose", "transpose(a, 1, 0, 2)", lambda a: a.permute(1, 0, 2), note="exact", a=normal(2, 3, 2))
case("transpose_cycle", "transpose(a, 2, 0, 1)", lambda a: a.permute(2, 0, 1), note="exact", a=normal(2, 1, 3))
case("reshape", "reshape(a, 3, 10)", lambda a: a.reshape(3, 10), note="exact", a=normal(2, 3, 5))
case("split_heads", 'rearrange(a, "b t (h d) -> b h t d", h: 2)', lambda a: a.reshape(1, 3, 2, 2).permute(0, 2, 1, 3), note="exact", a=normal(1, 3, 4))
case("merge_heads", 'rearrange(a, "b h t d -> b t (h d)")', lambda a: a.permute(0, 2, 1, 3).reshape(1, 3, 4), note="exact", a=normal(1, 2, 3, 2))
case("rearrange_swap", 'rearrange(a, "b (t p) -> (p b) t", p: 2)', lambda a: a.reshape(2, 3, 2).permute(2, 0, 1).reshape(4, 3), note="exact", a=normal(2, 6))
case("reduce_mean", 'reduce(a, "b t d -> b d", "mean")', lambda a: a.mean(1), a=normal(2, 3, 2))
case("reduce_max", 'reduce(a, "b (t p) d -> b t d", "max", p: 2)', lambda a: a.reshape(2, 2, 2, 2).amax(2), note="exact", a=distinct(2, 4, 2))
case("reduce_sum", 'reduce(a, "b t d -> d b", "sum")', lambda a: a.sum(1).T, a=normal(2, 3, 2))
case("repeat", 'repeat(a, "t d -> t r d", r: 3)', lambda a: a[:, None].expand(2, 3, 3), note="exact", a=normal(2, 3))
case("repeat_rows", 'repeat(a, "t d -> (t r) d", r: 2)', lambda a: a.repeat_interleave(2, 0), note="exact", a=normal(2, 3))
case("item_first", "a[0]", lambda a: a[0], note="exact", a=normal(2, 3))
case("item_last", "a[-1]", lambda a: a[-1], note="exact", a=normal(2, 3))
case("item_full", "a[1, 2]", lambda a: a[1, 2], note="exact", a=normal(2, 3))
case("item_inner", "a[..., 0]", lambda a: a[..., 0], note="exact", a=normal(2, 3, 2))
case("slice", "a[1..3]", lambda a: a[1:3], note="exact", a=normal(4, 2))
case("slice_inner", "a[..., 1..3]", lambda a: a[..., 1:3], note="exact", a=normal(2, 4))
case("slice_by", "a[0..5 by 2]", lambda a: a[0:5:2], note="exact", a=normal(5, 2))
case("slice_both", "a[0..2, 1..3]", lambda a: a[0:2, 1:3], note="exact", a=normal(3, 4))
case("pick", "a[mask]", lambda a, mask: a[mask], note="exact", a=normal(2, 3), mask=mask("1.1 .1."))
case("pick_rows", "a[mask]", lambda a, mask: a[mask], note="exact", a=normal(3, 2), mask=mask("1.1"))
case("gather_0", "gather(a, ids, axis: 0)", lambda a, ids: a[ids], note="exact", a=normal(3, 2), ids=integers([2, 0, 2, 1]))
case("gather_1", "gather(a, ids, axis: 1)", lambda a, ids: a.index_select(1, ids), note="exact", a=normal(2, 3, 2), ids=integers([2, 0, 2]))
case("gather_grid", "gather(a, ids, axis: 0)", lambda a, ids: a[ids], note="exact", a=normal(4, 2), ids=integers([[1, 3, 1], [0, 1, 1]]))
case("gather_grid_1", "gather(a, ids, axis: 1)", lambda a, ids: a[:, ids], note="exact", a=normal(2, 3), ids=integers([[1, 2], [1, 0]]))
case("scatter_add", "scatter_add(a, ids, b, axis: 0)", lambda a, ids, b: a.index_add(0, ids, b), a=normal(3, 2), ids=integers([2, 0, 2, 2]), b=normal(4, 2))
case("scatter_add_1", "scatter_add(a, ids, b, axis: 1)", lambda a, ids, b: a.index_add(1, ids, b), a=normal(2, 4), ids=integers([3, 3, 0]), b=normal(2, 3))
case("concat_1", "concat([a, b], axis: 1)", lambda a, b: torch.cat([a, b], 1), note="exact", a=normal(2, 1, 2), b=normal(2, 2, 2))
case("concat_self", "concat([a, b, a], axis: -1)", lambda a, b: torch.cat([a, b, a], -1), note="exact", a=normal(2, 2), b=normal(2, 1))
case("stack_1", "stack([a, b], axis: 1)", lambda a, b: torch.stack([a, b], 1), note="exact", a=normal(2, 3), b=normal(2, 3))
case("split_first", "split(a, 2, axis: -1)[0]", lambda a: a[:, :2], note="exact", a=normal(2, 4))  # 2 pieces of 2
case("split_last", "split(a, 3, axis: 0)[2]", lambda a: a[6:], note="exact", a=normal(9, 1))
case("pad", "pad(a, 1, 2, axis: -1)", lambda a: F.pad(a, (1, 2)), note="exact", a=normal(2, 3))
case("pad_0", "pad(a, 0, 1, axis: 0, value: 0.5)", lambda a: F.pad(a, (0, 0, 0, 1), value=0.5), note="exact", a=normal(2, 3))
case("sort", "sort(a, axis: -1)", lambda a: a.sort(-1).values, note="exact", a=distinct(2, 5))
case("sort_0", "sort(a, axis: 0)", lambda a: a.sort(0).values, note="exact", a=distinct(4, 2))
case("top_values", "top_k(a, 2).values", lambda a: a.topk(2).values, note="exact", a=distinct(2, 5))
case("top_indices", "top_k(a, 2).indices", lambda a: a.topk(2).indices, gradient=False, note="exact", a=distinct(2, 5))

# Softmax, norms, losses. What a mask doesn't keep takes no part; nothing kept gives 0.

def softmax(x, axis, keep=None):
    if keep is None:
        return torch.softmax(x, axis)
    top = torch.where(keep, x, -1e30).amax(axis, keepdim=True)
    e = torch.where(keep, torch.where(keep, x - top, 0).exp(), 0)
    total = e.sum(axis, keepdim=True)
    return e / torch.where(total == 0, 1, total)

def layer_norm(a, b=None, c=None):
    return F.layer_norm(a, a.shape[-1:], b, c, 1e-5)

def normalize(a, axis):
    centered = a - a.mean(axis, keepdim=True)
    return centered / torch.sqrt(a.var(axis, unbiased=False, keepdim=True) + 1e-5)

case("softmax_last", "softmax(a, axis: -1)", lambda a: a.softmax(-1), a=normal(2, 2, 3))
case("softmax_1", "softmax(a, axis: 1)", lambda a: a.softmax(1), a=normal(2, 3, 2))
case("softmax_wide", "softmax(a, axis: -1)", lambda a: a.softmax(-1), a=normal(1, 19))
case("softmax_far", "softmax(a, axis: -1)", lambda a: a.softmax(-1), a=values([[1000.0, 1001.0, 999.5], [-1000.0, -60.0, 60.0]]))
case("softmax_keep", "softmax(a, axis: -1, keep: mask)", lambda a, mask: softmax(a, -1, mask), a=normal(2, 4), mask=mask("1.11 .1.1"))
case("softmax_keep_0", "softmax(a, axis: 0, keep: mask)", lambda a, mask: softmax(a, 0, mask), a=normal(3, 2), mask=mask("1. 11 .1"))
case("softmax_keep_row", "softmax(a, axis: -1, keep: mask)", lambda a, mask: softmax(a, -1, mask), a=normal(2, 4), mask=mask("1.11"))
case("softmax_keep_nothing", "softmax(a, axis: -1, keep: mask)", lambda a, mask: softmax(a, -1, mask), a=normal(2, 4), mask=mask("1.11 ...."))
case("log_softmax", "log_softmax(a, axis: -1)", lambda a: a.log_softmax(-1), a=normal(2, 4))
case("layer_norm", "layer_norm(a)", layer_norm, a=normal(2, 1, 4))
case("layer_norm_affine", "layer_norm(a, weight: b, bias: c)", layer_norm, a=normal(2, 4), b=positive(4), c=normal(4))
case("rms_norm", "rms_norm(a)", lambda a: a / torch.sqrt((a * a).mean(-1, keepdim=True) + 1e-5), a=normal(2, 5))
case("rms_norm_weight", "rms_norm(a, weight: b)", lambda a, b: a / torch.sqrt((a * a).mean(-1, keepdim=True) + 1e-5) * b, a=normal(2, 4), b=positive(4))
case("normalize_1", "normalize(a, axis: 1)", lambda a: normalize(a, 1), a=normal(2, 3, 2))
case("normalize_last", "normalize(a, axis: -1)", lambda a: normalize(a, -1), a=normal(2, 5))

picks = integers([3, 0, 2])
case("cross_entropy", "cross_entropy(a, targets)", lambda a, targets: F.cross_entropy(a, targets), a=normal(3, 4), targets=picks)
case("cross_entropy_ignore", "cross_entropy(a, targets, ignore: 2)", lambda a, targets: F.cross_entropy(a, targets, ignore_index=2), a=normal(3, 4), targets=picks)
case("cross_entropy_padded", "cross_entropy(a, targets, ignore: -1)", lambda a, targets: F.cross_entropy(a, targets, ignore_index=-1), a=normal(3, 4), targets=integers([1, -1, 3]))
case("cross_entropy_smooth", "cross_entropy(a, targets, smoothing: 0.1)", lambda a, targets: F.cross_entropy(a, targets, label_smoothing=0.1), a=normal(3, 4), targets=picks)
case("cross_entropy_both", "cross_entropy(a, targets, ignore: 2, smoothing: 0.1)",
     lambda a, targets: F.cross_entropy(a, targets, ignore_index=2, label_smoothing=0.1), a=normal(3, 4), targets=picks)
case("cross_entropy_3d", "cross_entropy(a, targets)", lambda a, targets: F.cross_entropy(a.flatten(0, 1), targets.flatten()), a=normal(2, 2, 3), targets=integers([[2, 0], [1, 1]]))
case("cross_entropy_3d_both", "cross_entropy(a, targets, ignore: 1, smoothing: 0.1)",
     lambda a, targets: F.cross_entropy(a.flatten(0, 1), targets.flatten(), ignore_index=1, label_smoothing=0.1),
     a=normal(2, 2, 3), targets=integers([[2, 0], [1, 2]]))

# Attention.

def attention(q, k, v, mask=None, causal=False, scale=None, softcap=None):
    if k.dim() > 2 and k.shape[-3] != q.shape[-3]:  # grouped: query head h reads head h // group
        k, v = (z.repeat_interleave(q.shape[-3] // z.shape[-3], -3) for z in (k, v))
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    keep = torch.ones(scores.shape, dtype=torch.bool)
    if mask is not None:
        keep = keep & (mask[:, None] if 2 < mask.dim() == q.dim() - 1 else mask)
    if causal:
        keep = keep & torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return softmax(scores, -1, keep) @ v

def attend(name, options, q, k, v, mask=None, **settings):
    case(name, f"attention(q, k, v{options})", lambda q, k, v, mask=None: attention(q, k, v, mask, **settings),
         q=normal(*q), k=normal(*k), v=normal(*v), **({"mask": mask} if mask else {}))

selves = dict(q=(1, 3, 2), k=(1, 3, 2), v=(1, 3, 2))
flat = dict(q=(2, 2), k=(3, 2), v=(3, 1))
deep = dict(q=(1, 2, 2, 2), k=(1, 2, 3, 2), v=(1, 2, 3, 2))
many = dict(q=(2, 2, 2, 1), k=(2, 2, 3, 1), v=(2, 2, 3, 2))
attend("attention", "", q=(2, 3, 2), k=(2, 3, 2), v=(2, 3, 2))
attend("attention_4d", "", **many)
attend("attention_cross", "", q=(2, 2, 2), k=(2, 3, 2), v=(2, 3, 1))
attend("attention_causal", ", causal: true", **selves, causal=True)
attend("attention_keep_flat", ", keep: mask", **flat, mask=mask("1.1 .11"))
attend("attention_keep_shared", ", keep: mask", **deep, mask=mask("1.1 .11"))
attend("attention_keep_full", ", keep: mask", **many, mask=mask("1.1 .11/11. 1..//.1. 111/..1 1.1"))
attend("attention_keep_batch", ", keep: mask", **many, mask=mask("1.1 .11/.1. 111"))
attend("attention_keep_nothing", ", keep: mask", **flat, mask=mask("1.1 ..."))
attend("attention_keep_causal", ", keep: mask, causal: true", **selves, mask=mask("1.. 11. .11"), causal=True)
attend("attention_scale", ", scale: 0.5", **flat, scale=0.5)
attend("attention_softcap", ", softcap: 5.0", **flat, softcap=5.0)
attend("attention_softcap_causal", ", softcap: 0.5, scale: 2.0, causal: true", **selves, softcap=0.5, scale=2.0, causal=True)
attend("attention_grouped", ", kv_heads: 2", q=(1, 4, 1, 2), k=(1, 2, 2, 2), v=(1, 2, 2, 2))
attend("attention_grouped_causal", ", kv_heads: 1, causal: true", q=(1, 2, 3, 2), k=(1, 1, 3, 2), v=(1, 1, 3, 1), causal=True)

# Makers.

case("one_hot", "one_hot(ids, 5)", lambda ids: F.one_hot(ids, 5).double(), "i64", note="exact", ids=integers([4, 0, 2]))
case("one_hot_grid", "one_hot(ids, 3)", lambda ids: F.one_hot(ids, 3).double(), "i64", note="exact", ids=integers([[2, 0], [1, 1]]))
case("causal", "causal(4)", lambda: torch.ones(4, 4, dtype=torch.bool).tril(), "bool", note="exact")
case("eye", "eye(3)", lambda: torch.eye(3), "f32", note="exact")
case("eye_f64", "eye(3, dtype: f64)", lambda: torch.eye(3, dtype=torch.float64), "f64", note="exact")
case("linspace", "linspace(0.0, 1.0, 5)", lambda: torch.linspace(0, 1, 5, dtype=torch.float64), "f32", note="exact")
case("linspace_down", "linspace(1.0, -2.0, 4)", lambda: torch.linspace(1, -2, 4, dtype=torch.float64), "f32")
case("range", "range(5)", lambda: torch.arange(5), "i64", note="exact")
case("full", "full(2, 3, value: 1.5)", lambda: torch.full((2, 3), 1.5), "f32", note="exact")
