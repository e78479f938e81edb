"""A small GPT in PyTorch, as its users write it: the peer of the library's GPT."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.qkv, self.project = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x, cache=None):
        b, t, d = x.shape
        parts = self.qkv(self.norm1(x)).split(d, dim=2)
        q, k, v = (p.view(b, t, self.heads, d // self.heads).transpose(1, 2) for p in parts)
        if cache is not None:
            at = cache["length"]
            cache["k"][:, :, at : at + t], cache["v"][:, :, at : at + t] = k, v
            k, v = cache["k"][:, :, : at + t], cache["v"][:, :, : at + t]
            cache["length"] += t
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1)
        x = x + self.project(mixed.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, vocab, context, width, heads, layers):
        super().__init__()
        self.context = context
        self.token, self.position = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                residual = name.endswith(("project.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * layers) if residual else 0.02)

    def forward(self, ids, caches=None):
        past = caches[0]["length"] if caches else 0
        h = self.token(ids) + self.position.weight[past : past + ids.shape[1]]
        for i, block in enumerate(self.blocks):
            h = block(h, caches[i] if caches else None)
        return self.norm(h) @ self.token.weight.T

    @torch.inference_mode()
    def generate(self, ids, length):
        """`length` tokens more, drawn one at a time, with keys and values kept."""
        size = (1, self.blocks[0].heads, self.context, self.token.weight.shape[1] // self.blocks[0].heads)
        caches = [{"k": torch.empty(size), "v": torch.empty(size), "length": 0} for _ in self.blocks]
        out, new = [ids], ids
        for _ in range(length):
            logits = self(new, caches)[:, -1] / 0.8
            new = torch.multinomial(F.softmax(logits, dim=-1), 1)
            out.append(new)
        return torch.cat(out, 1)


def trainer(vocab, context, width, heads, layers, batch, compiled=False):
    """A function that takes one training step."""
    model = GPT(vocab, context, width, heads, layers)
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    ids = torch.randint(vocab, (100000,))
    run = torch.compile(model) if compiled else model

    def step():
        at = torch.randint(len(ids) - context, (batch,))
        x = torch.stack([ids[i : i + context] for i in at])
        y = torch.stack([ids[i + 1 : i + context + 1] for i in at])
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(run(x).flatten(0, 1), y.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step
