"""The state algebra: the few operations in which all the mathematics of molvm is written.

A state is a batch of points of a Euclidean space that is a product of *modalities* (one for an image, four for a
molecule). Each modality may follow its own noise schedule, so coefficients are given per modality. The space need not
be all of the storage: positions live in the zero-centre-of-mass subspace, bonds in the symmetric matrices without
diagonal. Noise, inner products, running costs and gradients all use that one geometry, which a state implements by
`project`, `inner_by_modality` and `riesz`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Self

import torch
from torch import Tensor

from molvm.errors import StateError

Coefficients = float | Tensor | Mapping[str, Tensor | float]
"""A number, a tensor of shape () or (B,), or one such number or tensor for each modality."""


class State(ABC):
    """A batch of B points of a product of Euclidean spaces, one for each modality."""

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, Tensor]:
        """The stored coordinates: modality name to tensor of shape (B, ...)."""

    @property
    @abstractmethod
    def condition(self) -> Tensor | None:
        """What the process is conditioned on, as integers of shape (B,): atom counts, classes, prompts; or None."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: Mapping[str, Tensor], condition: Tensor | None) -> Self:
        """The batch that has these parts and this condition."""

    @abstractmethod
    def replace(self, parts: Mapping[str, Tensor]) -> Self:
        """The same batch (condition, masks) with other coordinates."""

    @abstractmethod
    def project(self) -> Self:
        """The orthogonal projection of stored coordinates onto the space."""

    @abstractmethod
    def riesz(self, gradients: Mapping[str, Tensor]) -> Self:
        """The gradient in this space's inner product, from derivatives with respect to each stored number.

        For every direction d of the space, `riesz(g).inner(d)` equals the sum of g·d over the storage: a bond stored
        twice collects the derivatives of both copies.
        """

    @abstractmethod
    def inner_by_modality(self, other: Self) -> dict[str, Tensor]:
        """Inner products per sample, shape (B,), of each modality; each degree of freedom counted once."""

    @abstractmethod
    def degrees_of_freedom(self) -> dict[str, Tensor]:
        """The dimension of the space per sample, shape (B,), of each modality."""

    @abstractmethod
    def randn_like(self, generator: torch.Generator | None = None) -> Self:
        """A standard normal draw in the space (unit variance for each degree of freedom)."""

    @abstractmethod
    def select(self, index: Tensor | slice) -> Self:
        """The samples at `index` (a slice, or integers or booleans of shape (b,))."""

    @classmethod
    @abstractmethod
    def cat(cls, states: Sequence[Self]) -> Self:
        """Batches joined one after the other."""

    def portions(self, size: int) -> list[Tensor]:
        """The indices of all samples in portions of about `size`, fewer of large ones, that cost about the same."""
        return list(torch.split(torch.arange(len(self), device=self.device), size))

    def reassembled(self, portions: Sequence[Tensor], results: Sequence[Self]) -> Self:
        """What was computed for `portions` of this batch, in the order of the batch."""
        return type(self).cat(results).select(torch.argsort(torch.cat(list(portions))))

    # What follows holds for every state.

    def __len__(self) -> int:
        return next(iter(self.parts.values())).shape[0]

    def __add__(self, other: Self) -> Self:
        return self._zip(other, torch.add)

    def __sub__(self, other: Self) -> Self:
        return self._zip(other, torch.sub)

    def scale(self, coefficients: Coefficients) -> Self:
        """Each modality times its coefficient."""
        return self.replace({name: part * _broadcast(coefficients, name, part) for name, part in self.parts.items()})

    def inner(self, other: Self) -> Tensor:
        """Inner product per sample over all modalities, shape (B,)."""
        return reduce(torch.add, self.inner_by_modality(other).values())

    def squared_norm(self) -> Tensor:
        """Squared length per sample, shape (B,)."""
        return self.inner(self)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The state whose stored tensors are `function` of these."""
        return self.replace({name: function(part) for name, part in self.parts.items()})

    def detach(self) -> Self:
        """The same values, cut from the autograd graph."""
        return self.map(torch.Tensor.detach)

    def leaf(self) -> Self:
        """The same values as fresh autograd leaves that ask for a gradient."""
        return self.map(lambda part: part.detach().clone().requires_grad_())

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The state on another device or in another floating-point type."""
        return self.map(lambda part: part.to(device=device, dtype=dtype))

    @property
    def device(self) -> torch.device:
        """Where the coordinates live."""
        return next(iter(self.parts.values())).device

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the coordinates."""
        return next(iter(self.parts.values())).dtype

    def is_finite(self) -> Tensor:
        """Whether all numbers of a sample are finite, booleans of shape (B,)."""
        flags = [torch.isfinite(part).flatten(1).all(dim=1) for part in self.parts.values()]
        return torch.stack(flags).all(dim=0)

    def _zip(self, other: Self, operation: Callable[[Tensor, Tensor], Tensor]) -> Self:
        if type(self) is not type(other) or self.parts.keys() != other.parts.keys():
            raise StateError(
                f"Cannot combine {type(self).__name__} with {type(other).__name__}.",
                allowed="two states of one kind with the same modalities",
            )
        return self.replace({name: operation(part, other.parts[name]) for name, part in self.parts.items()})


def _broadcast(coefficients: Coefficients, name: str, part: Tensor) -> Tensor | float:
    value = coefficients[name] if isinstance(coefficients, Mapping) else coefficients
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value if not isinstance(value, Tensor) else value.to(part)
    return value.to(part).reshape(-1, *([1] * (part.ndim - 1)))
