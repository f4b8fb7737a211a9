"""The form of a golden file: JSON with a line for each of the inputs and cases."""

import json
import os
import tempfile

import numpy as np


def short(v):
    """Arrays as flat lists, numbers with 9 significant digits."""
    if isinstance(v, dict):
        return {k: short(x) for k, x in v.items()}
    if isinstance(v, np.ndarray):
        return [short(x) for x in v.ravel().tolist()]
    return float(f"{v:.9g}") if isinstance(v, float) else v


def store(file, script, torch, inputs, **lists):
    """Writes the head, `inputs` by name and then each list, under a temporary name first."""
    head = {"made_by": f"golden/{script}", "torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    line = lambda v: json.dumps(short(v), separators=(",", ":"), allow_nan=False)
    blocks = [f"{line(k)}:{line(v)}" for k, v in head.items()]
    blocks.append('"inputs":{\n' + ",\n".join(f"{line(k)}:{line(v)}" for k, v in inputs.items()) + "\n}")
    for name, cases in lists.items():
        blocks.append(f'"{name}":[\n' + ",\n".join(line(case) for case in cases) + "\n]")
    text = "{" + ",\n".join(blocks) + "}\n"
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.stem}-", delete=False) as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.chmod(out.name, 0o644)
    os.replace(out.name, file)
    print(f"{file.name}: {len(lists['cases'])} cases, {len(text) / 1000:.0f} kB")
