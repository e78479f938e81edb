"""Writes the outside witness: attn's primitives, formulas and a small GPT as torch computes them.

    pip install torch==2.15.0 numpy
    python3 generate.py             # into this folder
    python3 generate.py FOLDER      # somewhere else, to compare

CPU only, one thread, fixed seeds: two runs give the same bytes. README.md describes the files.
"""

import pathlib
import sys

sys.dont_write_bytecode = True

import torch

import gpt
import witness
import formulas    # noqa: F401, declares the cases in index notation
import primitives  # noqa: F401, declares the positional cases


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    tensors, lines = {}, []
    for c in witness.cases:
        found, line = witness.evaluate(c)
        tensors.update(found)
        lines.append(line)
    witness.save(folder / "primitives.safetensors", tensors)
    (folder / "primitives.txt").write_text("\n".join(lines) + "\n")
    witness.save(folder / "gpt.safetensors", gpt.tensors())

    for name in ("primitives.txt", "primitives.safetensors", "gpt.safetensors"):
        print(name, (folder / name).stat().st_size, "bytes")
    print(len({c["name"] for c in witness.cases}), "cases,", len(lines), "lines")


main()
