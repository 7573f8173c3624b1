"""Training speed of the image networks on one CPU thread, as ratios against SmallCNN.

    python benchmarks/backbones.py            # 56 px, batch 64: the size of the runs on a CPU

Each variant is timed in turn, several rounds over, and the median round counts, so that a busy machine slows all of them alike.
"""
import statistics, time

import torch

from fashion_repro.backbones.bn_inception import _BLOCKS, BNInception, pooled_logits
from fashion_repro.backbones.inputs import CaffeBGR, ImageNetRGB
from fashion_repro.backbones.small_cnn import SmallCNN
from fashion_repro.ifashion.losses import bce_per_image

SIDE,BATCH,CLASSES,ROUNDS = 56,64,228,7


def default_format(net, x):
    "BN-Inception without the change of memory format in `features`."
    x = net._stem(x)
    for block in _BLOCKS: x = net._inception(x, block)
    return pooled_logits(x, net.last_linear)


def train_step(convert, net, forward=None):
    images = torch.randint(0, 256, (BATCH,3,SIDE,SIDE), dtype=torch.uint8)
    targets = (torch.rand(BATCH, CLASSES) < .03).float()
    net.train()
    def step():
        net.zero_grad()
        logits = forward(net, convert(images)) if forward else net(convert(images))
        bce_per_image(logits, targets).sum().backward()
    return step


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps = {'SmallCNN': train_step(ImageNetRGB(), SmallCNN(CLASSES)),
             'SmallCNN channels=16': train_step(ImageNetRGB(), SmallCNN(CLASSES, channels=16)),
             'BNInception width=.25': train_step(CaffeBGR(), BNInception(CLASSES, width=.25)),
             '  in default memory format': train_step(CaffeBGR(), BNInception(CLASSES, width=.25), default_format)}
    seconds = {k: [] for k in steps}
    for k,step in steps.items(): step()                       # the first call allocates
    for _ in range(ROUNDS):
        for k,step in steps.items():
            start = time.perf_counter()
            step()
            seconds[k].append(time.perf_counter()-start)
    base = statistics.median(seconds['SmallCNN'])
    print(f'forward and backward, {SIDE} px, batch {BATCH}, {CLASSES} classes, 1 thread, median of {ROUNDS} rounds')
    print(f'{"network":28}{"images/s":>10}{"ratio":>8}')
    for name,s in seconds.items():
        print(f'{name:28}{BATCH/statistics.median(s):10.0f}{base/statistics.median(s):8.2f}')


if __name__=='__main__': main()
