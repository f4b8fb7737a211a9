"""Writes ordinal.json: losses of an ordered target by PyTorch's autograd, float64.

Each loss is written with PyTorch's own functions, from its paper; nothing here knows how the
crate sums. A case has the loss's parameters, its value, dX, dw and db.

`--check` compares ordinal.json with central differences of a second, plain NumPy form of
each loss (ordinal_numpy.py), without PyTorch.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from document import store
from ordinal_numpy import check
from tuples import f32, leaf

if "--check" not in sys.argv[1:]:
    import torch
    import torch.nn.functional as F

FILE = Path(__file__).with_name("ordinal.json")
SEED = 20201116

# (C, D, B) and the classes' values: two, uneven ones, more classes than the batch holds.
SHAPES = {"2x2x5": (2, 2, 5), "5x3x16": (5, 3, 16), "60x8x40": (60, 8, 40)}

LOSSES = {"regression": [{"beta": 1.0}, {"beta": 0.1}], "coral": [{}]}


def regression(z, b, labels, values, beta):
    t = (values - values.mean()) / values.std(unbiased=False)
    return F.smooth_l1_loss(z + b, t[labels], beta=beta)


def coral(z, b, labels, values):
    above = (labels[:, None] > torch.arange(len(values) - 1)[None, :]).double()
    return F.binary_cross_entropy_with_logits(z[:, None] + b[None, :], above)


def draw(rng, classes, dim, batch):
    values = f32(np.cumsum(rng.uniform(0.5, 4.0, classes)) - 20)
    labels = rng.permutation(np.concatenate([np.arange(classes), rng.integers(0, classes, batch)])[:batch])
    numbers = lambda *shape: f32(rng.standard_normal(shape))
    shapes = {"x": (batch, dim), "w": (dim,), "regression": (1,), "coral": (classes - 1,)}
    return {"dim": dim, "labels": labels, "values": values} | {k: numbers(*s) for k, s in shapes.items()}


def run(loss, params, inputs):
    x, w = leaf(inputs["x"], inputs["dim"]), leaf(inputs["w"], inputs["dim"])
    b = torch.tensor(inputs[loss], dtype=torch.float64, requires_grad=True)
    values = torch.tensor(inputs["values"], dtype=torch.float64)
    value = globals()[loss]((x @ w.T)[:, 0], b, torch.tensor(inputs["labels"]), values, **params)
    value.backward()
    if not min(g.abs().max() for g in (x.grad, w.grad, b.grad)) > 0:
        sys.exit(f"{loss} {params} has no gradient on these inputs; choose another SEED")
    return {"value": value.item(), "dx": x.grad.numpy(), "dw": w.grad.numpy(), "db": b.grad.numpy()}


def write():
    rng = np.random.default_rng(SEED)
    inputs = {name: draw(rng, *shape) for name, shape in SHAPES.items()}
    cases = [
        {"loss": loss, "inputs": name, "params": params} | run(loss, params, inputs[name])
        for loss, choices in LOSSES.items()
        for name in SHAPES
        for params in choices
    ]
    store(FILE, "ordinal.py", torch, inputs, cases=cases)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare ordinal.json with central differences")
    sys.exit(check(FILE) if parser.parse_args().check else write())
