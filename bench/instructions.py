"""Counts the instructions of ten small statements, which are repeatable where times are not.

    python3 bench/instructions.py BINARY...      # e.g. .build/release/attn, and one of another commit

Each statement runs in a loop of two lengths under callgrind, with the AVX2 kernels on one thread; the difference
divided by the difference of lengths is the statement with its round of the loop. Needs valgrind, and binutils' strip, as valgrind can't read
Swift's debugging information.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

LENGTHS = 200, 1200

# name: setup, statement
STATEMENTS = {
    "an empty round": ("", ""),
    "a tiny addition": ("x = ones(4)\ny = ones(4)", "x + y"),
    "a linear layer of one row": ("l = Linear(32, 32)\nx = ones(1, 32)", "l(x)"),
    "scores of 4 × 4": ("q = ones(4, 8)\nk = ones(4, 8)", "w[t, s] = softmax[s](sum[d](q[t, d] * k[s, d]))"),
    "a call with five keywords": ("fn f(a, b: 1, c: 2, d: 3, e: 4) = a", "f(a: 5, e: 1, d: 2, c: 3, b: 4)"),
    "a model's apply": ("model M(n) {\n  w = n\n  apply(x) = x\n}\nm = M(2)", "m(3)"),
    "a gradient of three operations": ("fn f(x) = sum(tanh(x) * x)\nx = ones(4)", "grad(f, x)"),
    "a gather": ("table = ones(8, 4)\nids = [1, 2, 3]", "table[ids]"),
    "a reshape": ("x = ones(4, 4)", "reshape(x, 2, 8)"),
    "a token of GPT": ("corpus = {tokenizer}(\"attention is all you need\")\n"
                       "g = GPT(vocab: corpus.vocab, context: 64, width: 8, heads: 2, layers: 2)",
                       "generate(g, corpus, length: 48)"),
}
TOKENS = 48


def instructions(binary, setup, statement, rounds):
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "script.attn")
        script.write_text(f"{setup}\nfn run() {{\n  for i in 0..{rounds} {{ {statement} }}\n}}\nrun()\n")
        out = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", binary, "--isa", "avx2",
             "--threads", "1", "run", str(script)], capture_output=True, text=True)
        if out.returncode:
            return None
        return int(re.search(r"Collected : (\d+)", out.stderr).group(1))


def main():
    folder = tempfile.TemporaryDirectory()
    print("| statement |" + "".join(f" {b} |" for b in sys.argv[1:]))
    binaries = []
    for number, binary in enumerate(sys.argv[1:]):
        binaries.append(f"{folder.name}/{number}")
        subprocess.run(["strip", "-g", "-o", binaries[-1], binary], check=True)
    print("| --- |" + " --- |" * len(binaries))
    for name, (setup, statement) in STATEMENTS.items():
        short, long = (2, 12) if "GPT" in name else LENGTHS
        cells = []
        for binary in binaries:
            known = subprocess.run([binary, "doc", "char_tokenizer"], capture_output=True).returncode == 0
            setup_here = setup.replace("{tokenizer}", "char_tokenizer" if known else "chars")  # its name before
            counts = [instructions(binary, setup_here, statement, n) for n in (short, long)]
            if None in counts:
                cells.append("fails")
                continue
            each = (counts[1] - counts[0]) / (long - short)
            cells.append(f"{each / TOKENS if 'GPT' in name else each:,.0f}")
        print(f"| {name} |" + "".join(f" {c} |" for c in cells), flush=True)


main()
