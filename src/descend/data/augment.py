"""Data augmentation: noise, translation, scaling, rotation."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample


class GaussianNoise(nn.Module):
    """Adds Gaussian noise of standard deviation `std` to the inputs, in training mode only (Bishop 1995b).

    Parameters
    ----------
    std : float
        The standard deviation of the noise, in the unit of the inputs.

    Raises
    ------
    ValueError
        If `std` is negative. `forward` raises it for integer inputs.

    Examples
    --------
    >>> model = nn.Sequential(GaussianNoise(0.1), model)
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = _require_non_negative("GaussianNoise", "std", std)

    def forward(self, x: Tensor) -> Tensor:
        """Return the inputs `x` with added Gaussian noise. In evaluation mode, return `x` unchanged."""
        if not (x.is_floating_point() or x.is_complex()):
            raise ValueError(f"GaussianNoise: inputs must be real numbers, not {x.dtype}: convert them with x.float()")
        return x + self.std * torch.randn_like(x) if self.training and self.std else x

    def extra_repr(self) -> str:
        """Return the standard deviation of the noise as text, for the module's `repr`."""
        return f"std={self.std}"


class RandomAffine(nn.Module):
    """Translates, scales and rotates each image at random, in training mode only (LeCun et al. 1998b, §III.C).

    Images are real numbers of shape ``(N, C, H, W)``. Pixels from outside an image are 0.

    Parameters
    ----------
    translate : float
        The largest shift, as a share of width and height.
    scale : float
        The images are scaled by a factor between 1/(1 + scale) and 1 + scale.
    rotate : float
        The largest angle, in degrees.

    Raises
    ------
    ValueError
        If a number is negative. `forward` raises it for images of another shape.

    Examples
    --------
    >>> augment = RandomAffine(translate=0.1, scale=0.1, rotate=10)
    >>> images = augment(images)
    """

    def __init__(self, translate: float = 0.0, scale: float = 0.0, rotate: float = 0.0) -> None:
        super().__init__()
        given = {"translate": translate, "scale": scale, "rotate": rotate}
        self.translate, self.scale, self.rotate = (
            _require_non_negative("RandomAffine", n, v) for n, v in given.items()
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the randomly transformed images. In evaluation mode, return the images unchanged."""
        if images.dim() != 4 or 0 in images.shape[1:] or not images.is_floating_point():
            raise ValueError(
                f"RandomAffine: images must be floating-point numbers of shape (N, C, H, W), not {images.dtype} "
                f"of shape {tuple(images.shape)}"
            )
        if not self.training or not len(images):
            return images
        grid = affine_grid(self._random_matrices(images), list(images.shape), align_corners=False)
        return grid_sample(images, grid, align_corners=False)

    def _random_matrices(self, images: Tensor) -> Tensor:
        """Return one random affine matrix per image, ``(N, 2, 3)``, from coordinates in the new image to the old one.

        Coordinates are in units of half a side, as `affine_grid` expects.
        """
        count, _, height, width = images.shape
        draw = 2 * torch.rand(4, count, device=images.device, dtype=images.dtype) - 1
        angle = draw[0] * math.radians(self.rotate)
        size = (draw[1] * math.log1p(self.scale)).exp()
        cos, sin = angle.cos() / size, angle.sin() / size
        x, y = 2 * self.translate * draw[2], 2 * self.translate * draw[3]
        rows = [cos, sin * height / width, x, -sin * width / height, cos, y]  # In pixel coordinates this is a rotation.
        return torch.stack(rows, 1).view(count, 2, 3)

    def extra_repr(self) -> str:
        """Return the largest shift, scaling and rotation angle as text, for the module's `repr`."""
        return f"translate={self.translate}, scale={self.scale}, rotate={self.rotate}"


def _require_non_negative(name: str, what: str, value: Any) -> float:
    """Return the value as a float. Raises `ValueError` if it is not a finite number of at least 0."""
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{name}: {what} must be a finite number of at least 0, not {value!r}")
    return float(value)
