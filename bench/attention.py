"""Attention forward and backward, causal, 8 heads x 64: attn's formula beside PyTorch's kernel.

    ATTN_TORCH=FOLDER/bin/python python3 bench/attention.py [LENGTH ...]

Medians of interleaved runs, two threads each. attn's time is the difference of a long and a short run,
so that start and set-up drop out; it includes the sum that makes one number of the result. PyTorch's is
taken inside its process. GFLOP/s count seven products of which the causal rule needs half. Memory is
the process's peak less what it takes before the first step. Without PyTorch its columns stay empty.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ATTN = HERE.parent / ".build" / "release" / "attn"
TORCH = os.environ.get("ATTN_TORCH")
HEADS, WIDTH, REPEATS = 8, 64, 5

PEER = """
import resource, statistics, sys, time, torch
torch.set_num_threads(2)
length, steps = int(sys.argv[1]), int(sys.argv[2])
q, k, v = [torch.randn(1, 8, length, 64, requires_grad=True) for _ in range(3)]
y = torch.randn(1, 8, length, 64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def step():
    q.grad = k.grad = v.grad = None
    torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).backward(y)
step()
times = []
for _ in range(steps):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(1e3 * statistics.median(times), (after - before) / 1024)
"""


def attn_run(length, steps):
    """Seconds, and the process's peak in MB."""
    start = time.perf_counter()
    child = subprocess.Popen([str(ATTN), "run", str(HERE / "attention.attn"), "--threads", "2",
                              "--length", str(length), "--steps", str(steps)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit("attn failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    lengths = [int(word) for word in sys.argv[1:]] or [128, 256, 512, 1024, 2048, 4096]
    print("| length | attn ms (GFLOP/s, MB) | PyTorch ms (GFLOP/s, MB) | attn is faster by |")
    print("| --- | --- | --- | --- |")
    for length in lengths:
        work = 7 * 2 * HEADS * length * length * WIDTH / 2
        steps = max(3, int(4e10 / work))
        ours, theirs = [], []
        for _ in range(REPEATS):
            (short, idle), (long, peak) = attn_run(length, 0), attn_run(length, steps)
            ours.append((1e3 * (long - short) / steps, peak - idle))
            if TORCH:
                out = subprocess.run([TORCH, "-c", PEER, str(length), str(steps)], check=True,
                                     capture_output=True, text=True).stdout
                theirs.append(tuple(float(word) for word in out.split()))
        cells = []
        for runs in (ours, theirs):
            if not runs:
                cells.append("")
                continue
            ms, memory = (statistics.median(values) for values in zip(*runs))
            cells.append(f"{ms:.2f} ({work / ms / 1e6:.0f}, {memory:.0f})")
        ratio = statistics.median(t[0] for t in theirs) / statistics.median(o[0] for o in ours) if theirs else None
        print(f"| {length} | {cells[0]} | {cells[1]} | {f'{ratio:.2f}×' if ratio else ''} |", flush=True)


main()
