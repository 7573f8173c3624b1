"""The image networks against torchvision's with the same weights, and what every network promises to whoever trains it."""
from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models.googlenet import GoogLeNet

from fashion_repro.backbones.bn_inception import BNInception
from fashion_repro.backbones.inception_v1 import InceptionV1
from fashion_repro.backbones.inception_v3 import InceptionV3
from fashion_repro.backbones.inputs import CaffeBGR, ImageNetRGB, SignedRGB
from fashion_repro.backbones.resnet import ResNet101
from fashion_repro.backbones.small_cnn import SmallCNN
from fashion_repro.errors import UserError
from fashion_repro.ifashion.losses import bce_per_image
from fashion_repro.training.optim import RMSpropTF

NETWORKS = {   # name -> input conversion, network with A outputs at a factor of the width
    'small_cnn': (ImageNetRGB, lambda A, width: SmallCNN(A, channels=int(64*width))),
    'inception_bn': (CaffeBGR, BNInception),
    'inception_v1': (CaffeBGR, InceptionV1),
    'inception_v3': (SignedRGB, InceptionV3),
    'resnet101': (ImageNetRGB, ResNet101)}


def pixels(n, side, seed=0): return torch.randint(0, 256, (n,3,side,side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def as_trained(net):
    "Statistics and scales as a trained network has them: none is 0 or 1."
    torch.manual_seed(0)
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            for t,a,b in ((m.running_mean,-.2,.2), (m.running_var,.5,2.), (m.weight.data,.5,1.), (m.bias.data,-.2,.3)): t.uniform_(a, b)
    return net


def frozen_train(net):
    "Training mode, but for what would make two passes differ: dropout and the statistics of the batch."
    net.train()
    for m in net.modules():
        if isinstance(m, (nn.Dropout, nn.BatchNorm2d)): m.eval()
    return net


def same(ours, theirs): return theirs.std() > 1e-3 and torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4*theirs.abs().max().item())


def to_torchvision(net): return {('fc'+n[11:] if n.startswith('last_linear.') else n): w for n,w in net.state_dict().items()}


@torch.no_grad()
def test_inception_v3_is_torchvisions():
    "Same weights, same pictures: torchvision's network turns ImageNet's normalisation into its own inside, ours gets it once."
    ours = as_trained(InceptionV3())
    theirs = models.inception_v3(init_weights=False, transform_input=True)
    theirs.load_state_dict(to_torchvision(ours))
    x = pixels(1, 299)
    logits,aux = frozen_train(ours)(SignedRGB()(x))
    their_logits,their_aux = frozen_train(theirs)(ImageNetRGB()(x))
    assert same(logits, their_logits) and same(aux, their_aux)
    assert not same(ours.eval()(ImageNetRGB()(x)), their_logits)


@torch.no_grad()
def test_resnet101_is_torchvisions():
    ours,theirs = as_trained(ResNet101()).eval(),models.resnet101().eval()
    theirs.load_state_dict(to_torchvision(ours))
    for side in (64, 75): assert same(ours(x := ImageNetRGB()(pixels(2, side))), theirs(x))


@torch.no_grad()
def test_inception_v1_is_torchvisions_googlenet_but_for_what_its_paper_says():
    "torchvision's has 3x3 kernels for 5x5, a 2x2 pooling before 5a, and adaptive pooling in its auxiliary heads."
    ours,theirs = as_trained(InceptionV1(1000)),GoogLeNet(init_weights=False, aux_logits=True)
    for block in theirs.children():
        if hasattr(block, 'branch3'):
            conv = block.branch3[1].conv
            block.branch3[1].conv = nn.Conv2d(conv.in_channels, conv.out_channels, 5, padding=2, bias=False)
    theirs.maxpool4 = deepcopy(theirs.maxpool3)
    a,b = ours.state_dict(),theirs.state_dict()
    assert [w.shape for w in a.values()]==[w.shape for w in b.values()]          # their layers come in the same order
    theirs.load_state_dict(dict(zip(b, a.values())))
    x = CaffeBGR()(pixels(1, 224))/100
    seen = {}
    for name in ('aux1','aux2'): getattr(theirs, name).register_forward_pre_hook(lambda m, args: seen.update({m: args[0]}))
    logits,*aux = frozen_train(ours)(x)
    assert same(logits, frozen_train(theirs)(x).logits)
    for got,(head,m) in zip(aux, seen.items()):
        as_published = head.fc2(F.relu(head.fc1(head.conv(F.avg_pool2d(m, 5, 3)).flatten(1))))
        assert same(got, as_published)


@torch.no_grad()
def test_where_local_response_normalisation_stands():
    net = InceptionV1(10, width=.25, norm='lrn').eval()
    x = torch.randn(1, 3, 64, 64)*60
    def pool(x): return F.max_pool2d(x, 3, 2, ceil_mode=True)
    def lrn(x): return F.local_response_norm(x, 5, alpha=1e-4, beta=.75, k=1.)
    def conv(layer, x): return F.relu(F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding))
    y = lrn(pool(conv(net.conv1[0], x)))
    y = pool(lrn(conv(net.conv2[1][0], conv(net.conv2[0][0], y))))
    seen = []
    net.blocks['3a'].register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    net(x)
    assert torch.allclose(seen[0], y, atol=1e-4)


