"The fifteen corruptions against their published definitions, through `corrupt` alone."
import colorsys, hashlib, io, math, subprocess, sys, time
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import convolve, maximum_filter, minimum_filter, zoom
from torch.utils.data import DataLoader
from fashion_repro.data.corruptions import CORRUPTIONS, SEVERITIES, Corrupted, OneCorruption, corrupt
from fashion_repro.data.crops import center_view
from fashion_repro.data.demo import wardrobe
from fashion_repro.data.loading import Items
from fashion_repro.data.table import open_image
from fashion_repro.errors import UserError

SIDES = (32, 64, 224)

@pytest.fixture(scope="module")
def closet(): return wardrobe(12, px=128)

@pytest.fixture(scope="module")
def picture(closet): return lambda side, i=0: np.asarray(open_image(closet, i).convert("RGB").resize((side, side), Image.Resampling.BICUBIC))

def flat(side, level): return np.full((side, side, 3), level, np.uint8)

def cut(x): return np.floor(np.clip(x, 0, 255) + 1e-3).astype(int)

def close(got, expected, most=1):
    "Equal but for rounding: nowhere more than `most` levels apart, and nearly everywhere none."
    gap = np.abs(np.asarray(got, int) - np.asarray(expected, int))
    assert gap.max() <= most and (gap > 0).mean() < .02, (gap.max(), (gap > 0).mean())

@pytest.mark.parametrize("side, deviations", [(32, (.04, .06, .08, .09, .10)), (64, (.04, .08, .12, .15, .18)), (224, (.08, .12, .18, .26, .38))])
def test_gaussian_noise_has_the_published_deviation(side, deviations):
    for severity, c in zip(SEVERITIES, deviations):
        got = np.concatenate([corrupt(flat(side, 128), "gaussian_noise", severity, k).ravel() for k in range(4)]).astype(float)
        expected = np.clip(128 + 255*c*np.random.default_rng(0).standard_normal(200_000), 0, 255)
        assert got.std() == pytest.approx(expected.std(), rel=.04)
        assert got.mean() == pytest.approx(127.5, abs=5*255*c/math.sqrt(got.size) + .2)        # the fraction is cut off

@pytest.mark.parametrize("side, counts", [(32, (500, 250, 100, 75, 50)), (64, (250, 100, 50, 30, 15)), (224, (60, 25, 12, 5, 3))])
def test_shot_noise_grows_with_the_light(side, counts):
    for severity, c in zip(SEVERITIES, counts):
        for level in (26, 77) if c < 10 else (51, 128):                                        # where little is clipped
            got = np.concatenate([corrupt(flat(side, level), "shot_noise", severity, k).ravel() for k in range(6)])/255
            if got.max() < 1: assert got.var() == pytest.approx(level/255/c + 1/12/255**2, rel=.1)
            assert got.mean() == pytest.approx(level/255 - .5/255, abs=.01)
    assert corrupt(flat(side, 0), "shot_noise", 5).max() == 0

@pytest.mark.parametrize("side, shares", [(32, (.01, .02, .03, .05, .07)), (64, (.01, .02, .05, .08, .14)), (224, (.03, .06, .09, .17, .27))])
def test_impulse_noise_replaces_the_published_share(side, shares):
    for severity, c in zip(SEVERITIES, shares):
        got = np.stack([corrupt(flat(side, 100), "impulse_noise", severity, k) for k in range(8)])
        assert set(np.unique(got)) == {0, 100, 255}
        tolerance = 4*math.sqrt(c/got.size)
        assert (got != 100).mean() == pytest.approx(c, abs=tolerance) and (got == 255).mean() == pytest.approx(c/2, abs=tolerance)

@pytest.mark.parametrize("side, constants", [(32, (.05, .1, .15, .2, .3)), (64, (.1, .2, .3, .4, .5)), (224, (.1, .2, .3, .4, .5))])
def test_brightness_is_value_in_hsv(picture, side, constants):
    x = picture(side).copy(); x[0,0] = 0
    for severity, c in zip(SEVERITIES, constants):
        got = corrupt(x, "brightness", severity)
        for r, k in [(0, 0), *np.random.default_rng(severity).integers(0, side, (40, 2)).tolist()]:
            h, s, v = colorsys.rgb_to_hsv(*(x[r,k]/255))
            assert np.abs(got[r,k] - 255*np.array(colorsys.hsv_to_rgb(h, s, min(v + c, 1)))).max() < 1.01

