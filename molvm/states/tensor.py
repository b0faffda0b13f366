"""States that are one plain tensor: toy points, latents, images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from molvm.states.base import State


@dataclass(frozen=True, eq=False)
class TensorState(State):
    """Points of R^d, one modality named `x`.

    Args:
        x: Coordinates, shape (B, ...).
        classes: Integers of shape (B,) that the process is conditioned on, or None.
    """

    x: Tensor
    classes: Tensor | None = None

    @property
    def parts(self) -> Mapping[str, Tensor]:
        """The single modality `x`."""
        return {"x": self.x}

    @property
    def condition(self) -> Tensor | None:
        """The classes, or None."""
        return self.classes

    @classmethod
    def from_parts(cls, parts: Mapping[str, Tensor], condition: Tensor | None) -> Self:
        """Points with these coordinates and classes."""
        return cls(parts["x"], condition)

    def replace(self, parts: Mapping[str, Tensor]) -> Self:
        """The same classes with other coordinates."""
        return type(self)(parts["x"], self.classes)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The points, classes included, on another device or in another floating-point type."""
        classes = self.classes if self.classes is None or device is None else self.classes.to(device=device)
        return type(self)(self.x.to(device=device, dtype=dtype), classes)

    def project(self) -> Self:
        """Itself: the space is all of the storage."""
        return self

    def riesz(self, gradients: Mapping[str, Tensor]) -> Self:
        """The derivatives themselves."""
        return self.replace(gradients)

    def inner_by_modality(self, other: Self) -> dict[str, Tensor]:
        """Sum of products over all but the batch axis, shape (B,)."""
        return {"x": (self.x * other.x).flatten(1).sum(dim=1)}

    def degrees_of_freedom(self) -> dict[str, Tensor]:
        """The number of coordinates, shape (B,)."""
        count = self.x[0].numel() if len(self) else 0
        return {"x": torch.full((len(self),), count, device=self.x.device)}

    def randn_like(self, generator: torch.Generator | None = None) -> Self:
        """Standard normal coordinates."""
        noise = torch.randn(self.x.shape, generator=generator, device=self.x.device, dtype=self.x.dtype)
        return self.replace({"x": noise})

    def select(self, index: Tensor | slice) -> Self:
        """The samples at `index`."""
        return type(self)(self.x[index], None if self.classes is None else self.classes[index])

    @classmethod
    def cat(cls, states: Sequence[Self]) -> Self:
        """Batches joined one after the other."""
        classes = [state.classes for state in states if state.classes is not None]
        return cls(torch.cat([state.x for state in states]), torch.cat(classes) if classes else None)
