"""The cases in index notation: each is one statement whose result is in `out`.

A reducer with nothing kept gives 0 (sum, mean, softmax, normalize) or 1 (prod), and what a condition
excludes isn't read, so some references spell out with `where` what the formula says in one word.
"""

import torch
import torch.nn.functional as F

from primitives import normalize, softmax
from witness import case, clear, distinct, integers, mask, normal, positive

lower = lambda t, s: torch.ones(t, s, dtype=torch.bool).tril()
steps = lambda n: torch.arange(n)
log_or_zero = lambda x: torch.where(x > 0, torch.where(x > 0, x, 1.0).log(), 0.0)

# Products and contractions.

case("ix_shared", "@out[..., t, e] = sum[d](a[..., t, d] * b[e, d])", lambda a, b: a @ b.T, a=normal(2, 1, 3), b=normal(2, 3))
case("ix_heads", "@out[..., t, s] = sum[d](a[..., t, d] * b[..., s, d])", lambda a, b: a @ b.mT, a=normal(2, 1, 2, 2), b=normal(2, 1, 3, 2))
case("ix_three", "@out[t] = sum[s](a[t, s] * b[s] * c[t, s])", lambda a, b, c: (a * b * c).sum(-1), a=normal(2, 3), b=normal(3), c=normal(2, 3))
case("ix_bilinear", "@out[n] = sum[i](sum[j](a[n, i] * b[i, j] * c[n, j]))", lambda a, b, c: ((a @ b) * c).sum(-1), a=normal(2, 3), b=normal(3, 2), c=normal(2, 2))
case("ix_distance", "@out[t, s] = sum[d]((a[t, d] - b[s, d]) ^ 2)", lambda a, b: ((a[:, None] - b) ** 2).sum(-1), a=normal(2, 3), b=normal(3, 3))
case("ix_factored", "@out[t] = 2 * sum[s](a[t] * b[s] / 4)", lambda a, b: a * b.sum() / 2, a=normal(2), b=normal(3))
case("ix_diagonal", "@out[t] = a[t, t]", torch.diagonal, note="exact", a=normal(3, 3))
case("ix_full", "@out = sum[t](a[t] * b[t])", torch.dot, a=normal(4), b=normal(4))

# Attention.

case("ix_weights", "@out[t, s] = softmax[s](sum[d](a[t, d] * b[s, d]) / sqrt(d))", lambda a, b: (a @ b.T / 3 ** 0.5).softmax(-1), a=normal(2, 3), b=normal(4, 3))
case("ix_attention", "@out[t, e] = sum[s](softmax[s](sum[d](q[t, d] * k[s, d]) / sqrt(d) where s <= t) * v[s, e])",
     lambda q, k, v: softmax(q @ k.T / 2 ** 0.5, -1, lower(3, 3)) @ v, q=normal(3, 2), k=normal(3, 2), v=normal(3, 2))
case("ix_masked_absent", "@out[..., t, s] = softmax[s](a[..., t, s] where mask[..., t, s])", lambda a, mask: softmax(a, -1, mask), a=normal(2, 2, 3), mask=mask("1.1 .11"))
case("ix_masked_batch", "@out[b, h, t, s] = softmax[s](a[b, h, t, s] where mask[b, t, s])", lambda a, mask: softmax(a, -1, mask[:, None]), a=normal(2, 1, 2, 3), mask=mask("1.1 .11/11. ..1"))
case("ix_window", "@out[t, s] = softmax[s](a[t, s] where t - 2 < s <= t)", lambda a: softmax(a, -1, lower(4, 4) & ~lower(4, 4).roll(2, 0).tril(-2)), a=normal(4, 4))
case("ix_strict", "@out[t, s] = softmax[s](a[t, s] where s < t)", lambda a: softmax(a, -1, lower(3, 3).tril(-1)), a=normal(3, 3))
case("ix_alibi", "@out[h, t, s] = a[h, t, s] - b[h] * (t - s)", lambda a, b: a - b[:, None, None] * (steps(2)[:, None] - steps(3)), a=normal(2, 2, 3), b=normal(2))
case("ix_relative", "@out[t, s] = a[t, s] + b[t - s + 2]", lambda a, b: a + b[steps(3)[:, None] - steps(3) + 2], a=normal(3, 3), b=normal(5))
case("ix_grouped", "@out[h: 4, t, s] = sum[d](a[h, t, d] * b[h // 2, s, d])", lambda a, b: a @ b.repeat_interleave(2, 0).mT, a=normal(4, 1, 2), b=normal(2, 2, 2))
case("ix_rotary", "@out[t, d] = a[t, d] * cos(b[t, d]) + (if d < 2 { -a[t, d + 2] } else { a[t, d - 2] }) * sin(b[t, d])",
     lambda a, b: a * b.cos() + torch.cat([-a[:, 2:], a[:, :2]], 1) * b.sin(), a=normal(2, 4), b=normal(2, 4))

