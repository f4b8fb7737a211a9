"""Writes evidence.json: what SciPy and lir say of scores of pairs, for tests/evidence.rs.

    pip install lir==1.3.1 numpy==2.4.6 scipy==1.17.1
    python crates/arcsphere-eval/tests/evidence.py

Platt's line is found by SciPy's minimizer from the loss as it is written; Cllr, minCllr and the ELUB limits are
lir's (Netherlands Forensic Institute), detection costs are counted threshold by threshold.
"""

import json
from pathlib import Path

import numpy as np
from lir.algorithms.bayeserror import elub
from lir.data.models import LLRData
from lir.metrics import cllr, cllr_min
from scipy.optimize import minimize

FILE = Path(__file__).with_name("evidence.json")
SEED = 20160713
PRIORS = [0.5, 0.01, 0.001]


def platt(s, y):
    n1, n0 = y.sum(), (1 - y).sum()
    t = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    w = np.where(y == 1, 0.5 / n1, 0.5 / n0)

    def loss(p):
        x = p[0] * s + p[1]
        return np.sum(w * (np.logaddexp(0, x) - t * x))

    def slope(p):
        x = p[0] * s + p[1]
        g = w * (1 / (1 + np.exp(-x)) - t)
        return np.array([np.sum(g * s), np.sum(g)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=slope, method="BFGS", options={"gtol": 1e-13, "maxiter": 10000})
    return found.x


def dcf(prior, fmr, fnmr):
    return (prior * fnmr + (1 - prior) * fmr) / min(prior, 1 - prior)


def case(s, y):
    a, b = platt(s, y)
    llrs = a * s + b
    low, high = elub(llrs.copy() / np.log(10), y.copy())
    tens = LLRData(features=llrs.reshape(-1, 1) / np.log(10), labels=y)
    rates = lambda x, t: (np.mean(x[y == 0] >= t), np.mean(x[y == 1] < t))
    return {
        "scores": [float(v) for v in s], "same": [bool(v) for v in y], "a": a, "b": b,
        "cllr": cllr(tens), "min_cllr": cllr_min(tens), "low": low * np.log(10), "high": high * np.log(10),
        "actual": [dcf(p, *rates(llrs, np.log((1 - p) / p))) for p in PRIORS],
        "minimum": [min(dcf(p, *rates(s, t)) for t in [*s, np.inf]) for p in PRIORS],
    }


def draw(rng, genuine, impostor, apart, digits):
    s = np.concatenate([rng.normal(apart, 0.15, genuine), rng.normal(0.0, 0.12, impostor)])
    y = np.concatenate([np.ones(genuine, int), np.zeros(impostor, int)])
    order = rng.permutation(len(s))
    return np.float32(np.round(s[order], digits)).astype(float), y[order]


if __name__ == "__main__":
    rng = np.random.default_rng(SEED)
    cases = [case(*draw(rng, *shape)) for shape in
             [(30, 60, 0.3, 3), (20, 20, 0.1, 1), (12, 80, 1.5, 4), (60, 15, 0.4, 2)]]
    FILE.write_text(json.dumps({"made_by": "tests/evidence.py", "priors": PRIORS, "cases": cases}) + "\n")
    print(FILE.name, [(c["a"], c["cllr"], c["min_cllr"], c["low"], c["high"]) for c in cases])
