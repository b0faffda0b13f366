"""Inception v3 (Szegedy et al. 2016) as the FID is defined by it: TensorFlow's of 2015, whose pools differ from others.

Its parameters are called as torchvision calls those of the same network, and as the published file has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

Shape = tuple[int, int]

Convolutions = Mapping[str, tuple[int, int, int | Shape, int | Shape]]
"""Name to channels in and out, kernel and padding."""

AVERAGE: Final = partial(functional.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
"""The edge is the mean of what there is, unlike in torchvision's."""

LARGEST: Final = partial(functional.max_pool2d, kernel_size=3, stride=1, padding=1)
HALVING: Final = partial(functional.max_pool2d, kernel_size=3, stride=2)

POOL: Final = "pool"
WIDTH: Final = 2048
"""Of the features."""

FLAT, TALL = (1, 7), (7, 1)


class Convolution(nn.Module):
    """Convolution, normalisation over the training set, ReLU."""

    def __init__(self, channels: Shape, kernel: int | Shape, stride: int = 1, padding: int | Shape = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(*channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels[1], eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels in, …) to (B, channels out, …)."""
        y: Tensor = self.bn(self.conv(x))
        return functional.relu(y)


class Mixed(nn.Module):
    """Paths of convolutions side by side, whose ends are stacked.

    Args:
        convolutions: All there are.
        paths: The names on each path; `POOL` stands for the pool.
        pool: What it is.
        halving: Names of those with stride 2.
    """

    def __init__(
        self,
        convolutions: Convolutions,
        paths: Sequence[tuple[str, ...]],
        pool: Callable[[Tensor], Tensor],
        halving: Sequence[str] = (),
    ) -> None:
        super().__init__()
        for name, (inward, outward, kernel, padding) in convolutions.items():
            self.add_module(name, Convolution((inward, outward), kernel, 2 if name in halving else 1, padding))
        self.paths, self.pool = tuple(paths), pool

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels in, …) to (B, channels out, …)."""
        seen: dict[tuple[str, ...], Tensor] = {(): x}
        for path in self.paths:
            for end in range(1, len(path) + 1):
                if path[:end] not in seen:  # paths may begin alike
                    step = self.pool if path[end - 1] == POOL else self.get_submodule(path[end - 1])
                    seen[path[:end]] = step(seen[path[: end - 1]])
        return torch.cat([seen[path] for path in self.paths], dim=1)


def _chain(stem: str, *ends: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{end}" for end in ends)


def small(width: int, pooled: int) -> Mixed:
    """Figure 5 of the paper."""
    return Mixed(
        {
            "branch1x1": (width, 64, 1, 0),
            "branch5x5_1": (width, 48, 1, 0),
            "branch5x5_2": (48, 64, 5, 2),
            "branch3x3dbl_1": (width, 64, 1, 0),
            "branch3x3dbl_2": (64, 96, 3, 1),
            "branch3x3dbl_3": (96, 96, 3, 1),
            "branch_pool": (width, pooled, 1, 0),
        },
        [("branch1x1",), _chain("branch5x5", "1", "2"), _chain("branch3x3dbl", "1", "2", "3"), (POOL, "branch_pool")],
        AVERAGE,
    )


def first_reduction(width: int) -> Mixed:
    """From 35 to 17 pixels a side."""
    return Mixed(
        {
            "branch3x3": (width, 384, 3, 0),
            "branch3x3dbl_1": (width, 64, 1, 0),
            "branch3x3dbl_2": (64, 96, 3, 1),
            "branch3x3dbl_3": (96, 96, 3, 0),
        },
        [("branch3x3",), _chain("branch3x3dbl", "1", "2", "3"), (POOL,)],
        HALVING,
        ("branch3x3", "branch3x3dbl_3"),
    )


def factored(width: int, inner: int) -> Mixed:
    """Figure 6: 7 x 7 as 1 x 7 and 7 x 1."""
    return Mixed(
        {
            "branch1x1": (width, 192, 1, 0),
            "branch7x7_1": (width, inner, 1, 0),
            "branch7x7_2": (inner, inner, FLAT, (0, 3)),
            "branch7x7_3": (inner, 192, TALL, (3, 0)),
            "branch7x7dbl_1": (width, inner, 1, 0),
            "branch7x7dbl_2": (inner, inner, TALL, (3, 0)),
            "branch7x7dbl_3": (inner, inner, FLAT, (0, 3)),
            "branch7x7dbl_4": (inner, inner, TALL, (3, 0)),
            "branch7x7dbl_5": (inner, 192, FLAT, (0, 3)),
            "branch_pool": (width, 192, 1, 0),
        },
        [
            ("branch1x1",),
            _chain("branch7x7", "1", "2", "3"),
            _chain("branch7x7dbl", "1", "2", "3", "4", "5"),
            (POOL, "branch_pool"),
        ],
        AVERAGE,
    )


def second_reduction(width: int) -> Mixed:
    """From 17 to 8 pixels a side."""
    return Mixed(
        {
            "branch3x3_1": (width, 192, 1, 0),
            "branch3x3_2": (192, 320, 3, 0),
            "branch7x7x3_1": (width, 192, 1, 0),
            "branch7x7x3_2": (192, 192, FLAT, (0, 3)),
            "branch7x7x3_3": (192, 192, TALL, (3, 0)),
            "branch7x7x3_4": (192, 192, 3, 0),
        },
        [_chain("branch3x3", "1", "2"), _chain("branch7x7x3", "1", "2", "3", "4"), (POOL,)],
        HALVING,
        ("branch3x3_2", "branch7x7x3_4"),
    )


def wide(width: int, pool: Callable[[Tensor], Tensor]) -> Mixed:
    """Figure 7: paths that fork at their ends."""
    return Mixed(
        {
            "branch1x1": (width, 320, 1, 0),
            "branch3x3_1": (width, 384, 1, 0),
            "branch3x3_2a": (384, 384, (1, 3), (0, 1)),
            "branch3x3_2b": (384, 384, (3, 1), (1, 0)),
            "branch3x3dbl_1": (width, 448, 1, 0),
            "branch3x3dbl_2": (448, 384, 3, 1),
            "branch3x3dbl_3a": (384, 384, (1, 3), (0, 1)),
            "branch3x3dbl_3b": (384, 384, (3, 1), (1, 0)),
            "branch_pool": (width, 192, 1, 0),
        },
        [
            ("branch1x1",),
            _chain("branch3x3", "1", "2a"),
            _chain("branch3x3", "1", "2b"),
            _chain("branch3x3dbl", "1", "2", "3a"),
            _chain("branch3x3dbl", "1", "2", "3b"),
            (POOL, "branch_pool"),
        ],
        pool,
    )


class InceptionNetwork(nn.Module):
    """299 x 299 pixels in [-1, 1] to the 2048 features before the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution((3, 32), 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution((32, 32), 3)
        self.Conv2d_2b_3x3 = Convolution((32, 64), 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution((64, 80), 1)
        self.Conv2d_4a_3x3 = Convolution((80, 192), 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = small(192, 32), small(256, 64), small(288, 64)
        self.Mixed_6a = first_reduction(288)
        self.Mixed_6b, self.Mixed_6c = factored(768, 128), factored(768, 160)
        self.Mixed_6d, self.Mixed_6e = factored(768, 160), factored(768, 192)
        self.Mixed_7a = second_reduction(768)
        # The last block of 2015 took the largest value where the first takes the mean.
        self.Mixed_7b, self.Mixed_7c = wide(1280, AVERAGE), wide(WIDTH, LARGEST)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 299, 299) to (B, 2048)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(HALVING(x)))
        x = HALVING(x)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean(dim=(2, 3))
