"""The default `arcsphere compare` in PyTorch: seven losses on 10,000 digits, ten epochs each.

The same trainings: lenet_2d with batch-norm to two dimensions, batch 128, shifts by up to two
pixels, a tenth held out and looked at after each epoch, SGD with momentum 0.9, decay 1e-3,
clipping at 5, a warm-up and a cosine; plain softmax first, then the free norm, then the margin
growing to its full strength around prototypes that stand still. The 2,000 test images are
embedded at the end. Reports and pictures, which arcsphere makes too, are left out.
"""

import argparse
import gzip
import math
import multiprocessing
import struct
import time
from pathlib import Path

import common

EMBEDDED = Path(__file__).parent.parent / "crates/arcsphere-data/assets/mnist-subset.idx.gz"
LOSSES = ["softmax", "modified_softmax", "sphereface", "fnorm_sphereface", "cosface", "arcface", "combined"]
CLASSES, DIM, SCALE = 10, 2, 15.9
# What `arcsphere explain LOSS` gives for ten classes in two dimensions; the papers' elsewhere.
FITTED = {"cosface": (1.0, 0.0, 0.154), "combined": (1.0, 0.187, 0.125)}
# Parts of a training: plain softmax, the free norm, a margin that grows, the whole margin.
SOFT_START, FREE_UNTIL, FULL_AT = 0.1, 0.35, 0.7
RATE, DECAY, CLIP, WARMUP, SHIFT, HELD_OUT = 0.1, 1e-3, 5.0, 0.05, 2, 0.1
MODES = ["eager", "channels_last", "compile", "eager-jobs", "compile-jobs"]


def read(path):
    """(train images, train labels, test images, test labels), the images as uint8 [N, 28, 28].

    A file is one gzip stream of four idx arrays, as arcsphere embeds it; a folder holds the
    four files of MNIST, of which the first 10,000 and 2,000 images are taken.
    """
    import numpy as np

    def array(stream):
        kind, dims = struct.unpack(">HBB", stream.read(4))[1:]
        if kind != 8:
            raise ValueError(f"{path}: not an idx array of bytes")
        shape = struct.unpack(f">{dims}I", stream.read(4 * dims))
        return np.frombuffer(stream.read(math.prod(shape)), np.uint8).reshape(shape)

    if path.is_dir():
        arrays = []
        for name, count in [("train", 10_000), ("t10k", 2_000)]:
            for kind in ["images-idx3-ubyte", "labels-idx1-ubyte"]:
                plain, packed = path / f"{name}-{kind}", path / f"{name}-{kind}.gz"
                with open(plain, "rb") if plain.exists() else gzip.open(packed) as stream:
                    arrays.append(array(stream)[:count])
        return arrays
    with gzip.open(path) as stream:
        return [array(stream) for _ in range(4)]


def synthetic():
    """Noise of the embedded set's size: as much work, and nothing to learn."""
    import numpy as np

    rng = np.random.default_rng(0)
    images = lambda n: rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    labels = lambda n: (np.arange(n) % CLASSES).astype(np.uint8)
    return [images(10_000), labels(10_000), images(2_000), labels(2_000)]


def at_step(loss, part):
    """(kind of head, share of the fixed scale, strength of the margin) at a part of a training."""
    if loss == "softmax" or part < SOFT_START:
        return "linear", 0.0, 0.0
    grown = min(max((part - FREE_UNTIL) / (FULL_AT - FREE_UNTIL), 0.0), 1.0)
    return "angular", min(2.0 * grown, 1.0), grown


def rate_at(step, steps):
    rising = min((step + 1) / steps / WARMUP, 1.0)
    t = min(max((step / steps - WARMUP) / (1.0 - WARMUP), 0.0), 1.0)
    return RATE * rising * 0.5 * (1.0 + math.cos(math.pi * t))


def shifted(images, torch):
    """Each image moved by up to SHIFT pixels on both axes, its edge repeated."""
    n, _, height, width = images.shape
    moves = torch.randint(-SHIFT, SHIFT + 1, (2, n))
    rows = (torch.arange(height) + moves[0][:, None]).clamp(0, height - 1)
    columns = (torch.arange(width) + moves[1][:, None]).clamp(0, width - 1)
    which = torch.arange(n)[:, None, None]
    return images[which, 0, rows[:, :, None], columns[:, None, :]][:, None]


