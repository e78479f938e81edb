"""How cost grows: time and memory of a GPT's training step against length, width, layers, batch and threads.

    python3 bench/growth.py        # after make bench, or swift build -c release --product attn-bench

One thing changes at a time from a middle: length 256, width 128, 2 layers, batch 4, two threads. Each
point is a process of its own: a training step is timed three times after two, the median stands, and
memory is the process's peak less that of one that does nothing. Prints the tables and plots of
docs/performance.md.
"""

import json
import os
import pathlib
import statistics
import subprocess

BUILD = pathlib.Path(__file__).resolve().parent.parent / ".build" / "release"


def measure(length=256, width=128, layers=2, batch=4, threads=2):
    setup = f"""
gpt = GPT(vocab: 65, context: {length}, width: {width}, heads: 4, layers: {layers})
batches = text_batches(randint(0, 65, 50000), {batch}, {length})
opt = adamw(lr: 1e-3)
s0 = opt.start(gpt)"""
    code = "x, y = batches[bench_i]\nl, g = value_and_grad(m -> cross_entropy(m(x), y), m)\nm, s = opt.step(m, clip_norm(g, 1.0), s)"
    process = subprocess.Popen([str(BUILD / "attn-bench")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(**request):
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    ask(setup=setup, prelude="m = gpt; s = s0", code=code, threads=threads)
    ask(count=2)
    seconds = statistics.median(ask(count=1) for _ in range(3))
    process.stdin.close()
    _, _, usage = os.wait4(process.pid, 0)
    return seconds, usage.ru_maxrss / 1024


def idle():
    process = subprocess.Popen([str(BUILD / "attn-bench")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return os.wait4(process.pid, 0)[2].ru_maxrss / 1024


def main():
    least = idle()
    for name, values in (
        ("length", [128, 256, 512, 1024, 2048, 4096, 8192, 16384]), ("width", [64, 128, 256, 512]),
        ("layers", [1, 2, 4, 8]), ("batch", [1, 2, 4, 8, 16]), ("threads", [1, 2]),
    ):
        print(f"\n| {name} | ms a step | MB |\n| --- | --- | --- |")
        points = []
        for value in values:
            # Long texts one at a time.
            extra = {"batch": 1, "layers": 1} if name == "length" else {}
            seconds, megabytes = measure(**{name: value}, **extra)
            points.append((value, 1e3 * seconds, megabytes - least))
            print(f"| {value} | {1e3 * seconds:.1f} | {megabytes - least:.0f} |", flush=True)
        if len(points) > 2:
            x, t, m = ([f"{p[i]:.3f}" for p in points] for i in range(3))
            lists = [f"log([{', '.join(v)}]) / log(2.0)" for v in (t, m)]
            plot = f"plot((time: {lists[0]}, memory: {lists[1]}), x: log([{', '.join(x)}]) / log(2.0), title: \"log2 of ms and of MB against log2 of {name}\")"
            done = subprocess.run([str(BUILD / "attn"), "-e", plot], capture_output=True, text=True)
            print(f"\n```text\n{done.stdout or done.stderr}```")


main()
