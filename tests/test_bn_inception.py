"""BN-Inception against the layer list of its public port: names, shapes, and a second forward pass built from that list alone."""
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from fashion_repro.backbones.bn_inception import BNInception

LINES = [l.split() for l in (Path(__file__).parent/'golden'/'bn_inception.txt').read_text().splitlines() if not l.startswith('#')]
CONVS = {name: tuple(map(int, rest)) for name,*rest in LINES if len(rest)==4}      # in, out, kernel, stride
POOLS = {name: (kind,int(stride)) for name,kind,stride in (l for l in LINES if len(l)==3)}


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    net = BNInception(1000).eval()
    for m in net.modules():            # statistics and scales as a trained network has them: none is 0 or 1
        if isinstance(m, torch.nn.BatchNorm2d):
            for t,a,b in ((m.running_mean,-.2,.2), (m.running_var,.5,2.), (m.weight.data,.5,1.5), (m.bias.data,-.2,.3)): t.uniform_(a, b)
        if isinstance(m, torch.nn.Conv2d): m.bias.data.uniform_(-.2, .2)
    return net


def test_names_and_shapes(net):
    published = {'last_linear.weight': (1000,1024), 'last_linear.bias': (1000,)}
    for name,(ni,nf,ks,_) in CONVS.items():
        published |= {f'{name}.weight': (nf,ni,ks,ks), f'{name}.bias': (nf,)}
        published |= {f'{name}_bn.{o}': (nf,) for o in ('weight','bias','running_mean','running_var')}
    ours = {n: tuple(w.shape) for n,w in net.state_dict().items() if not n.endswith('num_batches_tracked')}
    assert len(CONVS)==69 and ours==published          # the weights predate num_batches_tracked
    assert all(getattr(net, n).stride==(s,s) for n,(*_,s) in CONVS.items())


def port(weights, x):
    "The port's graph, from the layer list: every layer spelt out, pooling as Caffe does it."
    def run(x, *names):
        for n in names:
            *_,ks,stride = CONVS[n]
            x = F.conv2d(x, weights[f'{n}.weight'], weights[f'{n}.bias'], stride, padding={1:0,3:1,7:3}[ks])
            x = F.batch_norm(x, *(weights[f'{n}_bn.{o}'] for o in ('running_mean','running_var','weight','bias')), eps=1e-5)
            x = x.clamp(min=0)
        return x
    x = F.max_pool2d(run(x, 'conv1_7x7_s2'), 3, 2, ceil_mode=True)
    x = F.max_pool2d(run(x, 'conv2_3x3_reduce', 'conv2_3x3'), 3, 2, ceil_mode=True)
    for pool,(kind,stride) in POOLS.items():
        b = pool.removesuffix('pool')
        if stride==2: pooled = F.max_pool2d(x, 3, 2, ceil_mode=True)
        elif kind=='max': pooled = F.max_pool2d(x, 3, 1, padding=1, ceil_mode=True)
        else: pooled = F.avg_pool2d(x, 3, 1, padding=1, ceil_mode=True, count_include_pad=True)
        chains = [[b+'1x1'], [b+'3x3_reduce', b+'3x3'], [b+'double_3x3_reduce', b+'double_3x3_1', b+'double_3x3_2']]
        outs = [run(x, *c) for c in chains if c[0] in CONVS]
        x = torch.cat(outs + [run(pooled, b+'pool_proj') if b+'pool_proj' in CONVS else pooled], 1)
    return F.linear(F.avg_pool2d(x, x.shape[-1]).flatten(1), weights['last_linear.weight'], weights['last_linear.bias'])


@pytest.mark.parametrize('side', [224, 64])
def test_forward(net, side):
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))*60
    with torch.no_grad(): ours,theirs = net.double()(x.double()),port(net.state_dict(), x.double())
    net.float()
    assert theirs.std() > 1e-3 and torch.allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_the_port_is_undefined_at_56_px_and_we_are_not(net):
    x = torch.zeros(1, 3, 56, 56)
    with torch.no_grad():
        with pytest.raises(RuntimeError, match='Sizes of tensors must match'): port(net.state_dict(), x)
        assert net(x).shape==(1,1000)
