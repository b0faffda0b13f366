"""f(x, t) for points: a multilayer perceptron."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from molvm.errors import ConfigError
from molvm.states import State

LATE = 0.01
"""Distance from t = 1 down to which the network tells times apart: V sharpens there like β/α."""


@dataclass(frozen=True)
class PointValueConfig:
    """The size of the network.

    Args:
        width: Hidden units a layer.
        depth: Hidden layers.
        frequencies: Sine and cosine pairs that describe the time.
        octaves: Sine and cosine pairs of each coordinate, of 1, 2, 4, ... radians per unit of length: the finest detail
            the network sees easily. A reward with a jump needs some.
    """

    width: int = 64
    depth: int = 3
    frequencies: int = 4
    octaves: int = 0

    def __post_init__(self) -> None:
        if min(self.width, self.depth) < 1 or min(self.frequencies, self.octaves) < 0:
            raise ConfigError(
                f"The network {self} cannot be built.", allowed="width and depth from 1, frequencies from 0"
            )


class PointValue(nn.Module):
    """An MLP of the coordinates, the time and the class, with SiLU and a zero-initialised output.

    Args:
        dimension: The number of coordinates d.
        config: The size.
        classes: Number of classes 0, 1, ... the process is conditioned on; 0 for none.
        seed: Seed of the initial weights.
        outputs: Numbers a point; 1 for a value.
    """

    rates: Tensor
    radians: Tensor

    def __init__(
        self,
        dimension: int,
        config: PointValueConfig | None = None,
        *,
        classes: int = 0,
        seed: int = 0,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        size = config or PointValueConfig()
        self.classes = classes
        self.octaves = size.octaves
        self.register_buffer("rates", math.pi * torch.arange(1.0, size.frequencies + 1), persistent=False)
        self.register_buffer("radians", 2.0 ** torch.arange(size.octaves), persistent=False)
        inputs = dimension * (1 + 2 * size.octaves) + 2 + 2 * size.frequencies + classes
        widths = [inputs, *[size.width] * size.depth]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.SiLU()]
        output = nn.Linear(size.width, outputs)
        self.layers = nn.Sequential(*layers, output)
        self._initialise(output, torch.Generator().manual_seed(seed))

    def forward(self, x: State, t: Tensor) -> Tensor:
        """f(x, t), shape (B,)."""
        return self.rows(x, t).squeeze(1)

    def rows(self, x: State, t: Tensor) -> Tensor:
        """All outputs, shape (B, outputs)."""
        points = x.parts["x"].flatten(1)
        phases = t[:, None] * self.rates
        late = -torch.log(1 - t + LATE)[:, None]
        inputs = [points, t[:, None], late, torch.sin(phases), torch.cos(phases)]
        if self.octaves:
            waves = (points[:, :, None] * self.radians).flatten(1)
            inputs += [torch.sin(waves), torch.cos(waves)]
        if self.classes and x.condition is not None:
            inputs.append(nn.functional.one_hot(x.condition, self.classes).to(points))
        outputs: Tensor = self.layers(torch.cat(inputs, dim=1))
        return outputs

    def _initialise(self, output: nn.Linear, generator: torch.Generator) -> None:
        with torch.no_grad():
            for layer in self.layers:
                if isinstance(layer, nn.Linear):
                    # Gain √2 (He et al. 2015): with torch's default the signal shrinks from layer to layer.
                    bound = 1 / math.sqrt(layer.in_features)
                    layer.weight.uniform_(-math.sqrt(6) * bound, math.sqrt(6) * bound, generator=generator)
                    layer.bias.uniform_(-bound, bound, generator=generator)
            output.weight.zero_()
            output.bias.zero_()


class PointControl(nn.Module):
    """A vector f(x, t) a point: the same network with as many outputs as coordinates; zero at the start.

    Args:
        dimension: The number of coordinates d.
        config: The size.
        seed: Seed of the initial weights.
    """

    def __init__(self, dimension: int, config: PointValueConfig | None = None, *, seed: int = 0) -> None:
        super().__init__()
        self.network = PointValue(dimension, config, seed=seed, outputs=dimension)

    def forward(self, x: State, t: Tensor) -> State:
        """f(x, t), a state."""
        return x.replace({"x": self.network.rows(x, t).view_as(x.parts["x"])})
