"""The relatives of the margin family, twice: for PyTorch's autograd and in plain NumPy.

What a loss detaches from its gradient is `.detach()`ed in the one; in the other it is
computed once, by `freeze`, and held fixed while differences are made.
"""

import math

import numpy as np

SUB_CENTERS = "5x3x4x14"


def choice(m0=1.0, m1=0.0, m2=0.0, inputs=None, **params):
    where = {} if inputs is None else {"inputs": inputs}
    return {"m0": m0, "m1": m1, "m2": m2, "params": {k: float(v) for k, v in params.items()}} | where


# Margins and parameters to try, the paper's first where a first step shows them.
RELATIVES = {
    "adacos": [choice()],
    "mv_softmax": [choice(m1=0.5, t=1.2), choice(m1=0.3, t=1.8)],
    "curricularface": [choice(m1=0.5, momentum=0.99), choice(m1=0.5, momentum=0.3)],
    "circle": [choice(relaxation=0.25), choice(relaxation=0.6)],
    "subcenter_arcface": [choice(m1=0.5, centers=3, inputs=SUB_CENTERS)],
    # Norms are between 0.5 and 30 (on `far` up to 100): some within [l_a, u_a], some not.
    "magface": [
        choice(lower_margin=0.45, upper_margin=0.8, lower_norm=10, upper_norm=110, norm_weight=35),
        choice(lower_margin=0.1, upper_margin=1.2, lower_norm=1, upper_norm=15, norm_weight=2),
    ],
    "adaface": [
        choice(margin=0.4, concentration=0.333, momentum=0.99),
        choice(margin=0.4, concentration=0.9, momentum=0.0),
    ],
    "elasticface": [choice(m1=0.5, deviation=0.0125), choice(m1=0.3, m2=0.2, deviation=0.1)],
    "elasticface_plus": [choice(m1=0.5, deviation=0.0175), choice(m2=0.35, deviation=0.1)],
    "sphereface2": [
        choice(positive_weight=0.7, margin=0.4, power=3),
        choice(positive_weight=0.4, margin=0.1, power=1.5),
    ],
    "sphereface_r": [choice(m0=1.5), choice(m0=4.0)],
}


