"""This machine's limits: the SGEMM peak (2048^3) and the memory bandwidth (a large triad).

Bandwidth counts what a[i] = b[i] + s*c[i] reads and writes, 12 bytes an element.
"""

import json
import sys

import common

SIDE = 2048
# 3 arrays of 128 MB: far more than any cache.
ELEMENTS = 32 * 1024 * 1024


def main():
    args = common.arguments(__doc__, ["eager"], repeats=5).parse_args()
    torch = common.start(args)
    a, b, c = (torch.rand(SIDE, SIDE) for _ in range(3))
    x, y, z = (torch.rand(ELEMENTS) for _ in range(3))

    def measure():
        # A limit is what was reached at best, not the middle.
        gemm = min(common.seconds_of(lambda: torch.mm(a, b, out=c), args.repeats))
        triad = min(common.seconds_of(lambda: torch.add(x, y, alpha=3.0, out=z), args.repeats))
        return {
            "subject": "machine",
            "sgemm_gflops": 2e-9 * SIDE**3 / gemm,
            "triad_gb_per_second": 12e-9 * ELEMENTS / triad,
            "threads": args.threads,
            "torch": torch.__version__,
        }

    measure()
    if not args.on_demand:
        print(json.dumps(measure(), indent=2))
        return
    common.say({"ready": True, "mode": "eager"})
    for _ in sys.stdin:
        common.say(measure())


if __name__ == "__main__":
    main()
