"""An E(3)-invariant graph network f(x, t) for molecules, on torch-geometric.

Positions enter through distances and through lengths of moments about the centroid, so f does not change under
rotations, reflections and translations; its gradient is then equivariant and moves no centre of mass. With volumes,
which are signed, f can tell mirror images apart, and reflections are not among its symmetries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import scatter

from molvm.schedules import Schedules
from molvm.states import MoleculeState, rows_in_lanes
from molvm.values.base import Reads
from molvm.values.graph import CompleteGraphs, complete_graphs
from molvm.values.handedness import Handedness
from molvm.values.moments import BondIncrements, lengths_of_moments
from molvm.values.standardise import RunningStandardisation

CLASSES = ("types", "charges", "bonds")

DISTANCE_SOFTENING = 1e-4
"""Å². Distances are √(d² + s): smooth where atoms coincide."""

SHARPEST_EVIDENCE = 10.0
"""Largest factor α/β² from a noisy class vector to the logits of what it says; near t = 1 it has no bound."""

MOST_NEIGHBOURS = 6.0
"""Bonds of an atom that count; no atom of a molecule has more, but in noise every other atom may be a neighbour."""

SIZE_SCALE = 20.0
"""Numbers of atoms are fed divided by this, to be of order one."""

FEATURES_AT_ONCE, FEWEST_AT_ONCE = 2048, 8
"""Molecules in a pass times features of an atom: more take memory and save no time, fewer cost narrow networks time."""


@dataclass(frozen=True)
class MoleculeValueConfig:
    """The shape of the network.

    Args:
        width: Features of an atom.
        depth: Rounds of messages.
        edge_width: Features of a pair.
        radial: Radial basis functions of a distance.
        radial_max: Centre of the last one, Å.
        time_features: Sines and cosines of t.
        moments: Vectors Σᵢ qᵢ (xᵢ − centroid) of learned charges q, whose lengths the readout sees; the electric dipole
            moment is of this form, and no sum over neighbours makes it easily. As many again are of charges that move
            along bonds (`BondIncrements`).
        volumes: Signed volumes at each atom (`Handedness`); without, it gives mirror images the same value.
    """

    width: int = 64
    depth: int = 3
    edge_width: int = 32
    radial: int = 16
    radial_max: float = 8.0
    time_features: int = 32
    moments: int = 16
    volumes: int = 0


@dataclass(frozen=True)
class Embedded:
    """What the network knows of a batch.

    Attributes:
        graphs: The atoms and pairs.
        atoms: Features of atoms, (A, width).
        pairs: Features of ordered pairs, the same for (i, j) and (j, i), (P, edge_width).
        types: Evidence of atoms' types.
        charges: Of their charges.
        bonds: Of pairs.
        bonded: How probably pairs are bonded, (P,); of an atom at most `MOST_NEIGHBOURS` in all.
    """

    graphs: CompleteGraphs
    atoms: Tensor
    pairs: Tensor
    types: _Evidence
    charges: _Evidence
    bonds: _Evidence
    bonded: Tensor


class MoleculeEncoder(nn.Module):
    """Invariant features of atoms and pairs, by rounds of messages.

    Args:
        n_types: K_a.
        n_charges: K_c.
        n_bonds: K_e.
        schedules: The modalities' α tell the network how much signal each input carries.
        config: The shape.
        reads: Whether x is a noisy state, or the base model's x̂₁: probabilities of classes.
    """

    def __init__(
        self,
        n_types: int,
        n_charges: int,
        n_bonds: int,
        schedules: Schedules,
        config: MoleculeValueConfig | None = None,
        reads: Reads = "state",
    ) -> None:
        super().__init__()
        config = config or MoleculeValueConfig()
        self.config, self.schedules = config, schedules
        self.samples_at_once = self.trained_at_once = max(FEWEST_AT_ONCE, FEATURES_AT_ONCE // config.width)
        self.reads: Reads = reads
        width, edge_width = config.width, config.edge_width
        context = config.time_features + len(schedules.by_modality) + 1
        self.context = nn.Sequential(nn.Linear(context, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.log_prior = nn.ParameterDict(
            {name: torch.zeros(count) for name, count in zip(CLASSES, (n_types, n_charges, n_bonds), strict=True)}
        )
        views = 1 if reads == "endpoint" else 2
        self.atoms = nn.Linear(views * (n_types + n_charges) + n_bonds - 1, width)
        self.pairs = nn.Sequential(
            nn.Linear(views * n_bonds + config.radial, edge_width),
            nn.SiLU(),
            nn.Linear(edge_width, edge_width),
            nn.SiLU(),
        )
        self.blocks = nn.ModuleList(_Block(width, edge_width) for _ in range(config.depth))
        self.handedness = Handedness(width, edge_width, config.volumes) if config.volumes else None

    def embed(self, x: MoleculeState, t: Tensor, context: Tensor) -> Embedded:
        """Features of atoms and pairs, for times of shape (B,) and what `context` makes of them."""
        graphs = complete_graphs(x.n_atoms)
        # index_select, because the gradient of indexing with repeated indices is not reproducible on several threads.
        of_atom = context.index_select(0, graphs.molecule)
        types, charges = (
            self._evidence(name, x.parts[name][graphs.molecule, graphs.slot], t, graphs.molecule)
            for name in CLASSES[:2]
        )
        bonds = self._evidence("bonds", x.bonds[tuple(graphs.pair)], t, graphs.pair[0])
        count = len(graphs.molecule)
        valence = scatter(bonds.posterior[:, 1:], graphs.edge_index[1], dim=0, dim_size=count, reduce="sum")
        atoms = self.atoms(torch.cat([types.features, charges.features, valence], dim=-1))
        pairs = self.pairs(torch.cat([bonds.features, self._radial(x, graphs)], dim=-1))
        bonded = _bonded(bonds.posterior[:, 0], graphs)
        heard = bonded + 1 / (x.n_atoms[graphs.pair[0]] - 1).to(t)  # of all atoms the mean, of neighbours the sum
        for block in self.blocks:
            atoms = block(atoms, graphs.edge_index, pairs, heard, of_atom)
        if self.handedness is not None:
            atoms = self.handedness(x, graphs, atoms, pairs)
        return Embedded(graphs, atoms, pairs, types, charges, bonds, bonded)

    def _evidence(self, name: str, vectors: Tensor, t: Tensor, molecule: Tensor) -> _Evidence:
        """What class vectors say of their classes: each alone of its own, or all that the base knows."""
        features = posterior = vectors
        if self.reads == "state":
            posterior = self._posterior(name, vectors, t, molecule)
            features = torch.cat([vectors, posterior], dim=-1)
        counts = scatter(posterior, molecule, dim=0, dim_size=len(t), reduce="sum")
        return _Evidence(features, posterior, counts / SIZE_SCALE**0.5)

    def _posterior(self, name: str, noisy: Tensor, t: Tensor, molecule: Tensor) -> Tensor:
        schedule = self.schedules.by_modality[name]
        sharpness = (schedule.alpha(t) / schedule.beta(t).square()).clamp(max=SHARPEST_EVIDENCE)
        return torch.softmax(sharpness.index_select(0, molecule)[:, None] * noisy + self.log_prior[name], dim=-1)

    def _context(self, x: MoleculeState, t: Tensor) -> Tensor:
        """Sines and cosines of t, the modalities' α, and N."""
        half = self.config.time_features // 2
        frequencies = torch.arange(1, half + 1, device=t.device, dtype=t.dtype) * (math.pi / 2)
        angles = t[:, None] * frequencies
        alphas = torch.stack(list(self.schedules.alpha(t).values()), dim=1)
        size = (x.n_atoms.to(t) / SIZE_SCALE)[:, None]
        return torch.cat([torch.sin(angles), torch.cos(angles), alphas, size], dim=1)

    def _radial(self, x: MoleculeState, graphs: CompleteGraphs) -> Tensor:
        molecule, source, target = graphs.pair
        # Dense differences first: each pair is then picked once, so that the gradient is reproducible.
        displacement = (x.positions[:, :, None] - x.positions[:, None])[molecule, source, target]
        distance = torch.sqrt((displacement**2).sum(dim=-1) + DISTANCE_SOFTENING)
        count, largest = self.config.radial, self.config.radial_max
        centres = torch.linspace(0, largest, count, device=distance.device, dtype=distance.dtype)
        return torch.exp(-(((distance[:, None] - centres) * (count / largest)) ** 2))


