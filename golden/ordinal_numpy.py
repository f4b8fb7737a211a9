"""The losses of ordinal.json a second time, row by row in plain NumPy, and the check against them."""

import json
import math
import sys

import numpy as np

from tuples_numpy import TOLERANCE, differences


def regression(x, w, b, labels, values, beta):
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))
    rows = []
    for row, label in zip(x, labels):
        off = abs(row @ w + b[0] - (values[label] - mean) / deviation)
        rows.append(off**2 / (2 * beta) if off < beta else off - beta / 2)
    return np.mean(rows)


def coral(x, w, b, labels, values):
    rows = []
    for row, label in zip(x, labels):
        above = [1 / (1 + math.exp(-(row @ w + bias))) for bias in b]
        rows.append(-np.mean([math.log(p if label > k else 1 - p) for k, p in enumerate(above)]))
    return np.mean(rows)


def check(file):
    """The file against central differences; the exit status."""
    golden = json.loads(file.read_text())
    worst, failed = 0.0, 0
    for case in golden["cases"]:
        inputs = golden["inputs"][case["inputs"]]
        x = np.array(inputs["x"]).reshape(-1, inputs["dim"])
        w, b = np.array(inputs["w"]), np.array(inputs[case["loss"]])
        rest = (inputs["labels"], inputs["values"])
        loss = lambda x, w, b: globals()[case["loss"]](x, w, b, *rest, **case["params"])
        slopes = {
            "dx": differences(lambda v: loss(v, w, b), x),
            "dw": differences(lambda v: loss(x, v, b), w),
            "db": differences(lambda v: loss(x, w, v), b),
        }
        errors = {"value": abs(loss(x, w, b) - case["value"]) / max(abs(case["value"]), 1.0)}
        for key, slope in slopes.items():
            errors[key] = np.abs(slope.ravel() - np.ravel(case[key])).max() / max(np.abs(slope).max(), 1e-3)
        key = max(errors, key=errors.get)
        worst = max(worst, errors[key])
        if not errors[key] <= TOLERANCE:
            failed += 1
            print(f"{case['loss']} {case['params']} {case['inputs']}: {key} is off by {errors[key]:.2g}", file=sys.stderr)
    cases = len(golden["cases"])
    print(f"{file.name}: {cases} cases, largest relative difference {worst:.1e}, {failed} above {TOLERANCE:.0e}")
    return 1 if failed or not cases else 0
