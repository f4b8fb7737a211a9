"""The losses of tuples.json once more, for `tuples.py --check`: NumPy, an anchor at a time.

Each is a sum over the tuples of its paper, where tuples.py has matrices with masks and
PyTorch's autograd; gradients are central differences. It needs no PyTorch.
"""

import json
import sys

import numpy as np

STEP = 1e-6
# In parts of the largest entry: nine digits are written, and a difference has an error of its own.
TOLERANCE = 1e-6


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def hinge(v):
    return np.maximum(v, 0.0)


def log_sum_exp(v):
    return v.max() + np.log(np.exp(v - v.max()).sum())


def anchors(x, labels):
    """Each sample with the places of its positives and of its negatives."""
    for a in range(len(x)):
        same = labels == labels[a]
        yield a, np.flatnonzero(same & (np.arange(len(x)) != a)), np.flatnonzero(~same)


def contrastive(x, labels, _own, margin):
    x, near, far = unit(x), [], []
    for a, positives, negatives in anchors(x, labels):
        d = np.linalg.norm(x - x[a], axis=1)
        near.extend(0.5 * d[positives[positives > a]] ** 2)
        far.extend(0.5 * hinge(margin - d[negatives[negatives > a]]) ** 2)
    return np.mean(near) + np.mean(far)


def triplet(x, labels, _own, margin, active_only):
    x, terms = unit(x), []
    for a, positives, negatives in anchors(x, labels):
        d2 = ((x - x[a]) ** 2).sum(1)
        terms.append(hinge(d2[positives][:, None] - d2[negatives] + margin).ravel())
    terms = np.concatenate(terms)
    return terms[terms > 0].mean() if active_only else terms.mean()


def triplet_batch_hard(x, labels, _own, margin):
    x, terms = unit(x), []
    for a, positives, negatives in anchors(x, labels):
        if len(positives) and len(negatives):
            d = np.linalg.norm(x - x[a], axis=1)
            terms.append(hinge(d[positives].max() - d[negatives].min() + margin))
    return np.mean(terms)


def triplet_semi_hard(x, labels, _own, margin):
    x, terms = unit(x), []
    for a, positives, negatives in anchors(x, labels):
        d2 = ((x - x[a]) ** 2).sum(1)
        for p in positives:
            farther = [d2[n] for n in negatives if d2[n] > d2[p]]
            negative = min(farther) if farther else d2[negatives].max()
            terms.append(hinge(d2[p] - negative + margin))
    return np.mean(terms)


def center(x, labels, own, weight, center_rate):
    return weight * 0.5 * np.mean([((x[i] - own[y]) ** 2).sum() for i, y in enumerate(labels)])


def npair(x, labels, _own, norm_weight):
    terms = []
    for a, positives, negatives in anchors(x, labels):
        z = x @ x[a]
        terms.extend(log_sum_exp(np.append(z[negatives] - z[p], 0.0)) for p in positives)
    return np.mean(terms) + norm_weight * np.mean((x**2).sum(1))


def supcon(x, labels, _own, temperature):
    x, terms = unit(x), []
    for a, positives, negatives in anchors(x, labels):
        z = x @ x[a] / temperature
        if len(positives):
            all_others = log_sum_exp(z[np.concatenate([positives, negatives])])
            terms.append(np.mean(all_others - z[positives]))
    return np.mean(terms)


def proxy_nca(x, labels, own, scale):
    x, own, terms = unit(x), unit(own), []
    for i, y in enumerate(labels):
        z = -scale * ((own - x[i]) ** 2).sum(1)
        terms.append(log_sum_exp(np.delete(z, y)) - z[y])
    return np.mean(terms)


def proxy_anchor(x, labels, own, scale, margin):
    x, own = unit(x), unit(own)
    pulls, pushes = [], []
    for k, proxy in enumerate(own):
        cos = x @ proxy
        positives, negatives = cos[labels == k], cos[labels != k]
        if len(positives):
            pulls.append(log_sum_exp(np.append(-scale * (positives - margin), 0.0)))
        pushes.append(log_sum_exp(np.append(scale * (negatives + margin), 0.0)))
    return np.mean(pulls) + np.mean(pushes)


def energy(w, power, half_space, subset):
    w, terms = unit(w), []
    for i in range(len(w)) if subset is None else subset:
        others = [np.linalg.norm(w[i] - w[j]) for j in range(len(w)) if j != i]
        if half_space:
            others += [np.linalg.norm(w[i] + w[j]) for j in range(len(w))]
        terms.extend(r**-power if power > 0 else -np.log(r) for r in others)
    return np.mean(terms)


def differences(f, at):
    out = np.zeros_like(at)
    for i in np.ndindex(at.shape):
        ends = []
        for step in (STEP, -STEP):
            moved = at.copy()
            moved[i] += step
            ends.append(f(moved))
        out[i] = (ends[0] - ends[1]) / (2 * STEP)
    return out


def check(file):
    """The file against central differences; the exit status."""
    golden = json.loads(file.read_text())
    worst, failed = 0.0, 0

    def compare(what, case, value, slopes):
        nonlocal worst, failed
        errors = {"value": abs(value - case["value"]) / max(abs(value), 1.0)}
        for key, slope in slopes.items():
            errors[key] = np.abs(slope.ravel() - case[key]).max() / max(np.abs(slope).max(), 1e-3)
        key = max(errors, key=errors.get)
        worst = max(worst, errors[key])
        if not errors[key] <= TOLERANCE:
            failed += 1
            print(f"{what}: {key} is off by {errors[key]:.2g}", file=sys.stderr)

    for case in golden["cases"]:
        inputs = golden["inputs"][case["inputs"]]
        labels = np.array(inputs["labels"])
        x, own = (np.array(inputs[key]).reshape(-1, inputs["dim"]) for key in ("x", "own"))
        loss = lambda x, own: globals()[case["loss"]](x, labels, own, **case["params"])
        slopes = {"dx": differences(lambda v: loss(v, own), x)}
        if "dp" in case:
            slopes["dp"] = differences(lambda v: loss(x, v), own)
        compare(f"{case['loss']} {case['params']} {case['inputs']}", case, loss(x, own), slopes)
    for case in golden["energies"]:
        inputs = golden["inputs"][case["inputs"]]
        own = np.array(inputs["own"]).reshape(-1, inputs["dim"])
        term = lambda w: energy(w, case["power"], case["half_space"], case["subset"])
        what = f"energy {case['power']} {case['half_space']} {case['subset']} {case['inputs']}"
        compare(what, case, term(own), {"dw": differences(term, own)})
    cases = len(golden["cases"]) + len(golden["energies"])
    print(f"{file.name}: {cases} cases, largest relative difference {worst:.1e}, {failed} above {TOLERANCE:.0e}")
    return 1 if failed or not golden["cases"] or not golden["energies"] else 0