@pytest.mark.parametrize('name', NETWORKS)
@pytest.mark.parametrize('width', [.125, .5])
def test_what_every_network_promises(name, width):
    "Any side from the least on, one answer in evaluation mode, a tuple with auxiliary logits in training mode, 32 bits at the end."
    convert,make = NETWORKS[name]
    net = make(7, width=width)
    least,heads = net.MIN_PX,{'inception_v1':3,'inception_v3':2}.get(name, 1)
    assert hasattr(net, 'AUX_WEIGHT')==(heads>1)
    for side in (least, least+13):
        x = convert()(pixels(2, side))
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
            out = net.train()(x)
            assert isinstance(out, tuple)==(heads>1)
            out = out if heads>1 else (out,)
            assert len(out)==heads and all(o.shape==(2,7) and o.dtype==torch.float32 for o in out)
            again = net.eval()(x)
            assert torch.equal(again, net(x)) and again.dtype==torch.float32
    with torch.no_grad():
        features = net.features(x)
        assert features.ndim==4 and (features>=0).all()
        assert torch.allclose(net(x), net.last_linear(features.mean((2,3))), atol=1e-5)        # what a class activation map relies on
    with pytest.raises(UserError, match=f'at least {least} x {least} px, got {least-1} x {least}'):
        net(convert()(pixels(2, least))[:,:,1:])
    with torch.device('meta'): assert make(7, width=width).eval()(torch.zeros(1,3,least,least)).shape==(1,7)


def first_losses(net, convert, side, eps, steps=12):
    "Losses of the first steps on one batch under the optimiser of iFashion."
    torch.manual_seed(0)
    net,x,y = net.train(),convert()(pixels(16, side)),(torch.rand(16, 40)<.1).float()
    opt,losses = RMSpropTF(net.parameters(), lr=.1, eps=eps),[]
    for _ in range(steps):
        out = net(x)
        main,*aux = [bce_per_image(o, y).mean() for o in (out if isinstance(out, tuple) else (out,))]
        opt.zero_grad()
        (main + getattr(net, 'AUX_WEIGHT', 0)*sum(aux)).backward()
        opt.step()
        losses.append(main.item())
    return losses


@pytest.mark.parametrize('name', NETWORKS)
def test_learns_at_the_papers_learning_rate(name):
    convert,make = NETWORKS[name]
    torch.manual_seed(0)
    net = make(40, width=.25)
    losses = first_losses(net, convert, max(56, net.MIN_PX), eps=.1)
    assert losses[-1] < .8*losses[0], losses


@pytest.mark.parametrize('eps', [.1, 1.])
def test_inception_v1_of_2014_does_not(eps):
    "Why batch normalisation is the default: without it RMSProp at .1 explodes."
    torch.manual_seed(0)
    losses = first_losses(InceptionV1(40, width=.25, norm='lrn'), CaffeBGR, 56, eps)
    assert not max(losses) < 100*losses[0], losses


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
@pytest.mark.parametrize('name', NETWORKS)
def test_mixed_precision_on_a_gpu(name):
    "The published size: 16-bit training steps give finite gradients everywhere and logits in 32 bits."
    convert,make = NETWORKS[name]
    model = nn.Sequential(convert(), make(228, width=1.)).cuda().train()
    x,y = pixels(8, 299 if name=='inception_v3' else 224).cuda(),(torch.rand(8, 228)<.03).float().cuda()
    opt = torch.optim.SGD(model.parameters(), lr=1e-4)
    for _ in range(2):
        with torch.autocast('cuda', torch.bfloat16):
            out = model(x)
            out = out if isinstance(out, tuple) else (out,)
            loss = sum(bce_per_image(o, y).mean() for o in out)
        opt.zero_grad()
        loss.backward()
        opt.step()
    assert all(o.dtype==torch.float32 for o in out) and all(p.grad.isfinite().all() for p in model.parameters())
