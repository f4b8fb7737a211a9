"""One convolution in PyTorch: forward and both gradients, padded by half its kernel.

As `arcsphere bench conv` does it; `channels_last` is PyTorch's other memory format.
"""

import common

MODES = ["eager", "channels_last", "compile"]


def main():
    parser = common.arguments(__doc__, MODES, repeats=25)
    parser.add_argument("--channels", type=common.positive, default=32, help="input channels [%(default)s]")
    parser.add_argument("--out-channels", type=common.positive, help="output channels [as many]")
    parser.add_argument("--kernel", type=common.positive, default=3, help="kernel's side [%(default)s]")
    parser.add_argument("--stride", type=common.positive, default=1, help="stride [%(default)s]")
    parser.add_argument("--depthwise", action="store_true", help="one group a channel")
    parser.add_argument("--size", type=common.size, default=(14, 14), help="height and width [14x14]")
    args = parser.parse_args()
    torch = common.start(args)
    channels, out, kernel = args.channels, args.out_channels or args.channels, args.kernel
    groups = channels if args.depthwise else 1
    shape = {"in_channels": channels, "out_channels": out, "kernel_size": kernel, "stride": args.stride}
    shape |= {"padding": kernel // 2, "groups": groups}

    def make(mode):
        layout = torch.channels_last if mode == "channels_last" else torch.contiguous_format
        conv = torch.nn.Conv2d(**shape, bias=False).to(memory_format=layout)
        x = torch.randn(args.batch, channels, *args.size).to(memory_format=layout).requires_grad_()
        total = common.compiled(lambda x: conv(x).sum(), mode)

        def step():
            x.grad = conv.weight.grad = None
            total(x).backward()

        return step

    facts = shape | {"height": args.size[0], "width": args.size[1], "pass": "forward and backward"}
    pixels = [(side + 2 * (kernel // 2) - kernel) // args.stride + 1 for side in args.size]
    products = channels // groups * out * kernel * kernel
    facts["gflop_per_step"] = 3 * 2e-9 * args.batch * pixels[0] * pixels[1] * products
    common.run("conv", args, make, facts)


if __name__ == "__main__":
    main()
