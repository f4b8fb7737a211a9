"""A training step in PyTorch: backbone, ArcFace head, backward, SGD with momentum and decay.

The images are in memory, normalized, as float tensors: no data loader is timed.
"""

import common

MODES = ["eager", "channels_last", "compile"]
POOL = 4
CLASSES = 10


def main():
    parser = common.arguments(__doc__, MODES)
    parser.add_argument("--backbone", default="lenet_2d", help="lenet_2d, lenet_pp, resnet_cifar, iresnet [%(default)s]")
    parser.add_argument("--size", type=common.size, help="images with three channels of HxW [one channel, 28x28]")
    parser.add_argument("--dim", type=common.positive, default=2, help="of the embedding [%(default)s]")
    parser.add_argument("--loss", default="arcface", help="[%(default)s]")
    args = parser.parse_args()
    torch = common.start(args)
    from backbones import BACKBONES, build, multiply_adds
    from margin import LOSSES, Head

    for what, name, known in [("backbone", args.backbone, BACKBONES), ("loss", args.loss, LOSSES)]:
        if name not in known:
            parser.error(f"no {what} {name!r} (known: {', '.join(known)})")
    channels, (height, width) = (3, args.size) if args.size else (1, (28, 28))
    shape = (channels, height, width)

    def make(mode):
        layout = torch.channels_last if mode == "channels_last" else torch.contiguous_format
        backbone = build(args.backbone, *shape, args.dim).to(memory_format=layout)
        head = Head(args.loss, CLASSES, args.dim)
        # Weight decay for weights only: not for biases, slopes and batch-norm.
        parameters = [*backbone.parameters(), *head.parameters()]
        groups = [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 5e-4},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, fused=True)
        images = [torch.randn(args.batch, *shape).to(memory_format=layout) for _ in range(POOL)]
        labels = [torch.randint(CLASSES, (args.batch,)) for _ in range(POOL)]
        loss_of = common.compiled(lambda x, y: head(backbone(x), y), mode)
        at = 0

        def step():
            nonlocal at
            optimizer.zero_grad(set_to_none=True)
            loss_of(images[at], labels[at]).backward()
            optimizer.step()
            at = (at + 1) % POOL

        return step

    count = multiply_adds(build(args.backbone, *shape, args.dim), torch.zeros(1, *shape))
    facts = {"backbone": args.backbone, "loss": args.loss, "dim": args.dim, "classes": CLASSES}
    facts |= {"channels": channels, "height": height, "width": width}
    # Backward is two products for each of forward's.
    facts["gflop_per_step"] = 3 * 2e-9 * args.batch * count
    common.run("train", args, make, facts)


if __name__ == "__main__":
    main()
