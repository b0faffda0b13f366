"""Batches of 3D molecules as dense, padded tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import torch
from torch import Tensor
from torch.nn import functional

from molvm.errors import StateError
from molvm.states.base import State

MODALITIES = ("positions", "types", "charges", "bonds")


TYPICAL_ATOMS: Final = 18
"""Of a molecule of QM9."""


@dataclass(frozen=True, eq=False)
class MoleculeState(State):
    """B molecules of up to n atoms; everything beyond a molecule's own atoms is zero.

    The space: positions with zero centre of mass, 3(N-1) dimensions; one vector of K_a and one of K_c numbers an atom;
    one vector of K_e numbers an unordered pair of atoms, stored at (i, j) and (j, i) and counted once.

    Args:
        positions: (B, n, 3), in Å at t = 1.
        types: (B, n, K_a).
        charges: (B, n, K_c).
        bonds: (B, n, n, K_e), symmetric, zero on the diagonal.
        n_atoms: Number of atoms N of each molecule, integers of shape (B,). It is the condition.
    """

    positions: Tensor
    types: Tensor
    charges: Tensor
    bonds: Tensor
    n_atoms: Tensor

    @property
    def parts(self) -> Mapping[str, Tensor]:
        """The four modalities, in the order positions, types, charges, bonds."""
        return {name: getattr(self, name) for name in MODALITIES}

    @property
    def condition(self) -> Tensor:
        """The number of atoms N, shape (B,)."""
        return self.n_atoms

    @classmethod
    def from_parts(cls, parts: Mapping[str, Tensor], condition: Tensor | None) -> Self:
        """Molecules with these coordinates and numbers of atoms.

        Raises:
            StateError: There are no numbers of atoms.
        """
        if condition is None:
            raise StateError("Molecules need their numbers of atoms.")
        return cls(**{name: parts[name] for name in MODALITIES}, n_atoms=condition)

    @cached_property
    def mask(self) -> Tensor:
        """Which slots hold an atom, booleans of shape (B, n)."""
        slots = torch.arange(self.positions.shape[1], device=self.n_atoms.device)
        return slots < self.n_atoms[:, None]

    @cached_property
    def pair_mask(self) -> Tensor:
        """Which slots hold a pair of different atoms, booleans of shape (B, n, n)."""
        off_diagonal = ~torch.eye(self.positions.shape[1], dtype=torch.bool, device=self.n_atoms.device)
        return self.mask[:, :, None] & self.mask[:, None, :] & off_diagonal

    def replace(self, parts: Mapping[str, Tensor]) -> Self:
        """The same atom counts with other coordinates."""
        new = type(self)(**{name: parts[name] for name in MODALITIES}, n_atoms=self.n_atoms)
        # The masks depend on the atom counts alone, so hand them on instead of building them at every step.
        for cached in ("mask", "pair_mask"):
            if cached in self.__dict__ and parts["positions"].shape[1] == self.positions.shape[1]:
                new.__dict__[cached] = self.__dict__[cached]
        return new

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """The molecules, atom counts included, on another device or in another floating-point type."""
        if device is None:
            return super().to(dtype=dtype)
        parts = {name: part.to(device=device, dtype=dtype) for name, part in self.parts.items()}
        return type(self)(**parts, n_atoms=self.n_atoms.to(device=device))

    def project(self) -> Self:
        """Zero the padding, remove the centre of mass, make the bonds symmetric and their diagonal zero."""
        return self.replace(
            {
                "positions": self._centred(self.positions),
                "types": self.types * self.mask[..., None],
                "charges": self.charges * self.mask[..., None],
                "bonds": (self.bonds + self.bonds.transpose(1, 2)) / 2 * self.pair_mask[..., None],
            }
        )

    def riesz(self, gradients: Mapping[str, Tensor]) -> Self:
        """The gradient in the space: as `project`, but the two copies of a bond add up instead of being averaged."""
        projected = self.replace(gradients).project()
        return projected.replace({**projected.parts, "bonds": 2 * projected.bonds})

    def inner_by_modality(self, other: Self) -> dict[str, Tensor]:
        """Inner products of each modality, shape (B,); each pair of atoms counted once."""
        products = {name: (part * other.parts[name]).flatten(1).sum(dim=1) for name, part in self.parts.items()}
        return {**products, "bonds": products["bonds"] / 2}

    def degrees_of_freedom(self) -> dict[str, Tensor]:
        """3(N-1), N K_a, N K_c and N(N-1)/2 K_e, shape (B,)."""
        n = self.n_atoms
        return {
            "positions": 3 * (n - 1),
            "types": n * self.types.shape[-1],
            "charges": n * self.charges.shape[-1],
            "bonds": n * (n - 1) // 2 * self.bonds.shape[-1],
        }

    def randn_like(self, generator: torch.Generator | None = None) -> Self:
        """Standard normal noise in the space: centred positions, one draw for each unordered pair."""

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, device=self.device, dtype=self.dtype)

        count, n = self.positions.shape[:2]
        row, column = torch.triu_indices(n, n, offset=1, device=self.device)
        pairs = draw(count, len(row), self.bonds.shape[-1])
        bonds = torch.zeros_like(self.bonds)
        bonds[:, row, column] = pairs
        bonds[:, column, row] = pairs
        return self.replace(
            {
                "positions": self._centred(draw(count, n, 3)),
                "types": draw(*self.types.shape) * self.mask[..., None],
                "charges": draw(*self.charges.shape) * self.mask[..., None],
                "bonds": bonds * self.pair_mask[..., None],
            }
        )

    def select(self, index: Tensor | slice) -> Self:
        """The molecules at `index`, trimmed to the largest of them."""
        n_atoms = self.n_atoms[index]
        n = int(n_atoms.max()) if len(n_atoms) else 0
        return type(self)(
            positions=self.positions[index][:, :n],
            types=self.types[index][:, :n],
            charges=self.charges[index][:, :n],
            bonds=self.bonds[index][:, :n, :n],
            n_atoms=n_atoms,
        )

    @classmethod
    def cat(cls, states: Sequence[Self]) -> Self:
        """Batches joined one after the other, padded to the largest molecule."""
        n = max(state.positions.shape[1] for state in states)
        padded = [state.pad(n) for state in states]
        parts = {name: torch.cat([state.parts[name] for state in padded]) for name in MODALITIES}
        return cls(**parts, n_atoms=torch.cat([state.n_atoms for state in padded]))

    def portions(self, size: int) -> list[Tensor]:
        """Molecules of like size together, so that little is padded, in portions of about as many pairs of atoms.

        A portion has about as many pairs as `size` molecules of `TYPICAL_ATOMS`: fewer molecules where they are large.
        """
        order = torch.argsort(self.n_atoms, stable=True)
        passed = torch.cumsum(self.n_atoms[order].square(), dim=0)
        by_pairs = round(int(passed[-1]) / (size * TYPICAL_ATOMS**2))
        count = min(len(self), max(-(-len(self) // size), by_pairs))
        cuts = torch.arange(1, count, device=self.device) * (int(passed[-1]) / count)
        bounds = torch.searchsorted(passed, cuts, right=True).tolist()
        return [portion for portion in order.tensor_split(bounds) if len(portion)]

    def reassembled(self, portions: Sequence[Tensor], results: Sequence[Self]) -> Self:
        """What was computed for `portions` of this batch, in its order and with its padding."""
        return super().reassembled(portions, results).pad(self.positions.shape[1])

    def pad(self, n: int) -> Self:
        """The same molecules in n slots each.

        Raises:
            StateError: n is smaller than the slots in use now.
        """
        extra = n - self.positions.shape[1]
        if extra < 0:
            raise StateError(f"Cannot pad {self.positions.shape[1]} atom slots down to {n}.", allowed="a larger n")
        if extra == 0:
            return self
        return self.replace(
            {
                **{name: functional.pad(self.parts[name], (0, 0, 0, extra)) for name in MODALITIES[:3]},
                "bonds": functional.pad(self.bonds, (0, 0, 0, extra, 0, extra)),
            }
        )

    @classmethod
    def zeros(
        cls,
        n_atoms: Tensor,
        n_types: int,
        n_charges: int,
        n_bonds: int,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """The origin of the space for molecules of the given sizes.

        Args:
            n_atoms: Number of atoms of each molecule, integers of shape (B,).
            n_types: K_a.
            n_charges: K_c.
            n_bonds: K_e.
            dtype: Floating-point type.
        """
        count, n = len(n_atoms), int(n_atoms.max())

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=n_atoms.device)

        return cls(
            positions=zeros(count, n, 3),
            types=zeros(count, n, n_types),
            charges=zeros(count, n, n_charges),
            bonds=zeros(count, n, n, n_bonds),
            n_atoms=n_atoms,
        )

    def _centred(self, positions: Tensor) -> Tensor:
        masked = positions * self.mask[..., None]
        mean = masked.sum(dim=1, keepdim=True) / self.n_atoms.to(positions)[:, None, None]
        return (masked - mean) * self.mask[..., None]
