"""What is measured: for each row what attn runs, what its peers run, and how much faster it is to be."""


class Row:
    def __init__(self, group, name, attn, peers, target=1.0, flops=0, numbers=0, threads=2):
        self.group, self.name, self.target = group, name, target
        self.attn = attn          # (setup, code) or (setup, prelude, code)
        self.peers = peers        # {name: the same in Python}; {} compares with nothing
        self.flops = flops        # floating-point operations of one run
        self.numbers = numbers    # bytes that have to be read and written at the least
        self.threads = threads


TORCH_ROWS = []
rows = TORCH_ROWS

# Products, against Debian's OpenBLAS.
for threads in (1, 2):
    for m, k, n in ((1024, 1024, 1024), (768, 128, 512)):
        for form in ("a @ b", "a @ b.T", "a.T @ b"):
            ta, tb = "a.T" in form, "b.T" in form
            a, b = (f"{k}, {m}" if ta else f"{m}, {k}"), (f"{n}, {k}" if tb else f"{k}, {n}")
            setup = f"a = randn({a}); b = randn({b})"
            peer = (f"blas = OpenBLAS(); blas.threads(threads)\n"
                    f"a = np.random.randn({a}).astype('f'); b = np.random.randn({b}).astype('f')\n"
                    f"c = np.empty(({m}, {n}), 'f'); product = blas.product(a, b, c, {ta}, {tb})")
            rows.append(Row("products", f"{form}, {m} × {k} × {n}, {threads} thread{'s' * (threads > 1)}", (setup, form + ";"),
                            {"OpenBLAS": (peer, "product()")}, 1.0, flops=2 * m * k * n, threads=threads))

for n, batch in ((16, 512), (32, 256), (48, 128), (64, 64)):
    rows.append(Row("small products", f"{batch} products of {n}³", (f"a = randn({batch}, {n}, {n}); b = randn({batch}, {n}, {n})", "a @ b;"), {
        "PyTorch": (f"a = torch.randn({batch}, {n}, {n}); b = torch.randn({batch}, {n}, {n})", "a @ b"),
        "NumPy": (f"a = np.random.randn({batch}, {n}, {n}).astype('f'); b = np.random.randn({batch}, {n}, {n}).astype('f')", "a @ b")},
        1.5, flops=2 * n ** 3 * batch))

# Attention, forward and backward.
for t in (128, 256, 512, 1024, 2048, 4096):
    rows.append(Row("attention", f"causal attention, 8 heads × 64, length {t}, forward and backward", (
        f"q = randn(8, {t}, 64); k = randn(8, {t}, 64); v = randn(8, {t}, 64); dy = randn(8, {t}, 64)",
        "grad((q, k, v) -> sum(attention(q, k, v, causal: true) * dy), q, k, v);"), {
        "PyTorch": (f"q, k, v = (torch.randn(1, 8, {t}, 64, requires_grad=True) for _ in range(3)); dy = torch.randn(1, 8, {t}, 64)",
                    "q.grad = k.grad = v.grad = None\n(F.scaled_dot_product_attention(q, k, v, is_causal=True) * dy).sum().backward()")},
        2.5, flops=7 * 8 * t * t * 64))

# Rows and elements, over 10 million values.
X = "x = randn(10000, 1000); dy = randn(10000, 1000)"
TX = "x = torch.randn(10000, 1000); dy = torch.randn(10000, 1000); w = torch.randn(1000); b = torch.randn(1000)\nxg = x.clone().requires_grad_()"
for name, code, peer in (
    ("layer norm", "layer_norm({x}, weight: w, bias: b)", "F.layer_norm({x}, (1000,), w, b)"),
    ("softmax", "softmax({x}, axis: -1)", "F.softmax({x}, -1)"),
    ("GELU", "gelu({x})", "F.gelu({x})"),
    ("tanh", "tanh({x})", "torch.tanh({x})"),
):
    setup = X + "; w = randn(1000); b = randn(1000)"
    # attn computes when somebody reads: one element is read.
    rows.append(Row("10 million values", f"{name}, forward", (setup, f"float({code.format(x='x')}[0, 0]);"),
                    {"PyTorch": (TX, peer.format(x="x"))}, 4.0, numbers=80e6))
    rows.append(Row("10 million values", f"{name}, forward and backward of Σ y·dy", (setup, f"float(grad(x -> sum({code.format(x='x')} * dy), x)[0, 0]);"),
                    {"PyTorch": (TX, f"xg.grad = None\n({peer.format(x='xg')} * dy).sum().backward()")}, 4.0, numbers=160e6))
rows.append(Row("10 million values", "cross-entropy, forward", (X + "; t = randint(0, 1000, 10000)", "float(cross_entropy(x, t));"),
                {"PyTorch": (TX + "\nt = torch.randint(1000, (10000,))", "F.cross_entropy(x, t)")}, 4.0, numbers=40e6))
rows.append(Row("10 million values", "cross-entropy, forward and backward", (X + "; t = randint(0, 1000, 10000)", "float(grad(x -> cross_entropy(x, t), x)[0, 0]);"),
                {"PyTorch": (TX + "\nt = torch.randint(1000, (10000,))", "xg.grad = None\nF.cross_entropy(xg, t).backward()")}, 4.0, numbers=80e6))
rows.append(Row("10 million values", "x * 2 + y (a chain of two)", (X, "float((x * 2.0 + dy)[0, 0]);"), {"PyTorch": (TX, "x * 2.0 + dy")}, 1.0, numbers=120e6))
rows.append(Row("10 million values", "copy (what the memory allows)", (X, "concat([x], axis: 0);"), {"PyTorch": (TX, "x.clone()")}, 1.0, numbers=80e6))

