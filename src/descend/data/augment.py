"""Images and features as they might also have been: noise, translation, scaling, rotation."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample


class GaussianNoise(nn.Module):
    """Adds normal noise of standard deviation `std` to what goes through, in training only (Bishop 1995b).

    Raises `ValueError` for whole numbers, which have no room for it.

    >>> model = nn.Sequential(GaussianNoise(0.1), model)
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = _at_least_zero("GaussianNoise", "std", std)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with noise, or as it is in evaluation."""
        if not (x.is_floating_point() or x.is_complex()):
            raise ValueError(f"GaussianNoise: inputs must be real numbers, not {x.dtype}: convert them with x.float()")
        return x + self.std * torch.randn_like(x) if self.training and self.std else x

    def extra_repr(self) -> str:
        """Return the standard deviation."""
        return f"std={self.std}"


class RandomAffine(nn.Module):
    """Moves, scales and turns each image of a batch by its own draw, in training only (LeCun et al. 1998b, §III.C).

    translate: at most this share of the width and of the height, either way; scale: by a factor between 1/(1 + scale)
    and 1 + scale; rotate: by at most this many degrees, either way. Images are (N, C, H, W) of real numbers; what
    comes in from outside is 0. A batch of none stays one. Raises `ValueError` for other shapes.

    >>> augment = RandomAffine(translate=0.1, scale=0.1, rotate=10)
    >>> images = augment(images)
    """

    def __init__(self, translate: float = 0.0, scale: float = 0.0, rotate: float = 0.0) -> None:
        super().__init__()
        given = {"translate": translate, "scale": scale, "rotate": rotate}
        self.translate, self.scale, self.rotate = (_at_least_zero("RandomAffine", n, v) for n, v in given.items())

    def forward(self, images: Tensor) -> Tensor:
        """Return the images, each one moved; as they are in evaluation."""
        if images.dim() != 4 or 0 in images.shape[1:] or not images.is_floating_point():
            raise ValueError(
                f"RandomAffine: images must be (N, C, H, W) of real numbers, not {tuple(images.shape)} {images.dtype}"
            )
        if not self.training or not len(images):
            return images
        grid = affine_grid(self._matrices(images), list(images.shape), align_corners=False)
        return grid_sample(images, grid, align_corners=False)

    def _matrices(self, images: Tensor) -> Tensor:
        """Return (N, 2, 3): for each place in the new image the place in the old one, in halves of its sides."""
        count, _, height, width = images.shape
        draw = 2 * torch.rand(4, count, device=images.device, dtype=images.dtype) - 1
        angle = draw[0] * math.radians(self.rotate)
        size = (draw[1] * math.log1p(self.scale)).exp()
        cos, sin = angle.cos() / size, angle.sin() / size
        x, y = 2 * self.translate * draw[2], 2 * self.translate * draw[3]
        rows = [cos, sin * height / width, x, -sin * width / height, cos, y]  # turned in pixels, not in shares of sides
        return torch.stack(rows, 1).view(count, 2, 3)

    def extra_repr(self) -> str:
        """Return the ranges."""
        return f"translate={self.translate}, scale={self.scale}, rotate={self.rotate}"


def _at_least_zero(name: str, what: str, value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{name}: {what} must be a finite number of at least 0, not {value!r}")
    return float(value)
