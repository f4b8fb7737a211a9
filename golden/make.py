"""Writes losses.json: the losses' values and gradients by PyTorch's autograd, float64.

    z_ij = s*cos(theta_ij)  (j != y),    z_iy = s*(lambda*cos(theta) + psi(theta))/(1 + lambda)
    psi(theta) = cos(m0*theta + m1) - m2, continued past pi

`--check` differentiates a second, plain NumPy loss (arccos, one row at a time) by
central differences and compares losses.json with it; it needs no PyTorch.

The relatives of this family are in relatives.py, in the same two ways.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np

from document import store
from relatives import RELATIVES, SUB_CENTERS, freeze, numpy_relative, torch_relative

FILE = Path(__file__).with_name("losses.json")
SEED = 20170721

# (C, D, B)
SHAPES = {"2x2x4": (2, 2, 4), "10x2x16": (10, 2, 16), "7x5x9": (7, 5, 9), "33x64x8": (33, 64, 8)}


def margins(m0=1.0, m1=0.0, m2=0.0):
    return {"angle_multiplier": m0, "angle_margin": m1, "cosine_margin": m2}


# Where s comes from ("linear": no normalization, "norm": the embedding's length, "fixed"),
# and the margins, the paper's own first.
FAMILY = {
    "softmax": ("linear", [margins()]),
    "modified_softmax": ("norm", [margins()]),
    "sphereface": ("norm", [margins(m0=4.0), margins(m0=1.5), margins(m0=2.33)]),
    "fnorm_sphereface": ("fixed", [margins(m0=4.0), margins(m0=1.5), margins(m0=2.33)]),
    "cosface": ("fixed", [margins(m2=0.35), margins(m2=0.1)]),
    "arcface": ("fixed", [margins(m1=0.5), margins(m1=0.1), margins(m1=1.2)]),
    "combined": ("fixed", [margins(1.0, 0.3, 0.2), margins(1.3, 0.2, 0.1)]),
}


def plan():
    """The cases, without their numbers."""
    for loss, (kind, choices) in FAMILY.items():

        def case(inputs, m, scale=16.0, **other):
            # A scale that is not fixed is not read; 1 says so.
            case = {"loss": loss, "inputs": inputs, "margins": m, "extension": "monotone"}
            case |= {"scale": scale if kind == "fixed" else 1.0, "smoothing": 0.0}
            case |= {"lambda": 0.0, "scale_share": 1.0, "strength": 1.0}
            return case | other

        for m in choices:
            yield case("2x2x4", m, 8.0)
            yield case("10x2x16", m, 64.0)
            yield case("7x5x9", m)
            yield case("7x5x9", m, 64.0, smoothing=0.1)
            yield case("far", m, 64.0)
            if loss == "sphereface":
                yield case("10x2x16", m, **{"lambda": 5.0})
                yield case("7x5x9", m, smoothing=0.1, **{"lambda": 5.0})
            if loss == "arcface":
                for extension in ["fallback", "easy", "raw"]:
                    yield case("10x2x16", m, 64.0, extension=extension)
                    yield case("7x5x9", m, smoothing=0.1, extension=extension)
        if kind == "fixed":
            # Halfway into a training's margin ramp, where s is part norm and part constant.
            yield case("7x5x9", choices[0], scale_share=0.3, strength=0.4)
        yield case("33x64x8", choices[0], 32.0, smoothing=0.1)
    for loss, choices in RELATIVES.items():
        for choice in choices:
            m = {name: choice.get(name, 0.0) for name in ["m1", "m2"]} | {"m0": choice.get("m0", 1.0)}
            case = {"loss": loss, "margins": margins(**m), "extension": "monotone", "params": choice["params"]}
            case |= {"smoothing": 0.0, "lambda": 0.0, "scale_share": 1.0, "strength": 1.0}
            yield case | {"inputs": choice.get("inputs", "10x2x16"), "scale": 16.0}
            yield case | {"inputs": choice.get("inputs", "7x5x9"), "scale": 64.0}
            # One-against-all has no scale that is part norm.
            share = 1.0 if loss == "sphereface2" else 0.3
            yield case | {"inputs": choice.get("inputs", "7x5x9"), "scale": 16.0, "scale_share": share, "strength": 0.4}
            if "inputs" not in choice:
                yield case | {"inputs": "far", "scale": 64.0}


f32 = lambda v: v.astype(np.float32).astype(np.float64)


def far(batch=11):
    """Long embeddings at every angle to one prototype, with all others behind: the plain
    s*cos(theta) of the own class exceeds the log-sum-exp by more than an f32's e^88."""
    theta = (np.arange(batch) + 0.5) * math.pi / batch
    x = np.geomspace(100.0, 30.0, batch)[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=1)
    w = np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, -0.5]])
    return {"classes": 3, "dim": 2, "labels": np.zeros(batch, dtype=int), "x": f32(x), "w": w, "b": np.array([0.5, 0.0, -1.0])}