def train(loss, arrays, args, mode):
    """One training; its test accuracy and its seconds."""
    torch = common.start(args)
    import torch.nn.functional as F
    from backbones import build
    from margin import LOSSES as FAMILY, psi

    started = time.perf_counter()
    layout = torch.channels_last if mode == "channels_last" else torch.contiguous_format
    pixels, labels, test_pixels, test_labels = (torch.from_numpy(a.copy()) for a in arrays)
    floats = lambda p: p[:, None].float().div_(255.0)
    held_out = int(HELD_OUT * len(pixels))
    mean, std = floats(pixels[held_out:]).mean(), floats(pixels[held_out:]).std()
    prepare = lambda p: ((floats(p) - mean) / std).contiguous(memory_format=layout)
    images, labels, test_labels = prepare(pixels), labels.long(), test_labels.long()
    held, held_labels = images[:held_out], labels[:held_out]
    images, labels = images[held_out:], labels[held_out:]

    backbone = build("lenet_2d", 1, 28, 28, DIM).to(memory_format=layout)
    embed = common.compiled(backbone, mode)
    weight = torch.nn.Parameter(torch.randn(CLASSES, DIM))
    bias = torch.nn.Parameter(torch.zeros(CLASSES))
    everything = [*backbone.parameters(), weight, bias]
    groups = [
        {"params": [p for p in everything if p.dim() >= 2], "weight_decay": DECAY},
        {"params": [p for p in everything if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=RATE, momentum=0.9, fused=True)
    kind, margins = FAMILY[loss][0], FITTED.get(loss, FAMILY[loss][1])

    def logits(x, labels, share, strength):
        cos = F.linear(F.normalize(x), weight)
        if strength > 0.0 and labels is not None:
            m0, m1, m2 = margins
            weakened = (1.0 + strength * (m0 - 1.0), strength * m1, strength * m2)
            own = cos[torch.arange(len(labels)), labels]
            cos = cos.scatter(1, labels[:, None], psi(own, weakened)[:, None])
        norm = x.norm(dim=1, keepdim=True)
        return cos * ((1.0 - share) * norm + share * SCALE if kind == "fixed" else norm)

    def accuracy(images, labels, state):
        backbone.eval()
        with torch.no_grad():
            x = torch.cat([backbone(part) for part in images.split(500)])
            z = F.linear(x, weight, bias) if state == "linear" else logits(x, None, 0.0, 0.0)
        backbone.train()
        return (z.argmax(1) == labels).float().mean().item()

    per_epoch = len(images) // args.batch
    steps, step = per_epoch * args.epochs, 0
    sums, counts = torch.zeros(CLASSES, DIM), torch.zeros(CLASSES, 1)
    state = "linear"
    for _ in range(args.epochs):
        for chosen in torch.randperm(len(images)).split(args.batch)[:per_epoch]:
            before = state
            state, share, strength = at_step(loss, step / steps)
            x = embed(shifted(images[chosen], torch).contiguous(memory_format=layout))
            y = labels[chosen]
            if state == "linear":
                value = F.cross_entropy(F.linear(x, weight, bias), y)
                sums.mul_(0.99).index_add_(0, y, x.detach())
                counts.mul_(0.99).index_add_(0, y, torch.ones(len(y), 1))
            else:
                if before == "linear":
                    place(weight, sums / counts.clamp(min=1e-3), torch)
                value = F.cross_entropy(logits(x, y, share, strength), y)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(everything, CLIP)
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step, steps)
            optimizer.step()
            step += 1
        accuracy(held, held_labels, state)
    found = accuracy(prepare(test_pixels), test_labels, state)
    return {"loss": loss, "accuracy": found, "seconds": time.perf_counter() - started}


def place(weight, means, torch):
    """Prototypes evenly on the circle, in the order of the classes' means, held there."""
    order = torch.atan2(means[:, 1], means[:, 0]).argsort()
    angles = torch.arange(CLASSES) * (2.0 * math.pi / CLASSES)
    weight.grad = None
    weight.requires_grad_(False)
    weight[order] = torch.stack([angles.cos(), angles.sin()], dim=1)


def task(work):
    return train(*work)


def comparison(arrays, args, mode):
    """All trainings: one after another on all threads, or with `-jobs` one a thread at once."""
    mode, _, jobs = mode.partition("-")
    if not jobs:
        return [train(loss, arrays, args, mode) for loss in args.losses]
    own = argparse.Namespace(**vars(args) | {"threads": 1})
    # A fork would inherit OpenMP's threads as they are not.
    with multiprocessing.get_context("spawn").Pool(args.threads) as pool:
        return pool.map(task, [(loss, arrays, own, mode) for loss in args.losses], chunksize=1)


def main():
    parser = common.arguments(__doc__, MODES, repeats=1)
    parser.add_argument("--epochs", type=common.positive, default=10, help="[%(default)s]")
    parser.add_argument("--losses", type=lambda text: text.split(","), default=LOSSES, help="A,B,... [all seven]")
    parser.add_argument("--data", type=Path, help="a folder of MNIST's files [the set that arcsphere embeds]")
    parser.add_argument("--synthetic", action="store_true", help="noise of the same size instead of digits")
    args = parser.parse_args()
    if unknown := set(args.losses) - set(LOSSES):
        parser.error(f"no loss {', '.join(sorted(unknown))} (known: {', '.join(LOSSES)})")
    common.start(args)
    try:
        arrays = synthetic() if args.synthetic else read(args.data or EMBEDDED)
    except (OSError, ValueError, struct.error) as error:
        parser.error(f"cannot read the images ({error}); give --data FOLDER or --synthetic")

    trained = (len(arrays[0]) - int(HELD_OUT * len(arrays[0]))) // args.batch * args.batch * args.epochs
    facts = {"epochs": args.epochs, "samples": trained * len(args.losses)}
    facts["data"] = "synthetic" if args.synthetic else "mnist, 10,000 + 2,000"

    def make(mode):
        def step():
            facts["trainings"] = comparison(arrays, args, mode)

        return step

    common.run("compare", args, make, facts, warmup=0)


if __name__ == "__main__":
    main()
