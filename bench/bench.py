"""attn beside its peers on this machine, in one run, interleaved; prints tables of medians.

    python3 bench/bench.py [WORDS...]            # everything, or the rows whose group or name has a word
    ATTN_TORCH=FOLDER/bin/python python3 bench/bench.py

The peers are PyTorch, NumPy and Debian's OpenBLAS, from a virtual environment outside the repository
(python3 -m venv FOLDER && FOLDER/bin/pip install torch numpy; apt-get install libopenblas0). Without
it those columns stay empty. `make bench` builds attn first.
"""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import rows

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent / ".build" / "release"
ATTN = BUILD / "attn"
TORCH = os.environ.get("ATTN_TORCH")
SAMPLES = int(os.environ.get("ATTN_SAMPLES", "7"))
SAMPLE_SECONDS = float(os.environ.get("ATTN_SAMPLE_SECONDS", "0.15"))


class Worker:
    """A process that runs rows and answers with seconds."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, cwd=HERE)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the worker ended: {request}")
        return float(answer)

    def begin(self, row, threads):
        setup, prelude, code = row if len(row) == 3 else (row[0], None, row[1])
        self.ask(setup=setup, prelude=prelude, code=code, threads=threads)
        # Once to warm up, then as often as fills a sample.
        count, seconds = 1, self.ask(count=1)
        while True:
            seconds = self.ask(count=count)
            if seconds >= SAMPLE_SECONDS or count >= 1 << 22:
                return count
            count = max(count + 1, min(count * 10, int(count * SAMPLE_SECONDS / max(seconds, 1e-9) * 1.2)))

    def sample(self, count):
        return self.ask(count=count) / count


def measured(sides, threads):
    """Medians of samples taken in turn: {name: (median, least, most)}."""
    counts = {name: worker.begin(row, threads) for name, (worker, row) in sides.items()}
    times = {name: [] for name in sides}
    for _ in range(SAMPLES):
        for name, (worker, row) in sides.items():
            # Several rows may share a worker, which knows one at a time.
            if sum(w is worker for w, _ in sides.values()) > 1:
                setup, prelude, code = row if len(row) == 3 else (row[0], None, row[1])
                worker.ask(setup=setup, prelude=prelude, code=code, threads=threads)
                worker.ask(count=1)
            times[name].append(worker.sample(counts[name]))
    return {name: (statistics.median(t), min(t), max(t)) for name, t in times.items()}


def readable(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def rate(row, seconds):
    if row.flops:
        return f"{row.flops / seconds / 1e9:.0f} GFLOP/s"
    if row.numbers:
        return f"{row.numbers / seconds / 1e9:.1f} GB/s"
    return ""


def compare(row, ours, peers):
    sides = {"attn": (ours, row.attn)}
    if peers:
        sides |= {name: (peers, code) for name, code in row.peers.items()}
    times = measured(sides, row.threads)
    mine, least, most = times.pop("attn")
    cells = [row.name, f"{readable(mine)} ({readable(least)} to {readable(most)})", rate(row, mine)]
    if times:
        best = min(times, key=lambda name: times[name][0])
        ratio = times[best][0] / mine
        cells += [", ".join(f"{name} {readable(t[0])}" for name, t in times.items()), f"{ratio:.2f}×", f"{row.target}×",
                  "yes" if ratio >= row.target else "no"]
    else:
        cells += ["–", "–", f"{row.target}×", "–"]
    print("| " + " | ".join(cells) + " |", flush=True)


def whole_commands():
    """Rows that are whole processes: start, and the interpreter's loop."""
    def seconds(command):
        start = time.perf_counter()
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    for name, mine, peer_name, peer in (
        ("start to first result: `attn -e \"1 + 1\"`", [ATTN, "-e", "1 + 1"], "python3 -c pass", [sys.executable, "-c", "pass"]),
        ("10 million rounds of a scalar loop", [ATTN, HERE / "loop.attn"], f"CPython {platform.python_version()}", [sys.executable, HERE / "loop.py"]),
    ):
        pairs = [(seconds(mine), seconds(peer)) for _ in range(SAMPLES + 1)][1:]
        ours, theirs = ([p[i] for p in pairs] for i in (0, 1))
        ratio = statistics.median(theirs) / statistics.median(ours)
        print(f"| {name} | {readable(statistics.median(ours))} ({readable(min(ours))} to {readable(max(ours))}) | | "
              f"{peer_name} {readable(statistics.median(theirs))} | {ratio:.2f}× | 1.0× | {'yes' if ratio >= 1 else 'no'} |", flush=True)


def peak_memory():
    """What training steps of the mid GPT take at most, less what a process takes that only starts."""
    def megabytes(command):
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
        return os.wait4(process.pid, 0)[2].ru_maxrss / 1024

    def median(work, idle):
        return statistics.median(megabytes(work) - megabytes(idle) for _ in range(3))

    mine = median([ATTN, HERE / "memory.attn"], [ATTN, "-e", "1 + 1"])
    cells = ["peak memory of training steps, GPT mid", f"{mine:.0f} MB", ""]
    if TORCH:
        peer = [TORCH, HERE / "memory.py"]
        theirs = median([*peer, 5], [*peer, 0])
        reached = "yes" if mine <= theirs else "no"
        cells += [f"PyTorch {theirs:.0f} MB", f"{theirs / mine:.2f}×", "1.0×", reached]
    else:
        cells += ["–", "–", "1.0×", "–"]
    print("| " + " | ".join(cells) + " |", flush=True)


def index_notation(ours, words):
    print("\n| index notation beside positional calls | notation | positional | notation / positional | to reach |\n| --- | --- | --- | --- | --- |")
    other = Worker([BUILD / "attn-bench"])
    for name, setup, formula, call in rows.PAIRS:
        if words and not any(w in name or w in "index notation" for w in words):
            continue
        times = measured({"notation": (ours, (setup, formula)), "positional": (other, (setup, call))}, 2)
        a, b = times["notation"][0], times["positional"][0]
        print(f"| {name} | {readable(a)} | {readable(b)} | {a / b:.2f} | 1.05 |", flush=True)


def machine():
    model = "unknown processor"
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        model = next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    verbose = subprocess.run([ATTN, "--version", "--verbose"], capture_output=True, text=True).stdout.split("\n")
    return (f"{model}, {os.cpu_count()} cores, {platform.system()}; load {os.getloadavg()[0]:.1f}; "
            + "; ".join(" ".join(v.split()) for v in verbose if v))


def main():
    words = sys.argv[1:]
    print(f"Machine: {machine()}. Medians of {SAMPLES} samples of {SAMPLE_SECONDS} s or one run, in turn; two threads unless said.\n")
    ours = Worker([BUILD / "attn-bench"])
    peers = Worker([TORCH, HERE / "peer_worker.py"]) if TORCH else None
    print("| work | attn (least to most) | rate | peers | attn is faster by | to reach | reached |\n| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows.TORCH_ROWS:
        if not words or any(w in row.group or w in row.name for w in words):
            compare(row, ours, peers)
    if not words or "commands" in words:
        whole_commands()
    if not words or "memory" in words:
        peak_memory()
    if not words or any(w in "index notation" for w in words):
        index_notation(ours, words)


main()
