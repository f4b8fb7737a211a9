"""Writes tuples.json: tuple losses and the hyperspherical energy by PyTorch's autograd, float64.

Each loss is written as matrices with masks, from its paper; nothing here knows how the
crate sums. A case has the loss's parameters, its value, dX and, where it has proxies, dP.

`--check` compares tuples.json with central differences of a second, plain NumPy form of
each loss, in tuples_numpy.py; it needs no PyTorch.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from document import store
from tuples_numpy import check

try:
    import torch
    import torch.nn.functional as F
except ModuleNotFoundError as missing:
    if "--check" not in sys.argv[1:]:
        raise missing

FILE = Path(__file__).with_name("tuples.json")
SEED = 20061117

# (C, D, B): pairs on a circle, several samples a class, classes with one sample, B above a block.
SHAPES = {"2x2x6": (2, 2, 6), "4x3x16": (4, 3, 16), "7x5x9": (7, 5, 9), "9x16x40": (9, 16, 40)}

# The loss's own parameters first, then others; "own" is what it keeps: centers or proxies.
LOSSES = {
    "contrastive": [{"margin": 1.0}, {"margin": 0.4}],
    "triplet": [{"margin": 0.2, "active_only": 1}, {"margin": 0.2, "active_only": 0}, {"margin": 1.0, "active_only": 1}],
    "triplet_batch_hard": [{"margin": 0.2}, {"margin": 1.0}],
    "triplet_semi_hard": [{"margin": 0.2}, {"margin": 1.0}],
    "center": [{"weight": 0.003, "center_rate": 0.5}],
    "npair": [{"norm_weight": 0.001}, {"norm_weight": 0.5}],
    "supcon": [{"temperature": 0.1}, {"temperature": 0.5}],
    "proxy_nca": [{"scale": 9.0}, {"scale": 1.0}],
    "proxy_anchor": [{"scale": 32.0, "margin": 0.1}, {"scale": 8.0, "margin": 0.3}],
}

INF = float("inf")


def squared(a, b):
    return (a[:, None, :] - b[None, :, :]).square().sum(-1)


def distance(a):
    """Euclidean distances within a batch; the diagonal, of no use to any loss, is 0 with slope 0."""
    d2 = squared(a, a)
    apart = ~torch.eye(len(a), dtype=torch.bool)
    return torch.where(apart, d2.masked_fill(~apart, 1.0).sqrt(), 0.0)


def masks(labels):
    same = labels[:, None] == labels[None, :]
    return same & ~torch.eye(len(labels), dtype=torch.bool), ~same


def contrastive(x, labels, _own, margin):
    d = distance(F.normalize(x))
    same, other = masks(labels)
    upper = torch.ones_like(same).triu(1)
    return (0.5 * d[same & upper] ** 2).mean() + (0.5 * F.relu(margin - d[other & upper]) ** 2).mean()


def triplet(x, labels, _own, margin, active_only):
    d2 = squared(*[F.normalize(x)] * 2)
    same, other = masks(labels)
    terms = F.relu(d2[:, :, None] - d2[:, None, :] + margin)[same[:, :, None] & other[:, None, :]]
    return terms[terms > 0].mean() if active_only else terms.mean()


def triplet_batch_hard(x, labels, _own, margin):
    d = distance(F.normalize(x))
    same, other = masks(labels)
    anchors = same.any(1) & other.any(1)
    positive = d.masked_fill(~same, -INF).max(1).values
    negative = d.masked_fill(~other, INF).min(1).values
    return F.relu(positive - negative + margin)[anchors].mean()


def triplet_semi_hard(x, labels, _own, margin):
    d2 = squared(*[F.normalize(x)] * 2)
    same, other = masks(labels)
    farther = other[:, None, :] & (d2[:, None, :] > d2[:, :, None])
    nearest = d2[:, None, :].masked_fill(~farther, INF).min(2).values
    farthest = d2.masked_fill(~other, -INF).max(1).values[:, None].expand_as(nearest)
    negative = torch.where(farther.any(2), nearest, farthest)
    return F.relu(d2 - negative + margin)[same].mean()


def center(x, labels, own, weight, center_rate):
    return weight * 0.5 * (x - own[labels].detach()).square().sum(1).mean()


def npair(x, labels, _own, norm_weight):
    z = x @ x.T
    same, other = masks(labels)
    each = z[:, None, :] - z[:, :, None]
    each = torch.where(other[:, None, :], each, -INF)
    zero = torch.zeros_like(each[:, :, :1])
    return torch.logsumexp(torch.cat([zero, each], 2), 2)[same].mean() + norm_weight * x.square().sum(1).mean()


def supcon(x, labels, _own, temperature):
    x = F.normalize(x)
    z = (x @ x.T / temperature).masked_fill(torch.eye(len(x), dtype=torch.bool), -INF)
    same, _ = masks(labels)
    log_p = F.log_softmax(z, 1)
    per_anchor = -torch.where(same, log_p, 0.0).sum(1) / same.sum(1).clamp(min=1)
    return per_anchor[same.any(1)].mean()


def proxy_nca(x, labels, own, scale):
    z = -scale * squared(F.normalize(x), F.normalize(own))
    is_own = F.one_hot(labels, len(own)).bool()
    return (torch.logsumexp(z.masked_fill(is_own, -INF), 1) - z[is_own]).mean()


def proxy_anchor(x, labels, own, scale, margin):
    cos = F.normalize(own) @ F.normalize(x).T
    is_own = F.one_hot(labels, len(own)).bool().T
    zero = torch.zeros_like(cos[:, :1])
    one_plus = lambda z, keep: torch.logsumexp(torch.cat([zero, z.masked_fill(~keep, -INF)], 1), 1)
    positive = one_plus(-scale * (cos - margin), is_own)[is_own.any(1)]
    return positive.mean() + one_plus(scale * (cos + margin), ~is_own).mean()


def energy(w, power, half_space, subset):
    """The mean of f over ordered pairs (i, j), i among the subset, of the points or of these and their opposites."""
    w = F.normalize(w)
    points = torch.cat([w, -w]) if half_space else w
    chosen = list(range(len(w))) if subset is None else subset
    r2 = squared(w[chosen], points)
    apart = torch.arange(len(points))[None, :] != torch.tensor(chosen)[:, None]
    r = r2[apart].sqrt()
    return (r.pow(-power) if power > 0 else -r.log()).mean()


f32 = lambda v: v.astype(np.float32).astype(np.float64)


def draw(rng, classes, dim, batch):
    """Embeddings around their class's center, of lengths 0.5 to 4, and centers of lengths 0.5 to 2."""
    length = lambda low, high, n: rng.uniform(low, high, (n, 1))
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
    own = unit(rng.standard_normal((classes, dim))) * length(0.5, 2.0, classes)
    labels = rng.permutation(np.concatenate([np.arange(classes) % batch, rng.integers(0, classes, batch)])[:batch])
    x = unit(unit(own)[labels] + 0.8 * rng.standard_normal((batch, dim))) * length(0.5, 4.0, batch)
    return {"dim": dim, "labels": labels, "x": f32(x), "own": f32(own)}


