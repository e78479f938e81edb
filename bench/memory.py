"""memory.attn in PyTorch: `python memory.py STEPS`; 0 steps is the process with its imports alone."""

import sys

import peer_gpt
import torch

torch.set_num_threads(2)
if int(sys.argv[1]) > 0:
    step = peer_gpt.trainer(65, 256, 384, 6, 6, 8)
    for _ in range(int(sys.argv[1])):
        step()