rows.append(Row("optimizer", "AdamW over 10 million values, clipping included", (
    "model P() { w = param(randn(10000, 1000)) }\nm0 = P(); g = m0; opt = adamw(lr: 1e-3, decay: 0.1); s0 = opt.start(m0)",
    "m = m0; s = s0", "m, s = opt.step(m, clip_norm(g, 1.0), s)"),
    {"PyTorch fused": ("p = torch.nn.Parameter(torch.randn(10000, 1000)); g0 = torch.randn(10000, 1000)\no = torch.optim.AdamW([p], lr=1e-3, fused=True)",
                       "p.grad = g0\ntorch.nn.utils.clip_grad_norm_([p], 1.0); o.step()")}, 1.0, numbers=320e6))

# Small things.
rows.append(Row("tiny tensors", "a + b, 4 values", ("a = randn(4); b = randn(4)", "a + b;"),
                {"PyTorch": ("a = torch.randn(4); b = torch.randn(4)", "a + b")}, 2.0))
rows.append(Row("tiny tensors", "gradient of Σ tanh(x·w)", ("x = randn(4); w = randn(4)", "grad(x -> sum(tanh(x * w)), x);"),
                {"PyTorch": ("x = torch.randn(4, requires_grad=True); w = torch.randn(4)", "x.grad = None\n(x * w).tanh().sum().backward()")}, 2.0))
rows.append(Row("generation", "200 tokens of the small GPT, one at a time", (
    "corpus = char_tokenizer(\"the quick brown fox jumps over the lazy dog.\".repeat_text(50)); m = GPT(vocab: corpus.vocab, context: 256, width: 128, heads: 4, layers: 4)",
    "generate(m, corpus, prompt: \"the \", length: 200);"),
    {"PyTorch with a cache": ("m = gpt.GPT(29, 256, 128, 4, 4).eval(); ids = torch.randint(29, (1, 4))", "m.generate(ids, 200)")}, 5.0))

# Training steps.
for name, width, heads, layers, batch, context, target in (("small", 128, 4, 4, 12, 64, 3.0), ("mid", 384, 6, 6, 8, 256, 2.2)):
    setup = f"""
gpt = GPT(vocab: 65, context: {context}, width: {width}, heads: {heads}, layers: {layers})
batches = text_batches(randint(0, 65, 100000), {batch}, {context})
opt = adamw(lr: 1e-3, betas: (0.9, 0.99), decay: 0.1)
s0 = opt.start(gpt)"""
    code = "x, y = batches[bench_i]\nl, g = value_and_grad(m -> cross_entropy(m(x), y), m)\nm, s = opt.step(m, clip_norm(g, 1.0), s)"
    peer = f"step = gpt.trainer(65, {context}, {width}, {heads}, {layers}, {batch}"
    rows.append(Row("training", f"training step, GPT {name} ({layers} × {width}, batch {batch} × {context})", (setup, "m = gpt; s = s0", code),
                    {"PyTorch": (peer + ")", "step()"), "PyTorch compiled": (peer + ", compiled=True)", "step()")}, target))

# Index notation beside the positional calls: no peer but attn itself.
PAIRS = [
    ("scores", "q = randn(8, 64, 32); k = randn(8, 64, 32)", "w[h, t, s] = sum[d](q[h, t, d] * k[h, s, d])", "w = q @ k.T"),
    ("scores of 4 × 4", "q = randn(4, 4); k = randn(4, 4)", "w[t, s] = sum[d](q[t, d] * k[s, d])", "w = q @ k.T"),
    ("linear layer", "x = randn(512, 128); a = randn(256, 128)", "y[t, o] = sum[i](x[t, i] * a[o, i])", "y = x @ a.T"),
    ("linear layer, one row", "x = randn(1, 128); a = randn(256, 128)", "y[t, o] = sum[i](x[t, i] * a[o, i])", "y = x @ a.T"),
    ("attention", "q = randn(8, 128, 32); k = randn(8, 128, 32); v = randn(8, 128, 32)",
     "y[h, t, e] = sum[s](softmax[s](sum[d](q[h, t, d] * k[h, s, d]) / sqrt(d) where s <= t) * v[h, s, e])", "y = attention(q, k, v, causal: true)"),
    ("softmax of rows", "x = randn(512, 256)", "y[t, s] = softmax[s](x[t, s])", "y = softmax(x, axis: -1)"),
    ("sum of rows", "x = randn(512, 256)", "y[t] = sum[s](x[t, s])", "y = sum(x, axis: -1)"),
    ("sum of columns", "x = randn(512, 256)", "y[s] = sum[t](x[t, s])", "y = sum(x, axis: 0)"),
    ("mean", "x = randn(512, 256)", "y[t] = mean[s](x[t, s])", "y = mean(x, axis: -1)"),
    ("add a row", "x = randn(512, 256); b = randn(256)", "y[t, s] = x[t, s] + b[s]; float(y[0, 0])", "y = x + b; float(y[0, 0])"),
    ("add", "x = randn(4); z = randn(4)", "y[i] = x[i] + z[i]", "y = x + z"),
    ("gelu", "x = randn(512, 256)", "y[t, s] = gelu(x[t, s]); float(y[0, 0])", "y = gelu(x); float(y[0, 0])"),
    ("transpose and scale", "x = randn(512, 256)", "y[s, t] = x[t, s] * 2.0; float(y[0, 0])", "y = x.T * 2.0; float(y[0, 0])"),
    ("gather", "x = randn(512, 64); ids = randint(0, 512, 1000)", "y[t, d] = x[ids[t], d]", "y = gather(x, ids)"),
    ("split heads", "x = randn(256, 128)", "y[h: 4, t, d] = x[t, (h d)]", "y = rearrange(x, \"t (h d) -> h t d\", h: 4)"),
]