def draw(rng, classes, dim, batch):
    """Embeddings of norms 0.5 to 30: some near their own prototype, some opposite, some anywhere."""
    length = lambda low, high, n: np.exp(rng.uniform(math.log(low), math.log(high), (n, 1)))
    w = rng.standard_normal((classes, dim))
    w *= length(0.3, 3.0, classes) / np.linalg.norm(w, axis=1, keepdims=True)
    labels = rng.permutation(np.arange(batch) % classes)
    x = rng.standard_normal((batch, dim))
    own = w[labels] / np.linalg.norm(w[labels], axis=1, keepdims=True)
    x += math.sqrt(dim) * np.resize([1.5, 0.0, -1.0, 8.0, 0.0, -15.0], (batch, 1)) * own
    x *= length(0.5, 30.0, batch) / np.linalg.norm(x, axis=1, keepdims=True)
    return {"classes": classes, "dim": dim, "labels": labels, "x": f32(x), "w": f32(w), "b": f32(rng.standard_normal(classes))}


def draw_sub_centers(rng, classes, centers, dim, batch):
    """The same with several prototypes per class: some close to one another, some anywhere."""
    inputs = draw(rng, classes, dim, batch)
    further = rng.standard_normal((classes, centers, dim))
    further[:, 1] = 0.7 * further[:, 1] + inputs["w"]
    further[:, 0] = inputs["w"]
    return inputs | {"centers": centers, "w": f32(further.reshape(classes * centers, dim))}


def autograd(case, inputs):
    """The case's value, dX, dW and db by PyTorch."""
    import torch

    leaf = lambda v: torch.tensor(v, dtype=torch.float64, requires_grad=True)
    x, w, b = leaf(inputs["x"]), leaf(inputs["w"]), leaf(inputs["b"])
    loss = torch_relative(case, inputs, x, w, b) if case["loss"] in RELATIVES else torch_family(case, inputs, x, w, b)
    loss.backward()
    zero_if_unused = lambda v: np.zeros(v.shape) if v.grad is None else v.grad.numpy()
    return loss.item(), zero_if_unused(x), zero_if_unused(w), zero_if_unused(b)


def torch_family(case, inputs, x, w, b):
    import torch

    own = torch.nn.functional.one_hot(torch.tensor(inputs["labels"]), inputs["classes"]).double()
    if FAMILY[case["loss"]][0] == "linear":
        z = x @ w.T + b
    else:
        norm = x.norm(dim=1, keepdim=True)
        x_hat, w_hat = x / norm, w / w.norm(dim=1, keepdim=True)
        w_own = own @ w_hat
        # Kahan's angle between unit vectors: no arccos, so a finite derivative.
        theta = 2.0 * torch.atan2((x_hat - w_own).norm(dim=1), (x_hat + w_own).norm(dim=1))[:, None]
        s = case["scale"]
        if FAMILY[case["loss"]][0] == "norm":
            s = norm
        elif case["scale_share"] != 1.0:
            s = (1.0 - case["scale_share"]) * norm + case["scale_share"] * s
        lam = case["lambda"]
        target = (lam * torch.cos(theta) + torch_psi(theta, case)) / (1.0 + lam)
        z = s * torch.where(own > 0.0, target, x_hat @ w_hat.T)
    q = (1.0 - case["smoothing"]) * own + case["smoothing"] / inputs["classes"]
    return (torch.logsumexp(z, dim=1) - (q * z).sum(dim=1)).mean()


def at_strength(case):
    """m0, m1, m2 at the case's part of their full strength."""
    m, t = case["margins"], case["strength"]
    return 1.0 + t * (m["angle_multiplier"] - 1.0), t * m["angle_margin"], t * m["cosine_margin"]


def torch_psi(theta, case):
    import torch

    m0, m1, m2 = at_strength(case)
    phi = m0 * theta + m1
    if case["extension"] == "monotone":
        k = torch.floor(phi.detach() / math.pi)
        return (-1.0) ** k * torch.cos(phi) - 2.0 * k - m2
    margin, plain = torch.cos(phi) - m2, torch.cos(theta) - m2
    if case["extension"] == "fallback":
        return torch.where(phi > math.pi, plain - m1 * math.sin(m1), margin)
    if case["extension"] == "easy":
        return torch.where(torch.cos(theta) > 0.0, margin, plain)
    return margin


def numpy_psi(theta, case):
    m0, m1, m2 = at_strength(case)
    phi, k = m0 * theta + m1, 0
    if case["extension"] == "easy" and theta >= math.pi / 2 or case["extension"] == "fallback" and phi > math.pi:
        return math.cos(theta) - m2 - (m1 * math.sin(m1) if case["extension"] == "fallback" else 0.0)
    while case["extension"] == "monotone" and phi >= math.pi:
        phi, k = phi - math.pi, k + 1
    return math.cos(phi) - 2 * k - m2


