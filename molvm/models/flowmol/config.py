"""The shape of a FlowMol network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from molvm.errors import ModelError

CHARGE_OFFSET = 2
"""Charge class = formal charge + 2: the six classes stand for −2 … +3 (FlowMol)."""


@dataclass(frozen=True)
class FlowMolConfig:
    """Sizes and switches of a continuous FlowMol (Dunn & Koes 2024, arXiv 2404.19739); by default the released QM9 net.

    Args:
        elements: Symbols of the atom types, in class order.
        n_charges: Charge classes K_c.
        n_bonds: Bond classes K_e; 5 with aromatic bonds, 4 when kekulised.
        schedule_exponents: Cosine ν of positions, types, charges, bonds; None makes all four schedules linear.
        hidden_scalars: Width S of the atoms' scalar features.
        hidden_edges: Width E of the edge features.
        vector_channels: Number C of vector features of an atom.
        cross_products: Cross products p formed in each GVP; 0 makes the network equivariant to reflections too.
        rbf_dim: Radial basis functions R of a distance.
        rbf_dmax: Centre of the last radial basis function, Å.
        molecule_updates: Position-and-edge updates in the stack.
        convs_per_update: Convolutions between two updates.
        message_gvps: GVPs in a message.
        update_gvps: GVPs in an atom update.
        position_gvps: GVPs in a position update.
        recycles: Times the whole stack is applied, with the same weights.
        message_norm: What summed messages are divided by; "mean" divides by how many there are.
        separate_updaters: Each update has weights of its own.
        update_edges_with_distance: Edge updates see the new distances.
        time_features: 1 feeds t itself; an even number D > 1 feeds D sines and cosines of t.
        self_conditioning: The network has a layer that reads an earlier prediction at the same x_t.
    """

    elements: tuple[str, ...] = ("C", "H", "N", "O", "F")
    n_charges: int = 6
    n_bonds: int = 5
    schedule_exponents: tuple[float, float, float, float] | None = (1.0, 2.0, 2.0, 1.5)
    hidden_scalars: int = 256
    hidden_edges: int = 128
    vector_channels: int = 16
    cross_products: int = 4
    rbf_dim: int = 16
    rbf_dmax: float = 14.0
    molecule_updates: int = 8
    convs_per_update: int = 1
    message_gvps: int = 3
    update_gvps: int = 3
    position_gvps: int = 3
    recycles: int = 1
    message_norm: float | Literal["mean"] = 100.0
    separate_updaters: bool = True
    update_edges_with_distance: bool = True
    time_features: int = 1
    self_conditioning: bool = False

    @property
    def n_types(self) -> int:
        """Atom classes K_a."""
        return len(self.elements)

    @property
    def atom_inputs(self) -> int:
        """Numbers that the network is told of an atom besides its position: type, time, charge."""
        return self.n_types + self.time_features + self.n_charges

    @property
    def pair_inputs(self) -> int:
        """Numbers that the network is told of a pair of atoms besides their positions."""
        return self.n_bonds

    @property
    def convolutions(self) -> int:
        """Number L of convolution layers."""
        return self.molecule_updates * self.convs_per_update

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ModelError: A key is not a setting of this network.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ModelError(
                f"The model configuration has unknown settings: {', '.join(unknown)}.",
                allowed=", ".join(sorted(known)),
                remedy="a newer molvm, or convert the model again",
            )
        settings: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return cls(**settings)
