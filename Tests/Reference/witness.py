"""The machinery of the outside witness: what a case is, how inputs are drawn, how files are written.

A case is an attn expression, the same thing said in torch, and recipes for its inputs. The reference
is always computed in float64, on the inputs as they stand in the case's own dtype.
"""

import json
import struct
import zlib

import torch

DTYPES = {"f32": torch.float32, "f64": torch.float64, "i32": torch.int32, "i64": torch.int64, "bool": torch.bool}
CODES = {torch.float64: "F64", torch.int64: "I64", torch.float32: "F32", torch.int32: "I32", torch.bool: "BOOL"}

cases = []


def case(name, expression, reference, dtype="float", gradient=True, note="", **inputs):
    """Declares one case; `dtype="float"` makes it one for f32 and one for f64.

    `reference` gets the inputs by position, in the order in which they are named here. `note` is `exact`
    (the result must be the reference rounded to its dtype, no tolerance), or `f32` (the result is f32
    though the case's dtype is not), or nothing.
    """
    assert name not in {c["name"] for c in cases}, f"{name} is declared twice"
    assert "|" not in expression
    for each in ("f32", "f64") if dtype == "float" else (dtype,):
        cases.append(dict(name=name, dtype=each, expression=expression, reference=reference,
                          gradient=gradient, note=note, inputs=inputs))


# Recipes for inputs. Each takes a generator and gives a tensor; floats are float64 until a case rounds them.

def normal(*shape):
    return lambda g: torch.randn(shape, generator=g, dtype=torch.float64)

def positive(*shape):
    return lambda g: torch.rand(shape, generator=g, dtype=torch.float64) * 2 + 0.25

def clear(*shape, low=0.2, high=0.8):
    """Values in -2.5 ..< 2.5 that stay clear of every multiple of 0.5: no kink, tie or step is near.

    Two tensors with bands (0.1, 0.4) and (0.6, 0.9) also stay clear of each other.
    """
    def draw(g):
        cell = torch.randint(-5, 5, shape, generator=g)
        return 0.5 * (cell + low + (high - low) * torch.rand(shape, generator=g, dtype=torch.float64))
    return draw

def distinct(*shape):
    """Values that all differ by 0.15 or more, in random order: no tie is near."""
    def draw(g):
        n = torch.Size(shape).numel()
        jitter = 0.5 * torch.rand(n, generator=g, dtype=torch.float64)
        return (0.3 * (torch.randperm(n, generator=g) - n / 2 + 0.2 + jitter)).reshape(shape)
    return draw

def values(rows, dtype=torch.float64):
    return lambda g: torch.tensor(rows, dtype=dtype)

def integers(rows, dtype=torch.int64):
    return values(rows, dtype)

def mask(text):
    """A boolean tensor from a picture: `1` keeps, `.` drops; a space starts a row, `/` a higher axis."""
    def parse(part, marks):
        if not marks:
            return [character == "1" for character in part]
        return [parse(piece, marks[1:]) for piece in part.split(marks[0])]
    return values(parse(text, [mark for mark in ("//", "/", " ") if mark in text]), torch.bool)

def fixed(recipe):
    """A float input whose gradient the case doesn't ask for."""
    def draw(g):
        return recipe(g)
    draw.fixed = True
    return draw


# Running the cases.

def evaluate(c):
    """The tensors of one case by their names in the file, and the case's line."""
    own = DTYPES[c["dtype"]]
    stored, args, wanted = {}, {}, []
    for name, recipe in c["inputs"].items():
        x = recipe(generator(c["name"], name))
        if x.dtype == torch.float64 and own.is_floating_point:
            x = x.to(own)
        stored[name] = x
        args[name] = x.double() if x.is_floating_point() else x
        if c["gradient"] and x.is_floating_point() and not hasattr(recipe, "fixed"):
            wanted.append(name)
            args[name] = args[name].clone().requires_grad_()
    out = c["reference"](*args.values())
    if out.is_floating_point():
        out = out.double()
    stored["out"] = out.detach()
    if wanted:
        dy = normal(*out.shape)(generator(c["name"], "dy")).to(own)
        stored["dy"] = dy
        grads = torch.autograd.grad((out * dy.double()).sum(), [args[n] for n in wanted])
        stored.update({"d" + n: g for n, g in zip(wanted, grads)})
        check(c, args, wanted, stored)
    assert all(t.isfinite().all() for t in stored.values()), f"{c['name']} isn't finite"
    marked = " ".join(n + "*" if n in wanted else n for n in c["inputs"])
    line = " | ".join([c["name"], c["dtype"], marked, c["expression"]] + ([c["note"]] if c["note"] else []))
    key = f"{c['name']}.{c['dtype']}."
    return {key + n: t for n, t in stored.items()}, line


def check(c, args, wanted, stored):
    """A case must be fair: smooth where its inputs stand, and within reach of plain f32 arithmetic."""
    def reference(*xs):
        return c["reference"](*{**args, **dict(zip(wanted, xs))}.values())
    inputs = tuple(args[n].detach().requires_grad_() for n in wanted)
    assert torch.autograd.gradcheck(reference, inputs, eps=1e-6, atol=1e-5, rtol=1e-4), c["name"]
    if c["dtype"] == "f32":
        singles = [x.detach().float().requires_grad_() for x in inputs]
        floats = {n: x.float() if x.is_floating_point() else x for n, x in args.items()}
        out = c["reference"](*{**floats, **dict(zip(wanted, singles))}.values())
        grads = torch.autograd.grad((out * stored["dy"]).sum(), singles)
        for name, got in [("out", out)] + [("d" + n, g) for n, g in zip(wanted, grads)]:
            far = ((got.double() - stored[name]).abs() / (1 + stored[name].abs())).max().item()
            assert far < 2e-6, f"{c['name']}: torch in f32 is {far} off in {name}"


def generator(*names):
    """A generator that depends on these names alone, so that a new case doesn't change the others."""
    return torch.Generator().manual_seed(zlib.crc32(".".join(names).encode()))


def save(path, tensors):
    """Writes safetensors: header length, JSON header, data; widest elements first, so that all are aligned."""
    order = sorted(tensors, key=lambda n: (-tensors[n].element_size(), n))
    header, data = {}, bytearray()
    for name in order:
        t = tensors[name].detach().contiguous()
        start = len(data)
        data += t.numpy().tobytes()
        header[name] = {"dtype": CODES[t.dtype], "shape": list(t.shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