# Reading at computed places.

case("ix_gather", "@out[t, d] = a[ids[t], d]", lambda a, ids: a[ids], note="exact", a=normal(4, 2), ids=integers([3, 1, 3]))
case("ix_gather_batch", "@out[b, t, d] = a[ids[b, t], d]", lambda a, ids: a[ids], note="exact", a=normal(4, 2), ids=integers([[3, 1, 3], [0, 0, 2]]))
case("ix_pick", "@out[t] = logsumexp[c](a[t, c]) - a[t, ids[t]]", lambda a, ids: F.cross_entropy(a, ids, reduction="none"), a=normal(3, 4), ids=integers([2, 0, 2]))
case("ix_roll", "@out[t, d: 4] = a[t, (d + 1) % 4]", lambda a: a.roll(-1, 1), note="exact", a=normal(2, 4))
case("ix_roll_size", "@out[t, d] = b[t, d] * a[t, (d + 1) % size(d)]", lambda a, b: b * a.roll(-1, 1), a=normal(2, 3), b=normal(2, 3))
case("ix_reverse", "@out[t: 4] = a[3 - t]", lambda a: a.flip(0), note="exact", a=normal(4))
case("ix_shift", "@out[t: 4] = if t > 0 { a[t - 1] } else { 0.0 }", lambda a: F.pad(a[:-1], (1, 0)), note="exact", a=normal(4))
case("ix_convolve", "@out[t: 5] = sum[k: 3](a[t + k] * b[k])", lambda a, b: F.conv1d(a[None, None], b[None, None])[0, 0], a=normal(7), b=normal(3))
case("ix_depthwise", "@out[t: 3, c] = sum[k: 3](a[t + k, c] * b[k, c])", lambda a, b: F.conv1d(a.T, b.T[:, None], groups=2).T, a=normal(5, 2), b=normal(3, 2))
case("ix_channels", "@out[t: 3, o] = sum[k: 2](sum[c](a[t + k, c] * b[o, c, k]))", lambda a, b: F.conv1d(a.T, b).T, a=normal(4, 2), b=normal(2, 2, 2))
case("ix_convolve_causal", "@out[t: 4, c] = sum[k: 3](a[t - k, c] * b[k, c] where k <= t)",
     lambda a, b: F.conv1d(F.pad(a.T, (2, 0)), b.flip(0).T[:, None], groups=2).T, a=normal(4, 2), b=normal(3, 2))
case("ix_pool", "@out[t: 3] = max[k: 2](a[2 * t + k])", lambda a: a.reshape(3, 2).amax(1), note="exact", a=distinct(6))

# Merging and splitting axes.

case("ix_split_leading", "@out[..., h: 2, t, d] = a[..., t, (h d)]", lambda a: a.reshape(2, 2, 2, 2).transpose(-2, -3), note="exact", a=normal(2, 2, 4))
case("ix_merge", "@out[t, (h d)] = a[h, t, d]", lambda a: a.transpose(0, 1).reshape(3, 4), note="exact", a=normal(2, 3, 2))
case("ix_merge_mixed", "@out[t, (h d)] = sum[s](a[h, t, s] * b[h, s, d])", lambda a, b: (a @ b).transpose(0, 1).reshape(2, 4), a=normal(2, 2, 3), b=normal(2, 3, 2))
case("ix_split_mean", "@out[t, g] = mean[k: 2](a[t, (g k)])", lambda a: a.reshape(2, 3, 2).mean(-1), a=normal(2, 6))

# Reducers, with and without conditions, and what works along an index.