def torch_relative(case, inputs, x, w, b):
    """The mean loss as a graph."""
    import torch

    p, t, name = case["params"], case["strength"], case["loss"]
    labels = torch.tensor(np.asarray(inputs["labels"]))
    rows = torch.arange(len(labels))
    own = torch.nn.functional.one_hot(labels, inputs["classes"]).bool()
    norm = x.norm(dim=1)
    x_hat, w_hat = x / norm[:, None], w / w.norm(dim=1, keepdim=True)
    each = (x_hat @ w_hat.T).reshape(len(labels), inputs["classes"], -1)
    cosine, nearest = each.max(dim=2)
    w_own = w_hat.reshape(inputs["classes"], -1, x.shape[1])[labels, nearest[rows, labels]]
    theta = 2.0 * torch.atan2((x_hat - w_own).norm(dim=1), (x_hat + w_own).norm(dim=1))
    c = torch.cos(theta)

    if name == "sphereface2":
        margin, power, r = t * p["margin"], 1.0 + t * (p["power"] - 1.0), case["scale"]
        g = 2.0 * ((cosine + 1.0) / 2.0) ** power - 1.0
        positive = torch.nn.functional.softplus(-(r * (g - margin) + b[0]))
        negative = torch.nn.functional.softplus(r * (g + margin) + b[0])
        terms = torch.where(own, p["positive_weight"] * positive, (1.0 - p["positive_weight"]) * negative)
        return terms.sum(dim=1).mean() / r

    def monotone(m0, m1, m2):
        phi = m0 * theta + m1
        k = torch.floor(phi.detach() / math.pi)
        return (1.0 - 2.0 * torch.remainder(k, 2.0)) * torch.cos(phi) - 2.0 * k - m2

    m = case["margins"]
    m0, m1, m2 = 1.0 + t * (m["angle_multiplier"] - 1.0), t * m["angle_margin"], t * m["cosine_margin"]
    other, penalty = cosine, 0.0
    if name == "circle":
        relaxation = p["relaxation"]
        own_weight = torch.relu(1.0 + relaxation - c.detach())
        psi = (1.0 - t) * c + t * own_weight * (c - 1.0 + relaxation)
        weight = torch.relu(cosine.detach() + relaxation)
        other = (1.0 - t) * cosine + t * weight * (cosine - relaxation)
    elif name == "sphereface_r":
        psi = c + (torch.cos(torch.clamp(m0 * theta, max=math.pi)) - c).detach()
    elif name == "adaface":
        clipped, keep = norm.detach().clamp(0.001, 100.0), p["momentum"]
        mean = keep * 20.0 + (1.0 - keep) * clipped.mean()
        deviation = keep * 100.0 + (1.0 - keep) * clipped.std()
        quality = ((clipped - mean) / (deviation + 0.001) * p["concentration"]).clamp(-1.0, 1.0)
        psi = monotone(1.0, -t * p["margin"] * quality, t * (p["margin"] * quality + p["margin"]))
    elif name == "magface":
        low, high = p["lower_norm"], p["upper_norm"]
        a = norm.clamp(low, high)
        angle = p["lower_margin"] + (p["upper_margin"] - p["lower_margin"]) / (high - low) * (a - low)
        psi = monotone(1.0, t * angle, 0.0)
        penalty = t * p["norm_weight"] * (a / high**2 + 1.0 / a)
    elif "deviation" in p:
        noise = t * p["deviation"] * torch.tensor(np.asarray(case["draws"]))
        m1 = (m1 + noise).clamp(0.0, math.pi) if m1 > 0.0 else m1
        m2 = (m2 + noise).clamp(0.0, 2.0) if m2 > 0.0 else m2
        psi = monotone(1.0, m1, m2)
    else:
        psi = monotone(m0, m1, m2)
    if name == "mv_softmax":
        factor = 1.0 + t * (p["t"] - 1.0)
        other = torch.where(cosine > psi[:, None], factor * cosine + factor - 1.0, cosine)
    if name == "curricularface":
        momentum = ((1.0 - p["momentum"]) * c.mean()).detach()
        other = torch.where(cosine > psi[:, None], (1.0 - t) * cosine + t * cosine * (momentum + cosine), cosine)
    s = (1.0 - case["scale_share"]) * norm + case["scale_share"] * case["scale"]
    z = s[:, None] * torch.where(own, psi[:, None], other)
    return (torch.nn.functional.cross_entropy(z, labels, reduction="none") + penalty).mean()


def cosines(inputs, x, w):
    """Every class's cosine of every row: the largest of a class's prototypes."""
    unit = lambda v: v / np.sqrt((v * v).sum(axis=1, keepdims=True))
    each = unit(x) @ unit(w).T
    return each.reshape(len(x), inputs["classes"], -1).max(axis=2)


def freeze(case, inputs, x, w):
    """What carries no gradient: a number of each row, and each class's cosines."""
    p, t = case["params"], case["strength"]
    all_cosines = cosines(inputs, x, w)
    own = all_cosines[np.arange(len(x)), inputs["labels"]]
    frozen = {"cosines": all_cosines, "row": np.zeros(len(x)), "batch": own.mean()}
    if case["loss"] == "circle":
        frozen["row"] = np.maximum(1.0 + p["relaxation"] - own, 0.0)
    if case["loss"] == "sphereface_r":
        m0 = 1.0 + t * (case["margins"]["angle_multiplier"] - 1.0)
        frozen["row"] = np.cos(np.minimum(m0 * np.arccos(own), math.pi)) - own
    if case["loss"] == "adaface":
        norms = np.clip(np.sqrt((x * x).sum(axis=1)), 0.001, 100.0)
        keep = p["momentum"]
        mean = keep * 20.0 + (1.0 - keep) * norms.mean()
        deviation = keep * 100.0 + (1.0 - keep) * norms.std(ddof=1)
        frozen["row"] = np.clip((norms - mean) * p["concentration"] / (deviation + 0.001), -1.0, 1.0)
    if "draws" in case:
        frozen["row"] = np.array(case["draws"])
    return frozen