class MoleculeValueFeatures(MoleculeEncoder):
    """f(x, t): one number a molecule; zero at the start, because the last layer is. Arguments as for the encoder."""

    def __init__(
        self,
        n_types: int,
        n_charges: int,
        n_bonds: int,
        schedules: Schedules,
        config: MoleculeValueConfig | None = None,
        reads: Reads = "state",
    ) -> None:
        super().__init__(n_types, n_charges, n_bonds, schedules, config, reads)
        width, config = self.config.width, self.config
        self.charges = nn.Linear(width, config.moments)
        self.increments = BondIncrements(width, config.edge_width, config.moments)
        pooled = width + 2 * config.moments + n_types + n_charges + n_bonds - 1
        self.standardise = RunningStandardisation(pooled)
        self.readout = _Readout(pooled, width)

    def forward(self, x: MoleculeState, t: Tensor) -> Tensor:
        """One number f for each molecule, shape (B,), at times of shape (B,)."""
        context = self.context(self._context(x, t))
        value: Tensor = self.readout(self.standardise(self._pooled(x, t, context), t), context)
        return value

    @torch.no_grad()
    def observe(self, x: MoleculeState, t: Tensor) -> None:
        """Take in states that the process visits: they set how pooled features are standardised."""
        pooled = torch.no_grad()(lambda x, t: self._pooled(x, t, self.context(self._context(x, t))))
        self.standardise.observe(rows_in_lanes(pooled, x, t, self.trained_at_once), t)

    def _pooled(self, x: MoleculeState, t: Tensor, context: Tensor) -> Tensor:
        """Invariants of each molecule, (B, pooled)."""
        found = self.embed(x, t, context)
        mean = scatter(found.atoms, found.graphs.molecule, dim=0, dim_size=len(x), reduce="mean")
        counts = [found.types.counts, found.charges.counts, found.bonds.counts[:, 1:] / 2]
        moved = self.increments(found.atoms, found.pairs, found.bonded, found.graphs)
        charges = torch.cat([self.charges(found.atoms), moved], dim=-1)
        return torch.cat([mean, lengths_of_moments(x, charges, found.graphs), *counts], dim=-1)


