"""The margin head in PyTorch: forward, backward, SGD with momentum and weight decay.

Normalize embeddings and prototypes, F.linear, the margin on the own class, cross-entropy. The
gradient of the embeddings is computed too, since a backbone would be waiting for it.
"""

import common

MODES = ["eager", "compile"]


def main():
    parser = common.arguments(__doc__, MODES)
    parser.add_argument("--classes", type=common.positive, default=10_000, help="C [%(default)s]")
    parser.add_argument("--dim", type=common.positive, default=512, help="D [%(default)s]")
    parser.add_argument("--loss", default="arcface", help="[%(default)s]")
    args = parser.parse_args()
    torch = common.start(args)
    from margin import LOSSES, Head

    if args.loss not in LOSSES:
        parser.error(f"no loss {args.loss!r} (known: {', '.join(LOSSES)})")

    def make(mode):
        head = Head(args.loss, args.classes, args.dim)
        optimizer = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
        loss_of = common.compiled(head, mode)
        x = torch.randn(args.batch, args.dim, requires_grad=True)
        labels = torch.randint(args.classes, (args.batch,))

        def step():
            x.grad = None
            optimizer.zero_grad(set_to_none=True)
            loss_of(x, labels).backward()
            optimizer.step()

        return step

    facts = {"loss": args.loss, "classes": args.classes, "dim": args.dim}
    # Forward, d/dX and d/dW: the three products that the head cannot do without.
    facts["gflop_per_step"] = 3 * 2e-9 * args.batch * args.classes * args.dim
    common.run("head", args, make, facts)


if __name__ == "__main__":
    main()
