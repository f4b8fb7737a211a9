"""One 3x3 convolution in PyTorch: forward and both gradients, 32 to 32 channels at 14x14.

As `arcsphere bench conv` does it; `channels_last` is PyTorch's other memory format.
"""

import common

MODES = ["eager", "channels_last", "compile"]
CHANNELS, SIDE = 32, 14


def main():
    args = common.arguments(__doc__, MODES, repeats=25).parse_args()
    torch = common.start(args)

    def make(mode):
        layout = torch.channels_last if mode == "channels_last" else torch.contiguous_format
        conv = torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False).to(memory_format=layout)
        x = torch.randn(args.batch, CHANNELS, SIDE, SIDE).to(memory_format=layout).requires_grad_()
        total = common.compiled(lambda x: conv(x).sum(), mode)

        def step():
            x.grad = conv.weight.grad = None
            total(x).backward()

        return step

    facts = {"in_channels": CHANNELS, "out_channels": CHANNELS, "kernel": 3, "height": SIDE, "width": SIDE}
    facts["pass"] = "forward and backward"
    facts["gflop_per_step"] = 3 * 2e-9 * args.batch * SIDE * SIDE * CHANNELS * CHANNELS * 9
    common.run("conv", args, make, facts)


if __name__ == "__main__":
    main()