case("ix_sum_where", "@out[t] = sum[s](a[t, s] where s < t)", lambda a: a.tril(-1).sum(-1), a=normal(3, 3))
case("ix_mean_where", "@out[d] = mean[t](a[t, d] where t < 2)", lambda a: a[:2].mean(0), a=normal(4, 3))
case("ix_mean_mask", "@out[t] = mean[s](a[t, s] where mask[t, s])", lambda a, mask: (a * mask).sum(-1) / mask.sum(-1).clamp(min=1), a=normal(3, 4), mask=mask("1.11 .... .1.1"))
case("ix_average", "@out[t] = sum[d](a[t, d]) / d", lambda a: a.mean(-1), a=normal(2, 3))
case("ix_max_where", "@out[t] = max[s](a[t, s] where s <= t)", lambda a: torch.where(lower(3, 4), a, -1e9).amax(-1), note="exact", a=distinct(3, 4))
case("ix_prod", "@out[t] = prod[s](a[t, s])", lambda a: a.prod(-1), a=clear(2, 3))
case("ix_prod_where", "@out[t] = prod[s](a[t, s] where s < t)", lambda a: torch.where(lower(3, 3).tril(-1), a, 1).prod(-1), a=clear(3, 3))
case("ix_argmax", "@out[t] = argmax[s](a[t, s])", lambda a: a.argmax(-1), gradient=False, note="exact", a=distinct(3, 4))
case("ix_logsumexp_where", "@out[t] = logsumexp[s](a[t, s] where s <= t)", lambda a: torch.where(lower(3, 3), a, -1e9).logsumexp(-1), a=normal(3, 3))
case("ix_any", "@out[t] = any[s](mask[t, s])", lambda mask: mask.any(-1), "bool", note="exact", mask=mask("1.1 ... .1."))
case("ix_all", "@out[s] = all[t](mask[t, s])", lambda mask: mask.all(0), "bool", note="exact", mask=mask("1.1 1.. 11."))
case("ix_cumsum", "@out[t, d] = cumsum[t](a[t, d])", lambda a: a.cumsum(0), a=normal(3, 2))
case("ix_normalize", "@out[t, d] = normalize[d](a[t, d])", lambda a: normalize(a, -1), a=normal(2, 4))
case("ix_nested", "@out = sum[t](a[t] * max[s](b[t, s]))", lambda a, b: (a * b.amax(-1)).sum(), a=normal(3), b=distinct(3, 2))
case("ix_nested_exp", "@out[t] = log(sum[s](exp(a[t, s]) * b[s]))", lambda a, b: (a.exp() @ b).log(), a=normal(2, 3), b=positive(3))
case("ix_variance", "@out[t] = mean[d]((a[t, d] - mean[e](a[t, e])) ^ 2)", lambda a: a.var(-1, unbiased=False), a=normal(2, 4))
case("ix_rms", "@out[t, d] = a[t, d] / sqrt(mean[e](a[t, e] ^ 2) + 1e-5) * b[d]", lambda a, b: a / ((a * a).mean(-1, keepdim=True) + 1e-5).sqrt() * b, a=normal(2, 3), b=positive(3))

# Choosing, index values, calls.

case("ix_log_safe", "@out[t] = if a[t] > 0 { log(a[t]) } else { 0.0 }", log_or_zero, a=clear(6))
case("ix_choose", "@out[t, d] = if mask[t] { a[t, d] } else { b[d] * 2 }", lambda mask, a, b: torch.where(mask[:, None], a, b * 2), mask=mask("1.1"), a=normal(3, 2), b=normal(2))
case("ix_elementwise", "@out[t, d] = gelu(a[t, d]) * sigmoid(b[d])", lambda a, b: F.gelu(a) * b.sigmoid(), a=normal(2, 3), b=normal(3))
case("ix_call", "@out[t, s] = softmax(a, axis: -1)[t, s] * b[s]", lambda a, b: a.softmax(-1) * b, a=normal(2, 3), b=normal(3))
case("ix_times_index", "@out[t, d] = a[t, d] * t", lambda a: a * steps(3)[:, None], a=normal(3, 2))
case("ix_offset", "@out[t: 3, s: 4] = t - s", lambda: steps(3)[:, None] - steps(4), "i64", note="exact")
case("ix_causal", "@out[t: 4, s: 4] = s <= t", lambda: lower(4, 4), "bool", note="exact")
