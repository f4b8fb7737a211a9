"""The backbones in PyTorch, layer for layer those of `crates/arcsphere/src/backbones`."""

import torch
import torch.nn.functional as F
from torch import nn


def build(name, channels, height, width, dim):
    """A backbone for images [B, channels, height, width], with embeddings of `dim`."""
    if name not in BACKBONES:
        raise KeyError(f"no backbone {name!r} (known: {', '.join(BACKBONES)})")
    return BACKBONES[name](channels, height, width, dim)


def conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)


def lenet(kernel, widths):
    """Three stages of two convolutions with batch-norm and PReLU, then a 2x2 maximum."""

    def make(channels, height, width, dim):
        layers, inputs = [], channels
        for outputs in widths:
            for _ in range(2):
                layers += [conv(inputs, outputs, kernel), nn.BatchNorm2d(outputs), nn.PReLU(outputs)]
                inputs = outputs
            layers.append(nn.MaxPool2d(2))
        features = inputs * (height // 8) * (width // 8)
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, dim))

    return make


class Block(nn.Module):
    """conv-bn-relu-conv-bn plus a shortcut without parameters (option A), relu."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.added:
            x = F.pad(x, (0, 0, 0, 0, 0, self.added))
        return F.relu(y + x, inplace=True)


def resnet_cifar(channels, height, width, dim):
    """ResNet-20 for 32x32 images."""
    layers, inputs = [conv(channels, 16, 3), nn.BatchNorm2d(16), nn.ReLU(inplace=True)], 16
    for stage, outputs in enumerate([16, 32, 64]):
        for i in range(3):
            layers.append(Block(inputs, outputs, 2 if stage and not i else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, dim))


class Unit(nn.Module):
    """The improved residual unit: bn-conv-bn-prelu-conv-bn plus the shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            conv(inputs, outputs, 3),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            conv(outputs, outputs, 3, stride),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def iresnet(channels, height, width, dim):
    """iResNet-18: the stem keeps the resolution, each of four stages halves it."""
    layers, inputs = [conv(channels, 64, 3), nn.BatchNorm2d(64), nn.PReLU(64)], 64
    for outputs in [64, 128, 256, 512]:
        layers += [Unit(inputs, outputs, 2), Unit(outputs, outputs, 1)]
        inputs = outputs
    features = inputs * -(-height // 16) * -(-width // 16)
    return nn.Sequential(
        *layers, nn.BatchNorm2d(inputs), nn.Flatten(), nn.Linear(features, dim), nn.BatchNorm1d(dim)
    )


BACKBONES = {
    "lenet_2d": lenet(3, [16, 32, 64]),
    "lenet_pp": lenet(5, [32, 64, 128]),
    "resnet_cifar": resnet_cifar,
    "iresnet": iresnet,
}


def multiply_adds(model, image):
    """Multiply-adds of convolutions and linear layers for one image, counted as it runs."""
    total = 0

    def count(layer, _, output):
        nonlocal total
        per_output = layer.weight[0].numel()
        total += per_output * output.numel()

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    model.eval()
    with torch.no_grad():
        model(image)
    model.train()
    for hook in hooks:
        hook.remove()
    return total