def numpy_psi(phi):
    """cos(phi), continued so that it falls everywhere."""
    k = math.floor(phi / math.pi)
    return (-1) ** (k % 2) * math.cos(phi) - 2 * k


def numpy_relative(case, inputs, x, w, b, frozen):
    """The mean loss, a row at a time."""
    p, t, name, total = case["params"], case["strength"], case["loss"], 0.0
    m0 = 1.0 + t * (case["margins"]["angle_multiplier"] - 1.0)
    m1, m2 = t * case["margins"]["angle_margin"], t * case["margins"]["cosine_margin"]
    softplus = lambda u: max(u, 0.0) + math.log1p(math.exp(-abs(u)))
    for i, (c_all, y) in enumerate(zip(cosines(inputs, x, w), inputs["labels"])):
        c, fixed, at = c_all[y], frozen["row"][i], frozen["cosines"][i]
        if name == "sphereface2":
            margin, power, r = t * p["margin"], 1.0 + t * (p["power"] - 1.0), case["scale"]
            for j, c in enumerate(c_all):
                g = 2.0 * ((c + 1.0) / 2.0) ** power - 1.0
                if j == y:
                    total += p["positive_weight"] / r * softplus(-(r * (g - margin) + b[0]))
                else:
                    total += (1.0 - p["positive_weight"]) / r * softplus(r * (g + margin) + b[0])
            continue
        theta, norm = math.acos(c), math.sqrt(x[i] @ x[i])
        if name == "circle":
            psi = (1.0 - t) * c + t * fixed * (c - 1.0 + p["relaxation"])
        elif name == "sphereface_r":
            psi = c + fixed
        elif name == "adaface":
            psi = numpy_psi(theta - t * p["margin"] * fixed) - t * p["margin"] * (1.0 + fixed)
        elif name == "magface":
            a = min(max(norm, p["lower_norm"]), p["upper_norm"])
            part = (a - p["lower_norm"]) / (p["upper_norm"] - p["lower_norm"])
            psi = numpy_psi(theta + t * (p["lower_margin"] * (1.0 - part) + p["upper_margin"] * part))
            total += t * p["norm_weight"] * (a / p["upper_norm"] ** 2 + 1.0 / a)
        elif "deviation" in p:
            noise = t * p["deviation"] * fixed
            angle = min(max(m1 + noise, 0.0), math.pi) if m1 > 0.0 else 0.0
            cosine = min(max(m2 + noise, 0.0), 2.0) if m2 > 0.0 else 0.0
            psi = numpy_psi(theta + angle) - cosine
        else:
            psi = numpy_psi(m0 * theta + m1) - m2
        z = c_all.copy()
        for j, c in enumerate(c_all):
            if name == "circle":
                z[j] = (1.0 - t) * c + t * max(at[j] + p["relaxation"], 0.0) * (c - p["relaxation"])
            if name == "mv_softmax" and c > psi:
                factor = 1.0 + t * (p["t"] - 1.0)
                z[j] = factor * c + factor - 1.0
            if name == "curricularface" and c > psi:
                z[j] = (1.0 - t) * c + t * c * ((1.0 - p["momentum"]) * frozen["batch"] + c)
        z[y] = psi
        z *= (1.0 - case["scale_share"]) * norm + case["scale_share"] * case["scale"]
        total += z.max() + math.log(np.exp(z - z.max()).sum()) - z[y]
    return total / len(x)
