"""The shape of a FlowMol network over tokens."""

from __future__ import annotations

from dataclasses import dataclass

from molvm.models.flowmol.config import FlowMolConfig


@dataclass(frozen=True)
class CtmcConfig(FlowMolConfig):
    """Sizes and switches of FlowMol-CTMC (arXiv 2411.16644) and FlowMol3 (arXiv 2508.12629); by default the QM9 net.

    A type, a charge and a bond are one token each. What the network reads has one class more than what it predicts: the
    last one is the mask, the token of what is not decided yet.

    Args:
        schedule_exponents: As in `FlowMolConfig`; None, the linear schedules, in all released models.
        rbf_dim: Radial basis functions R of a distance.
        time_last: Atoms are told [type, charge, time], as in FlowMol3, instead of [type, time, charge].
        token_widths: Widths of the learned embeddings of types, charges and bonds; 0 feeds one-hot vectors.
        fake_atoms: There is one atom type beyond the elements, for atoms that are dropped in the end (FlowMol3).
    """

    schedule_exponents: tuple[float, float, float, float] | None = None
    rbf_dim: int = 32
    time_last: bool = False
    token_widths: tuple[int, int, int] = (0, 0, 0)
    fake_atoms: bool = False

    @property
    def n_types(self) -> int:
        """Atom classes K_a that are predicted: the elements, and what is no atom."""
        return len(self.elements) + int(self.fake_atoms)

    @property
    def n_tokens(self) -> tuple[int, int, int]:
        """Tokens of a type, a charge and a bond: one class more than is predicted."""
        return self.n_types + 1, self.n_charges + 1, self.n_bonds + 1

    @property
    def atom_inputs(self) -> int:
        """Numbers that the network is told of an atom besides its position."""
        types, charges, _ = self._read_widths
        return types + charges + self.time_features

    @property
    def pair_inputs(self) -> int:
        """Numbers that the network is told of a pair of atoms besides their positions."""
        return self._read_widths[2]

    @property
    def _read_widths(self) -> tuple[int, int, int]:
        types, charges, bonds = (
            width or tokens for width, tokens in zip(self.token_widths, self.n_tokens, strict=True)
        )
        return types, charges, bonds
