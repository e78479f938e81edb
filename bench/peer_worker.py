"""The peers' side of the benchmarks: PyTorch, NumPy and OpenBLAS in one process.

bench.py sends rows as lines of JSON; each answer is a time in seconds, as in worker/Worker.swift.
"""

import ctypes
import ctypes.util
import json
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

import peer_gpt

ROW_MAJOR, AS_IS, TRANSPOSED = 101, 111, 112


class OpenBLAS:
    """Debian's library, called directly."""

    def __init__(self):
        self.library = ctypes.CDLL(ctypes.util.find_library("openblas") or "libopenblas.so.0")

    def threads(self, count):
        self.library.openblas_set_num_threads(count)

    def product(self, a, b, c, transpose_a=False, transpose_b=False):
        m, n = c.shape
        k = a.shape[0] if transpose_a else a.shape[1]
        pointer = ctypes.POINTER(ctypes.c_float)
        args = [x.ctypes.data_as(pointer) for x in (a, b, c)]
        call, one, zero = self.library.cblas_sgemm, ctypes.c_float(1), ctypes.c_float(0)
        ta, tb = (TRANSPOSED if t else AS_IS for t in (transpose_a, transpose_b))
        lda, ldb = a.shape[1], b.shape[1]
        return lambda: call(ROW_MAJOR, ta, tb, m, n, k, one, args[0], lda, args[1], ldb, zero, args[2], n)


def main():
    row = None
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("setup") is not None:
            threads = request.get("threads") or 2
            torch.set_num_threads(threads)
            torch.manual_seed(0)
            names = {"torch": torch, "np": np, "F": F, "gpt": peer_gpt, "OpenBLAS": OpenBLAS, "threads": threads}
            exec(request["setup"], names)
            body = request["code"].replace("\n", "\n        ")
            prelude = (request.get("prelude") or "pass").replace("\n", "\n    ")
            exec(f"def row(count):\n    {prelude}\n    for i in range(count):\n        {body}", names)
            row = names["row"]
        start = time.perf_counter()
        if request.get("count"):
            row(request["count"])
        print(time.perf_counter() - start, flush=True)


main()
