"""Training speed of the image networks on one CPU thread, as ratios against SmallCNN.

    python benchmarks/backbones.py            # a quarter of the width, 56 px (Inception-v3: 75 px), batch 64: the size of the runs on a CPU

Forward and backward, auxiliary heads included. Each variant is timed in turn, several rounds over, and the median round counts, so that
a busy machine slows all of them alike.
"""
import statistics, time

import torch

from fashion_repro.backbones.bn_inception import _BLOCKS, BNInception, pooled_logits
from fashion_repro.backbones.inception_v1 import InceptionV1
from fashion_repro.backbones.inception_v3 import InceptionV3
from fashion_repro.backbones.inputs import CaffeBGR, ImageNetRGB, SignedRGB
from fashion_repro.backbones.resnet import ResNet101
from fashion_repro.backbones.small_cnn import SmallCNN
from fashion_repro.ifashion.losses import bce_per_image

BATCH,CLASSES,ROUNDS = 64,228,7


def bn_inception_contiguous(net, x):
    "BN-Inception without the change of memory format in `features`."
    x = net._stem(x)
    for block in _BLOCKS: x = net._inception(x, block)
    return pooled_logits(x, net.last_linear)


def resnet_contiguous(net, x):
    "ResNet-101 without the change of memory format in `features`."
    x = net.layer4(net.layer3(net.layer2(net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x))))))))
    return pooled_logits(x, net.last_linear)


def train_step(convert, net, side, forward=None):
    images = torch.randint(0, 256, (BATCH,3,side,side), dtype=torch.uint8)
    targets = (torch.rand(BATCH, CLASSES) < .03).float()
    net.train()
    def step():
        net.zero_grad()
        out = forward(net, convert(images)) if forward else net(convert(images))
        main,*aux = out if isinstance(out, tuple) else (out,)
        loss = bce_per_image(main, targets).sum()
        if aux: loss = loss + net.AUX_WEIGHT*sum(bce_per_image(o, targets).sum() for o in aux)
        loss.backward()
    return step


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps = {'SmallCNN channels=16': train_step(ImageNetRGB(), SmallCNN(CLASSES, channels=16), 56),
             'SmallCNN channels=32': train_step(ImageNetRGB(), SmallCNN(CLASSES), 56),
             'BNInception': train_step(CaffeBGR(), BNInception(CLASSES, width=.25), 56),
             '  in default memory format': train_step(CaffeBGR(), BNInception(CLASSES, width=.25), 56, bn_inception_contiguous),
             'InceptionV1': train_step(CaffeBGR(), InceptionV1(CLASSES, width=.25), 56),
             "  norm='lrn'": train_step(CaffeBGR(), InceptionV1(CLASSES, width=.25, norm='lrn'), 56),
             'InceptionV3 75 px': train_step(SignedRGB(), InceptionV3(CLASSES, width=.25), 75),
             'ResNet101': train_step(ImageNetRGB(), ResNet101(CLASSES, width=.25), 56),
             '  in default memory format ': train_step(ImageNetRGB(), ResNet101(CLASSES, width=.25), 56, resnet_contiguous)}
    seconds = {k: [] for k in steps}
    for k,step in steps.items(): step()                       # the first call allocates
    for _ in range(ROUNDS):
        for k,step in steps.items():
            start = time.perf_counter()
            step()
            seconds[k].append(time.perf_counter()-start)
    base = statistics.median(seconds['SmallCNN channels=16'])
    print(f'forward and backward, width .25, 56 px, batch {BATCH}, {CLASSES} classes, 1 thread, median of {ROUNDS} rounds')
    print(f'{"network":28}{"images/s":>10}{"ratio":>8}')
    for name,s in seconds.items():
        print(f'{name:28}{BATCH/statistics.median(s):10.0f}{base/statistics.median(s):8.2f}')


if __name__=='__main__': main()
