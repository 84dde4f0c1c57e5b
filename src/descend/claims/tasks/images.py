"""Images: which of four shapes is in a noisy image of 12 × 12 pixels, for a convolutional network."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from descend.claims.tasks.task import Build, Split, Task, random_split

SIDE, TRAIN, EXAMPLES, CHANNELS = 12, 1000, 1600, 8
NOISE = 0.4  # standard deviation of each pixel; a shape has the value 1
SHAPES = 4


def _examples(seed: int) -> Split:
    """Return images with a disc, a square, a cross or a ring of random size and place."""
    generator = torch.Generator().manual_seed(20_000 + seed)
    y = torch.randint(SHAPES, (EXAMPLES,), generator=generator)
    radius, row, column = torch.rand(3, EXAMPLES, 1, 1, generator=generator)
    radius = 2.2 + 1.6 * radius
    lines = torch.arange(SIDE, dtype=torch.float32)
    down = (lines.view(1, SIDE, 1) - (4 + 3 * row)).abs()
    across = (lines.view(1, 1, SIDE) - (4 + 3 * column)).abs()
    distance = (down**2 + across**2).sqrt()
    drawn = torch.stack(
        [
            distance <= radius,
            torch.maximum(down, across) <= 0.85 * radius,
            (torch.minimum(down, across) <= 0.8) & (torch.maximum(down, across) <= radius),
            (distance <= radius) & (distance >= radius - 1.3),
        ]
    )
    x = drawn[y, torch.arange(EXAMPLES)].float() + NOISE * torch.randn(EXAMPLES, SIDE, SIDE, generator=generator)
    return random_split(x.unsqueeze(1), y, TRAIN, seed)


def _network(build: Build) -> nn.Module:
    """Return two convolutions with pooling, further ones without it if the network is deeper, and a linear layer."""
    channels = max(1, round(build.width * CHANNELS))
    layers: list[nn.Module] = []
    inputs, side = 1, SIDE
    for layer in range(build.depth):
        outputs = channels * (1 if layer == 0 else 2)
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), *([nn.BatchNorm2d(outputs)] if build.norm else [])]
        layers += [build.activation(), *([nn.MaxPool2d(2)] if layer < 2 else [])]
        layers += [nn.Dropout(build.dropout)] if build.dropout else []
        inputs, side = outputs, side // 2 if layer < 2 else side
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * side * side, SHAPES))


IMAGES = Task("images", "shapes in noisy images", _examples, _network, cross_entropy, steps=400, classes=SHAPES)