def leaf(v, dim):
    return torch.tensor(v.reshape(-1, dim), dtype=torch.float64, requires_grad=True)


def run(loss, params, inputs):
    x, own = leaf(inputs["x"], inputs["dim"]), leaf(inputs["own"], inputs["dim"])
    value = globals()[loss](x, torch.tensor(inputs["labels"]), own, **params)
    value.backward()
    if not x.grad.abs().max() > 0:
        sys.exit(f"{loss} {params} has no gradient on these inputs; choose another SEED")
    case = {"value": value.item(), "dx": x.grad.numpy()}
    return case | ({} if own.grad is None else {"dp": own.grad.numpy()})


def energies(inputs):
    for name in SHAPES:
        for power in [0.0, 1.0, 2.0]:
            for half_space in [False, True]:
                for subset in [None, [0, 1], [2, 3, 5]]:
                    if subset and subset[-1] >= SHAPES[name][0]:
                        continue
                    w = leaf(inputs[name]["own"], inputs[name]["dim"])
                    value = energy(w, power, half_space, subset)
                    value.backward()
                    case = {"inputs": name, "power": power, "half_space": half_space, "subset": subset}
                    yield case | {"value": value.item(), "dw": w.grad.numpy()}


def write():
    rng = np.random.default_rng(SEED)
    inputs = {name: draw(rng, *shape) for name, shape in SHAPES.items()}
    cases = []
    for loss, choices in LOSSES.items():
        for name in SHAPES:
            for params in choices:
                cases.append({"loss": loss, "inputs": name, "params": params} | run(loss, params, inputs[name]))
    store(FILE, "tuples.py", torch, inputs, cases=cases, energies=energies(inputs))
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Golden values and gradients of the tuple losses.")
    parser.add_argument("--check", action="store_true", help="compare tuples.json with central differences")
    sys.exit(check(FILE) if parser.parse_args().check else write())
