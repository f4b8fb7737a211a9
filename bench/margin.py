"""The margin losses, as one would write them in PyTorch.

    z_j = s*cos(theta_j)  (j != y),    z_y = s*psi(theta_y),    psi(theta) = cos(m0*theta + m1) - m2

continued past pi so that psi keeps falling. Only the B own cosines go through arccos.
"""

import math

import torch
import torch.nn.functional as F

# Where s comes from, and m0, m1, m2 of the papers.
LOSSES = {
    "softmax": ("linear", (1.0, 0.0, 0.0)),
    "modified_softmax": ("norm", (1.0, 0.0, 0.0)),
    "sphereface": ("norm", (4.0, 0.0, 0.0)),
    "fnorm_sphereface": ("fixed", (4.0, 0.0, 0.0)),
    "cosface": ("fixed", (1.0, 0.0, 0.35)),
    "arcface": ("fixed", (1.0, 0.5, 0.0)),
    "combined": ("fixed", (1.0, 0.3, 0.2)),
}


def psi(cos, margins):
    m0, m1, m2 = margins
    phi = m0 * torch.acos(cos.clamp(-1.0 + 1e-7, 1.0 - 1e-7)) + m1
    k = torch.floor(phi.detach() / math.pi)
    return (1.0 - 2.0 * (k % 2.0)) * torch.cos(phi) - 2.0 * k - m2


class Head(torch.nn.Module):
    """Prototypes [C, D] and the mean cross-entropy of a batch of embeddings [B, D]."""

    def __init__(self, loss, classes, dim, scale=64.0, margins=None):
        super().__init__()
        self.kind, paper = LOSSES[loss]
        self.margins = paper if margins is None else margins
        self.scale = scale
        self.weight = torch.nn.Parameter(torch.randn(classes, dim) / math.sqrt(dim))
        self.bias = torch.nn.Parameter(torch.zeros(classes)) if self.kind == "linear" else None

    def forward(self, x, labels):
        return F.cross_entropy(self.logits(x, labels), labels)

    def logits(self, x, labels):
        if self.kind == "linear":
            return F.linear(x, self.weight, self.bias)
        cos = F.linear(F.normalize(x), F.normalize(self.weight))
        if self.margins != (1.0, 0.0, 0.0):
            own = cos[torch.arange(len(labels)), labels]
            cos = cos.scatter(1, labels[:, None], psi(own, self.margins)[:, None])
        scale = x.norm(dim=1, keepdim=True) if self.kind == "norm" else self.scale
        return cos * scale
