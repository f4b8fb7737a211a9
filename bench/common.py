"""What every script here shares: arguments, timing, one JSON object out.

Alone, a script times each of its modes and prints one object: the fastest mode's median on
top, all modes below. With `--on-demand` it gets one mode ready, prints `{"ready": true}`, and
then times one round for each line on stdin, so that another program's rounds can go between.
"""

import argparse
import gc
import json
import os
import statistics
import sys
import time


def arguments(doc, modes, **defaults):
    """The parser that every script starts from; `defaults` are of --batch and --repeats."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--threads", type=positive, default=os.cpu_count() or 1, help="threads [all]")
    parser.add_argument("--batch", type=positive, default=defaults.get("batch", 128), help="images in a step [%(default)s]")
    parser.add_argument(
        "--repeats", type=positive, default=defaults.get("repeats", 9), help="timed steps in a round [%(default)s]"
    )
    parser.add_argument("--mode", choices=modes, help="one way to run it [each, and the fastest counts]")
    parser.add_argument("--on-demand", action="store_true", help="a round for each line on stdin")
    parser.set_defaults(modes=modes)
    return parser


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


def size(text):
    height, width = (positive(part) for part in text.lower().split("x"))
    return height, width


def start(args):
    """Sets the number of threads; before the first tensor, since OpenMP reads it once."""
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    return torch


def compiled(function, mode):
    """The function through torch.compile where the mode says so, for exactly these shapes."""
    import torch

    return torch.compile(function, dynamic=False) if mode == "compile" else function


def seconds_of(step, repeats):
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return taken


def figures(subject, args, mode, seconds, facts):
    """The facts of one timed round. Batches are `args.batch` samples unless `facts` counts them."""
    import torch

    median = statistics.median(seconds)
    samples = facts.get("samples", args.batch)
    return facts | {
        "subject": subject,
        "mode": mode,
        "median_ms": 1e3 * median,
        "samples_per_second": samples / median,
        "peak_rss_bytes": peak_rss_bytes(),
        "threads": args.threads,
        "batch": args.batch,
        "repeats": args.repeats,
        "torch": torch.__version__,
    }


def run(subject, args, make, facts, warmup=2):
    """Times `make(mode)`, which returns a step, as the arguments say, and prints the figures."""
    if args.on_demand:
        on_demand(subject, args, make, facts, warmup)
        return
    found, failed = {}, {}
    for mode in [args.mode] if args.mode else args.modes:
        try:
            step = make(mode)
            seconds_of(step, warmup)
            found[mode] = figures(subject, args, mode, seconds_of(step, args.repeats), facts)
        except Exception as error:  # torch.compile needs a C++ compiler; the other modes do not.
            failed[mode] = describe(error)
        step = None
        gc.collect()
    if not found:
        sys.exit(f"{subject}: no mode ran: {failed}")
    fastest = min(found.values(), key=lambda f: f["median_ms"])
    times = {mode: f["median_ms"] for mode, f in found.items()}
    print(json.dumps(fastest | {"modes_ms": times, "failed": failed}, indent=2))


def on_demand(subject, args, make, facts, warmup):
    mode = args.mode or args.modes[0]
    try:
        step = make(mode)
        seconds_of(step, warmup)
    except Exception as error:
        say({"ready": False, "mode": mode, "error": describe(error)})
        return
    say({"ready": True, "mode": mode})
    for _ in sys.stdin:
        say(figures(subject, args, mode, seconds_of(step, args.repeats), facts))


def say(value):
    print(json.dumps(value), flush=True)


def describe(error):
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def peak_rss_bytes():
    """The largest resident set so far, where the system says it."""
    try:
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith("VmHWM:"))
            return 1024 * int(line.split()[1])
    except (OSError, StopIteration):
        return None