@pytest.mark.parametrize("side, constants", [(32, (.75, .5, .4, .3, .15)), (64, (.4, .3, .2, .1, .05)), (224, (.4, .3, .2, .1, .05))])
def test_contrast_shrinks_each_channel_to_its_mean(picture, side, constants):
    x = picture(side); mean = x.reshape(-1, 3).mean(0)
    for severity, c in zip(SEVERITIES, constants): close(corrupt(x, "contrast", severity), cut((x - mean)*c + mean))

@pytest.mark.parametrize("side, qualities, shares", [(32, (80, 65, 58, 50, 40), (.95, .9, .85, .75, .65)), (64, (65, 58, 50, 40, 25), (.9, .8, .7, .6, .5)),
    (224, (25, 18, 15, 10, 7), (.6, .5, .4, .3, .25))])
def test_jpeg_and_pixelate_are_those_of_pillow(picture, side, qualities, shares):
    image = Image.fromarray(picture(side))
    for severity, quality, share in zip(SEVERITIES, qualities, shares):
        image.save(file := io.BytesIO(), "JPEG", quality=quality)
        assert (corrupt(image, "jpeg_compression", severity) == np.asarray(Image.open(file))).all()
        n = int(side*share)
        assert (corrupt(image, "pixelate", severity) == np.asarray(image.resize((n, n), Image.BOX).resize((side, side), Image.BOX))).all()

@pytest.mark.parametrize("side, severity, radius, blur", [(32, 1, .3, .4), (32, 5, 1.5, .1), (64, 2, 1, .1), (64, 5, 3, .1), (224, 1, 3, .1), (224, 4, 8, .5), (224, 5, 10, .5)])
def test_defocus_is_a_disk(picture, side, severity, radius, blur):
    n = max(8, radius); y, x = np.mgrid[-n:n+1, -n:n+1]
    hard = (x*x + y*y <= radius*radius)/(x*x + y*y <= radius*radius).sum()
    reach = 1 if radius <= 8 else 2
    taps = np.exp(-np.arange(-reach, reach+1)**2/(2*blur*blur)); taps /= taps.sum()
    kernel = convolve(hard, np.outer(taps, taps), mode="mirror")
    assert kernel.sum() == pytest.approx(1, abs=1e-6 if radius < 8 else .014)      # the largest two, mirrored at their border, are published a percent too heavy
    got, image = corrupt(picture(side), "defocus_blur", severity), picture(side).astype(float)
    close(got, cut(np.stack([convolve(image[...,k], kernel, mode="mirror") for k in range(3)], 2)))

@pytest.mark.parametrize("side, severity, stop, step", [(32, 3, 1.16, .01), (64, 1, 1.06, .01), (64, 5, 1.26, .01), (224, 3, 1.21, .02), (224, 5, 1.31, .03)])
def test_zoom_blur_is_the_mean_of_clipped_zooms(picture, side, severity, stop, step):
    x = picture(side).astype(float); total = x.copy(); factors = np.arange(1, stop, step)
    for z in factors:
        inner = int(np.ceil(side/z)); top = (side-inner)//2
        big = zoom(x[top:top+inner, top:top+inner], (z, z, 1), order=1); trim = (len(big)-side)//2
        total += big[trim:trim+side, trim:trim+side]
    close(corrupt(picture(side), "zoom_blur", severity), cut(total/(len(factors)+1)))

