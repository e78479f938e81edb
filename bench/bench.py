"""attn beside its peers on this machine, in one run, interleaved; prints a table of medians.

    python3 bench/bench.py                       # everything that can be run here
    ATTN_TORCH=FOLDER/bin/python python3 bench/bench.py

The peer of training is PyTorch, from a virtual environment outside the repository
(python3 -m venv FOLDER && FOLDER/bin/pip install torch numpy). Without it that row says so.
"""

import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ATTN = HERE.parent / ".build" / "release" / "attn"
TORCH = os.environ.get("ATTN_TORCH")
REPEATS = 7


def seconds(command):
    start = time.perf_counter()
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def attn_step():
    """ms per step: the difference of a long and a short run, so that start and set-up drop out."""
    short = seconds([ATTN, "run", HERE / "train_step.attn", "--steps", 20])
    long = seconds([ATTN, "run", HERE / "train_step.attn", "--steps", 120])
    return 1e3 * (long - short) / 100


def torch_step():
    out = subprocess.run([TORCH, str(HERE / "torch_step.py")], check=True, capture_output=True, text=True)
    return float(out.stdout)


def compare(name, unit, attn, peer_name, peer):
    attn()  # warms the file cache
    pairs = [(attn(), peer() if peer else float("nan")) for _ in range(REPEATS)]
    ours, theirs = (statistics.median(values) for values in zip(*pairs))
    spread = f"{min(p[0] for p in pairs):.2f} to {max(p[0] for p in pairs):.2f}"
    ratio = f"{theirs / ours:.2f}×" if peer else "not installed here"
    print(f"| {name} | {ours:.2f} {unit} ({spread}) | {peer_name} {theirs:.2f} {unit} | {ratio} |", flush=True)


def machine():
    model = "unknown processor"
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        model = next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    load = os.getloadavg()[0]
    verbose = subprocess.run([ATTN, "--version", "--verbose"], capture_output=True, text=True).stdout.split("\n")
    return f"{model}, {os.cpu_count()} cores, {platform.system()}; load {load:.1f}; {'; '.join(' '.join(v.split()) for v in verbose if v)}"


def main():
    print(f"Machine: {machine()}. Medians of {REPEATS} interleaved runs.\n")
    print("| work | attn (least to most) | peer | attn is faster by |")
    print("| --- | --- | --- | --- |")
    compare("training step, GPT 4 × 128, batch 12 × 64, two threads", "ms", attn_step, "PyTorch eager", torch_step if TORCH else None)
    compare("start to first result: `attn -e \"1 + 1\"`", "ms", lambda: 1e3 * seconds([ATTN, "-e", "1 + 1"]),
            "python3 -c pass", lambda: 1e3 * seconds([sys.executable, "-c", "pass"]))
    compare("10 million rounds of a scalar loop", "s", lambda: seconds([ATTN, HERE / "loop.attn"]),
            f"CPython {platform.python_version()}", lambda: seconds([sys.executable, HERE / "loop.py"]))


main()
