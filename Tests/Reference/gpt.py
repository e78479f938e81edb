"""A small GPT under attn's parameter names: loss, logits, gradients, and three steps of AdamW.

Pre-norm, no biases, exact GELU, layer-norm epsilon 1e-5, output tied to the token embedding.
"""

import torch
import torch.nn.functional as F

VOCAB, CONTEXT, WIDTH, HEADS, LAYERS, BATCH, TOKENS = 11, 8, 12, 3, 2, 2, 6
STEPS = 3


def tensors():
    """Everything the file holds: the same run from f64 weights and from weights rounded to f32."""
    g = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(shape, generator=g, dtype=torch.float64) * (0.1 if len(shape) == 1 else 0.3)
              + (1.0 if len(shape) == 1 else 0.0)
        for name, shape in shapes().items()
    }
    x = torch.randint(VOCAB, (BATCH, TOKENS), generator=g)
    y = torch.randint(VOCAB, (BATCH, TOKENS), generator=g)
    found = {}
    for prefix, dtype in (("f64.", torch.float64), ("f32.", torch.float32)):
        start = {name: w.to(dtype) for name, w in weights.items()}
        found.update({prefix + name: t for name, t in {**start, **run(start, x, y)}.items()})
    return found


def shapes():
    all = {"token.weight": (VOCAB, WIDTH), "position.weight": (CONTEXT, WIDTH)}
    for i in range(LAYERS):
        all.update({f"blocks.{i}." + name: shape for name, shape in {
            "norm1.weight": (WIDTH,),
            "attention.query.weight": (WIDTH, WIDTH),
            "attention.key.weight": (WIDTH, WIDTH),
            "attention.value.weight": (WIDTH, WIDTH),
            "attention.project.weight": (WIDTH, WIDTH),
            "norm2.weight": (WIDTH,),
            "feedforward.up.weight": (4 * WIDTH, WIDTH),
            "feedforward.down.weight": (WIDTH, 4 * WIDTH),
        }.items()})
    all["norm.weight"] = (WIDTH,)
    return all


def logits(p, x):
    def heads(z):
        return z.view(BATCH, TOKENS, HEADS, -1).transpose(1, 2)
    h = p["token.weight"][x] + p["position.weight"][:TOKENS]
    for i in range(LAYERS):
        b = f"blocks.{i}."
        n = F.layer_norm(h, (WIDTH,), p[b + "norm1.weight"])
        q, k, v = (heads(F.linear(n, p[f"{b}attention.{part}.weight"])) for part in ("query", "key", "value"))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + F.linear(mixed.transpose(1, 2).reshape(h.shape), p[b + "attention.project.weight"])
        n = F.layer_norm(h, (WIDTH,), p[b + "norm2.weight"])
        h = h + F.linear(F.gelu(F.linear(n, p[b + "feedforward.up.weight"])), p[b + "feedforward.down.weight"])
    return F.layer_norm(h, (WIDTH,), p["norm.weight"]) @ p["token.weight"].T


def run(start, x, y, compute=torch.float64):
    """Trains from `start`, computing in `compute` whatever dtype the weights come in."""
    p = {name: w.detach().to(compute).clone().requires_grad_() for name, w in start.items()}
    matrices = [w for w in p.values() if w.dim() >= 2]
    vectors = [w for w in p.values() if w.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=1e-2, betas=(0.9, 0.99), eps=1e-8)
    found, losses = {"x": x, "y": y}, []
    for step in range(STEPS):
        optimizer.zero_grad()
        scores = logits(p, x)
        loss = F.cross_entropy(scores.flatten(0, 1), y.flatten())
        loss.backward()
        losses.append(loss.detach())
        if step == 0:
            found.update(loss=loss.detach(), logits=scores.detach())
            found.update({"grad." + name: w.grad.clone() for name, w in p.items()})
        norm = torch.nn.utils.clip_grad_norm_(p.values(), 1.0)
        if step == 0:
            found["norm"] = norm.detach().clone()
        optimizer.step()
    found["losses"] = torch.stack(losses)
    found.update({"after." + name: w.detach().clone() for name, w in p.items()})
    return found