@pytest.mark.parametrize("side, severity, radius, sigma", [(32, 1, 6, 1), (64, 5, 12, 3), (224, 4, 15, 12)])
def test_motion_smears_a_point_to_one_side(side, severity, radius, sigma):
    x = flat(side, 0); x[side//2, -9] = 255
    for seed in range(5):
        got = corrupt(x, "motion_blur", severity, seed)[...,0].astype(float); rows, cols = np.nonzero(got)
        assert (cols <= side-9).all()                                                          # to one side: every pixel reads from its right
        assert (np.abs(rows - side//2) <= side-9 - cols + 1).all()                             # no steeper than 45 degrees
        weights = np.exp(-np.arange(2*radius+1)**2/(2*sigma**2)); weights /= weights.sum()
        assert got[side//2,-9] == pytest.approx(255*weights[0], abs=1.01)
        assert got.sum() <= 255 + 1e-6 and len(rows) <= 2*radius+1

@pytest.mark.parametrize("side, severity, reach, times, sigma", [(32, 1, 1, 1, .05), (64, 5, 2, 2, .9), (224, 3, 2, 3, 1)])
def test_glass_moves_pixels_a_little(picture, side, severity, reach, times, sigma):
    x = picture(side); got = corrupt(x, "glass_blur", severity, 3).astype(int)
    window = 2*(reach*times*2 + 2*int(4*sigma + .5)) + 1
    low, high = (np.stack([f(x[...,k], window) for k in range(3)], 2).astype(int) for f in (minimum_filter, maximum_filter))
    assert (got >= low-1).all() and (got <= high+1).all() and (got != x).any()
    assert len(np.unique(corrupt(flat(side, 90), "glass_blur", severity).reshape(-1, 3), axis=0)) <= 2     # nothing to see on one colour

@pytest.mark.parametrize("side, constants", [(32, ((.2, 3), (.5, 3), (.75, 2.5), (1, 2), (1.5, 1.75))), (64, ((.4, 3), (.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)))])
def test_fog_is_a_scaled_plasma_and_rescaled(picture, side, constants):
    x = picture(side)/255; top = x.max()
    for severity, (thick, _) in zip(SEVERITIES, constants):
        cloud = (corrupt(picture(side), "fog", severity, 1)/255*(top+thick)/top - x)/thick      # solved for the map
        error = (top+thick)/top/255/thick
        assert cloud.min() == pytest.approx(0, abs=error) and cloud.max() == pytest.approx(1, abs=error)
        assert np.ptp(cloud, axis=2).max() <= error + 1e-6                                      # grey
    assert corrupt(picture(224), "fog", 5, 1).max() <= picture(224).max()

@pytest.mark.parametrize("side, weights", [(32, (1, 1, .9, .85, .75)), (64, (1, .9, .8, .75, .7)), (224, (1, .8, .7, .65, .6))])
def test_frost_is_a_weighted_sum_with_a_texture(side, weights):
    for severity, a in zip(SEVERITIES, weights):
        dark, light = (corrupt(flat(side, level), "frost", severity, 5).astype(int) for level in (0, 40))
        free = light < 255
        assert free.mean() > .5 and np.abs((light - dark)[free] - 40*a).max() <= 1
        assert dark.std() > 5 and dark[...,2].mean() > dark[...,0].mean()

@pytest.mark.parametrize("side, keep", [(32, (.95, .9, .9, .85, .8)), (64, (.8, .8, .7, .65, .6)), (224, (.8, .7, .7, .65, .55))])
def test_snow_pales_the_picture_and_falls_twice(side, keep):
    for severity, w in zip(SEVERITIES, keep):
        got = corrupt(flat(side, 60), "snow", severity, 2).astype(int)
        ground = w*60 + (1-w)*max(60, 60*1.5 + 127.5)
        assert got.min() >= math.floor(ground) and (severity > 2 or got.min() <= ground + 1)    # thick snow may cover everything
        assert np.abs(got - got[::-1,::-1]).max() <= 1                                          # the layer and its half turn

def test_elastic_at_its_mildest_is_affine():
    x = np.broadcast_to(np.arange(64, dtype=np.uint8)[:,None,None]*3, (64, 64, 3))
    rows, cols = np.mgrid[16:48,16:48].reshape(2, -1)
    def bent(severity):
        "How far the ramp is from a plane afterwards, in levels."
        inside = corrupt(x, "elastic_transform", severity, 4)[16:48,16:48,0].ravel().astype(float)
        plane = np.c_[rows, cols, np.ones_like(rows)]
        return (inside - plane @ np.linalg.lstsq(plane, inside, rcond=None)[0]).std()
    assert bent(1) < .5 and bent(5) > 1.5
    moved = [np.abs(corrupt(x, "elastic_transform", 1, k).astype(int) - x)[16:48,16:48].max()/3 for k in range(20)]
    assert 3 < max(moved) < 15                                                                  # corners move by up to .08 of 64 px

@pytest.mark.parametrize("side", SIDES)
def test_severities_grow(closet, picture, side):
    shown = [picture(side, i) for i in range(8 if side < 224 else 3)]
    far = {name: np.array([np.mean([np.abs(corrupt(x, name, s, k).astype(int) - x).mean() for k, x in enumerate(shown)]) for s in SEVERITIES]) for name in CORRUPTIONS}
    for name, d in far.items():
        assert d.min() > .1, name
        if name in ("frost", "elastic_transform", "glass_blur"): continue    # by their constants; see the notebook
        assert (d[1:] > .9*d[:-1]).all() and d[4] > 1.2*d[0], (name, d)                       # neighbours may have nearly the same constants
    ice = [np.mean([np.corrcoef(corrupt(x, "frost", s, k).ravel(), x.ravel())[0,1] for k, x in enumerate(shown)]) for s in SEVERITIES]
    assert ice[4] < ice[2] < ice[0]
    assert far["glass_blur"][4] > far["glass_blur"][1]

@pytest.mark.parametrize("size", [(64, 64), (80, 60), (60, 80), (224, 224), (300, 100), (8, 8)])
def test_any_size(closet, size):
    image = open_image(closet, 1).convert("RGB").resize(size)
    for name in CORRUPTIONS:
        got = corrupt(image, name, 4, "x")
        assert got.shape == (size[1], size[0], 3) and got.dtype == np.uint8

def test_mistakes_are_one_sentence():
    with pytest.raises(UserError, match="a picture of 1 x 40 px cannot be corrupted: at least 8 px"): corrupt(np.zeros((40, 1, 3), np.uint8), "snow", 1)
    with pytest.raises(UserError, match="RGB, 8 bits"): corrupt(Image.new("L", (64, 64)), "snow", 1)
    with pytest.raises(UserError, match="unknown corruption 'gaussian_blur'"): corrupt(flat(64, 0), "gaussian_blur", 1)
    with pytest.raises(UserError, match="unknown severity 0"): corrupt(flat(64, 0), "snow", 0)

def digest(versions): return hashlib.sha256(b"".join(v.tobytes() for v in versions)).hexdigest()

def test_another_process_makes_the_same_pictures():
    x = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    here = digest(corrupt(x, n, 3, "seed") for n in CORRUPTIONS)
    code = "import numpy as np, hashlib; from fashion_repro.data.corruptions import *; np.random.seed(5); x = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8);" \
        "print(hashlib.sha256(b''.join(corrupt(x, n, 3, 'seed').tobytes() for n in CORRUPTIONS)).hexdigest())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == here

def test_loader_processes_change_nothing(closet):
    items = Items(closet, range(6), lambda image, rng: center_view(image, 64, 56))
    for data in (OneCorruption(items, "frost", 3), Corrupted(items, seed=1, n=9, teacher_input="clean")):
        alone, helped = ([b["image"] for b in DataLoader(data, batch_size=3, num_workers=n, sampler=range(len(data)))] for n in (0, 1))
        assert torch.equal(torch.cat(alone), torch.cat(helped))

def test_75_versions_of_500_small_pictures_take_less_than_two_minutes(picture):
    x = picture(64)
    for name in CORRUPTIONS: corrupt(x, name, 5)                                               # what is drawn once is drawn
    start = time.process_time()
    for name in CORRUPTIONS:
        for s in SEVERITIES: corrupt(x, name, s, 1)
    assert (time.process_time() - start)/75*75*500 < 120