def numpy_loss(case, inputs, x, w, b):
    total = 0.0
    lengths = np.sqrt((w * w).sum(axis=1))
    for row, y in zip(x, inputs["labels"]):
        z = w @ row
        if FAMILY[case["loss"]][0] == "linear":
            z = z + b
        else:
            norm = math.sqrt(row @ row)
            share = {"norm": 0.0, "fixed": case["scale_share"]}[FAMILY[case["loss"]][0]]
            s = (1.0 - share) * norm + share * case["scale"]
            z = z / lengths / norm
            z[y] = (case["lambda"] * z[y] + numpy_psi(math.acos(z[y]), case)) / (1.0 + case["lambda"])
            z = s * z
        log_p = z - z.max() - math.log(np.exp(z - z.max()).sum())
        total -= (1.0 - case["smoothing"]) * log_p[y] + case["smoothing"] * log_p.mean()
    return total / len(x)


def differences(f, at, h=1e-6):
    out = np.empty(at.size)
    for k in range(at.size):
        up, down = at.copy(), at.copy()
        up.flat[k] += h
        down.flat[k] -= h
        out[k] = (f(up) - f(down)) / (2.0 * h)
    return out


def check():
    """losses.json against central differences; the exit status."""
    golden = json.loads(FILE.read_text())
    worst, failed = 0.0, 0
    for number, case in enumerate(golden["cases"]):
        inputs = golden["inputs"][case["inputs"]]
        d = inputs["dim"]
        x, w, b = (np.array(inputs[k]) for k in "xwb")
        x, w = x.reshape(-1, d), w.reshape(-1, d)
        if case["loss"] in RELATIVES:
            frozen = freeze(case, inputs, x, w)
            loss = lambda x, w, b: numpy_relative(case, inputs, x, w, b, frozen)
        else:
            loss = lambda x, w, b: numpy_loss(case, inputs, x, w, b)
        value = loss(x, w, b)
        slopes = {
            "dx": differences(lambda v: loss(v, w, b), x),
            "dw": differences(lambda v: loss(x, v, b), w),
            "db": differences(lambda v: loss(x, w, v), b),
        }
        errors = {"value": abs(value - case["value"]) / abs(value)}
        for key, slope in slopes.items():
            errors[key] = np.abs(slope - case[key]).max() / max(np.abs(slopes[key]).max(), 1e-3)
        key = max(errors, key=errors.get)
        worst = max(worst, errors[key])
        if not errors[key] <= 1e-6:
            failed += 1
            print(f"case {number}, {describe(case)}: {key} is off by {errors[key]:.2g}", file=sys.stderr)
    print(f"{len(golden['cases'])} cases, largest relative difference {worst:.1e}, {failed} above 1e-6")
    return 1 if failed or not golden["cases"] else 0


def describe(case):
    m = case["margins"]
    text = f"{case['loss']} {tuple(m.values())} {case['extension']} {case['inputs']} smoothing {case['smoothing']}"
    return f"{text} lambda {case['lambda']} strength {case['strength']} {case.get('params', '')}"


def guard(case, inputs):
    """Refuses an input on a jump of psi, where a gradient means nothing; returns k of each row."""
    m0, m1, _ = at_strength(case)
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
    theta = np.arccos((unit(inputs["x"]) * unit(inputs["w"])[inputs["labels"]]).sum(axis=1))
    edge = {"fallback": math.pi - m1, "easy": math.pi / 2}.get(case["extension"])
    if edge is not None and np.abs(theta - edge).min() < 1e-3:
        sys.exit(f"{describe(case)}: an angle lies on the jump; choose another SEED")
    return np.floor((m0 * theta + m1) / math.pi).astype(int).tolist()


def write():
    import torch

    rng = np.random.default_rng(SEED)
    inputs = {name: draw(rng, *shape) for name, shape in SHAPES.items()}
    inputs["far"] = far()
    inputs[SUB_CENTERS] = draw_sub_centers(rng, 5, 3, 4, 14)
    cases, folds = [], {}
    for case in plan():
        if case["loss"] in RELATIVES:
            if "deviation" in case["params"]:
                case["draws"] = draws(rng, case, inputs[case["inputs"]])
        else:
            key = (case["loss"], case["extension"], *case["margins"].values())
            folds.setdefault(key, set()).update(guard(case, inputs[case["inputs"]]))
        value, dx, dw, db = autograd(case, inputs[case["inputs"]])
        cases.append(case | {"value": value, "dx": dx, "dw": dw, "db": db})
    for (loss, extension, m0, m1, m2), seen in folds.items():
        # m0*pi + m1 is how far phi can go: some row must meet each fold of psi.
        if seen != set(range(math.ceil(m0 + m1 / math.pi))):
            sys.exit(f"{loss} {m0, m1, m2} {extension} meets only k in {sorted(seen)}; choose another SEED")
    store(FILE, "make.py", torch, inputs, cases=cases)
    return 0


def draws(rng, case, inputs):
    """Standard normal draws of the rows; for elasticface_plus the largest for the farthest."""
    out = rng.standard_normal(len(inputs["labels"]))
    if case["loss"] == "elasticface_plus":
        unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
        cosines = (unit(inputs["x"]) * unit(inputs["w"])[inputs["labels"]]).sum(axis=1)
        out = np.sort(out)[np.argsort(np.argsort(-cosines))]
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Golden values and gradients of the losses.")
    parser.add_argument("--check", action="store_true", help="compare losses.json with central differences")
    sys.exit(check() if parser.parse_args().check else write())
