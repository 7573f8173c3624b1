"""How fast the wardrobe is drawn, on one core, against drawing one plain polygon.

python benchmarks/render_wardrobe.py [--pictures 1500] [--px 64]
The baseline draws a single filled T-shaped polygon with Pillow and encodes it as JPEG of the same size: the least that any drawn picture costs.
Fails (exit 1) below 300 pictures a second at 64 px. Times are of the processor, so other work on the machine does not count.
"""
import argparse, sys, time
from PIL import Image, ImageDraw
from fashion_repro.data.demo import jpeg, render
from fashion_repro.data.drawing import shape


def baseline(n, px):
    "Processor seconds for n plain polygons."
    xy = [(px*a, px*b) for a, b in [(.2, .2), (.8, .2), (.95, .4), (.85, .5), (.75, .42), (.75, .9), (.25, .9), (.25, .42), (.15, .5), (.05, .4)]]
    start = time.process_time()
    for k in range(n):
        im = Image.new('RGB', (px, px), 'white'); ImageDraw.Draw(im).polygon(xy, fill=(k % 256, 80, 120)); jpeg(im)
    return time.process_time()-start


def garments(n, px, seed, first=0):
    "Processor seconds for about n pictures of a wardrobe, and how many it drew."
    start, done, index = time.process_time(), 0, first
    while done < n: done += len(next(render([index], px, seed, .3))['image']); index += 1
    return time.process_time()-start, done


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--pictures', type=int, default=1500); p.add_argument('--px', type=int, default=64)
    a = p.parse_args(argv)
    plain = a.pictures/baseline(a.pictures, a.px)
    print(f'baseline, one plain polygon and JPEG: {plain:7.0f} pictures/s')
    for name in ('first time', 'outlines known'):
        seconds, n = garments(a.pictures, a.px, 0)
        print(f'garments, {name:<14}:            {n/seconds:7.0f} pictures/s   {plain/(n/seconds):5.1f} x the time of the baseline   ({shape.cache_info().currsize} outlines)')
        if name == 'first time': slow = n/seconds
    return 0 if a.px > 64 or slow >= 300 else 1


if __name__ == '__main__': sys.exit(main())