def _bonded(apart: Tensor, graphs: CompleteGraphs) -> Tensor:
    """How probably pairs are bonded, (P,), less where an atom would have too many neighbours; the same both ways."""
    source, target = graphs.edge_index
    neighbours = scatter(1 - apart, target, dim=0, dim_size=len(graphs.molecule), reduce="sum")
    share = MOST_NEIGHBOURS / neighbours.clamp(min=MOST_NEIGHBOURS)
    return (1 - apart) * torch.minimum(share.index_select(0, source), share.index_select(0, target))


@dataclass(frozen=True)
class _Evidence:
    """What is known of classes: the base's probabilities, or softmax(α x/β² + log prior) of each noisy vector alone.

    Attributes:
        features: The probabilities, behind the noisy vectors if those were given, (A or P, K or 2 K).
        posterior: The probabilities, (A or P, K).
        counts: Sums of the posteriors over a molecule, (B, K): the composition, which differs most between molecules.
    """

    features: Tensor
    posterior: Tensor
    counts: Tensor


class _Messages(MessagePassing):  # type: ignore[misc] # torch-geometric has no types
    """Sum over all other atoms of their features, gated channel by channel by the pair, and weighted."""

    def __init__(self, width: int, edge_width: int) -> None:
        super().__init__(aggr="sum")
        self.source = nn.Linear(width, width)
        self.gate = nn.Linear(edge_width, width)

    def forward(self, atoms: Tensor, edge_index: Tensor, pairs: Tensor, heard: Tensor) -> Tensor:
        gate = heard[:, None] * self.gate(pairs)
        aggregated: Tensor = self.propagate(edge_index, source=self.source(atoms), gate=gate)
        return aggregated

    def message(self, source_j: Tensor, gate: Tensor) -> Tensor:
        return source_j * gate


class _Block(nn.Module):
    """Messages, then a residual update modulated by time and size (FiLM)."""

    def __init__(self, width: int, edge_width: int) -> None:
        super().__init__()
        self.messages = _Messages(width, edge_width)
        self.norm = nn.LayerNorm(width)
        self.modulation = nn.Linear(width, 2 * width)
        self.update = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, atoms: Tensor, edge_index: Tensor, pairs: Tensor, heard: Tensor, context: Tensor) -> Tensor:
        aggregated = self.messages(atoms, edge_index, pairs, heard)
        scale, shift = self.modulation(context).chunk(2, dim=-1)
        updated = self.norm(self.update(torch.cat([atoms, aggregated], dim=-1)))
        mixed: Tensor = atoms + nn.functional.silu(updated * (1 + scale) + shift)
        return mixed


class _Readout(nn.Module):
    """From standardised invariants to f: a linear form whose weights depend on the context, and an MLP; 0 at first."""

    def __init__(self, pooled: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, pooled)
        output = nn.Linear(width, 1)
        self.mixed = nn.Sequential(nn.Linear(pooled + width, width), nn.SiLU(), output)
        for last in (self.linear, output):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        form = (self.linear(context) * features).sum(dim=-1) / features.shape[1] ** 0.5
        value: Tensor = form + self.mixed(torch.cat([features, context], dim=-1)).squeeze(-1)
        return value
