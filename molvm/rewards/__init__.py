"""Rewards without torch: what a molecule or an image is worth, or why that cannot be said."""

from __future__ import annotations

from molvm.rewards.alerts import alerts
from molvm.rewards.atoms import atoms_of
from molvm.rewards.base import Direction, Failure, FailureKind, MoleculeReward, Outcome, Reward, SampleReward
from molvm.rewards.combination import geometric_mean, lexicographic, product, weighted_sum
from molvm.rewards.command import Command, command
from molvm.rewards.constraint import at_least, at_most, constrained
from molvm.rewards.description import describe
from molvm.rewards.descriptors import (
    aromatic_rings,
    hbond_acceptors,
    hbond_donors,
    heavy_atoms,
    lipinski,
    logp,
    mw,
    rings,
    rotatable_bonds,
    sa,
    tpsa,
)
from molvm.rewards.desirability import linear, sigmoid, step, window
from molvm.rewards.dipole import Dipole, dipole
from molvm.rewards.diversity import diverse
from molvm.rewards.energies import atomisation_energy, energy_per_atom
from molvm.rewards.expression import parse_reward
from molvm.rewards.fragmentation import fragmentation
from molvm.rewards.images.base import ImageReward
from molvm.rewards.images.colour import brightness, colour
from molvm.rewards.images.compressed import compressed, jpeg
from molvm.rewards.images.learned import aesthetic, aesthetic_v1, clip_score, hps, image_reward, pickscore
from molvm.rewards.isolated import Isolated, isolated
from molvm.rewards.novelty import novel
from molvm.rewards.openbabel import openbabel
from molvm.rewards.orbitals import gap, homo, lumo
from molvm.rewards.pipeline import Pipeline
from molvm.rewards.polarisability import polarisability
from molvm.rewards.pool import WorkerPool
from molvm.rewards.pools import Pool, open_pool
from molvm.rewards.python import PythonReward, reward
from molvm.rewards.qed import QED, qed
from molvm.rewards.registry import make_reward, register, reward_names
from molvm.rewards.shape import shape_similarity
from molvm.rewards.similarity import similarity
from molvm.rewards.solvation import solvation_energy
from molvm.rewards.strain import strain
from molvm.rewards.substructure import substructure
from molvm.rewards.validity import validity

__all__ = [
    "QED",
    "Command",
    "Dipole",
    "Direction",
    "Failure",
    "FailureKind",
    "ImageReward",
    "Isolated",
    "MoleculeReward",
    "Outcome",
    "Pipeline",
    "Pool",
    "PythonReward",
    "Reward",
    "SampleReward",
    "WorkerPool",
    "aesthetic",
    "aesthetic_v1",
    "alerts",
    "aromatic_rings",
    "at_least",
    "at_most",
    "atomisation_energy",
    "atoms_of",
    "brightness",
    "clip_score",
    "colour",
    "command",
    "compressed",
    "constrained",
    "describe",
    "dipole",
    "diverse",
    "energy_per_atom",
    "fragmentation",
    "gap",
    "geometric_mean",
    "hbond_acceptors",
    "hbond_donors",
    "heavy_atoms",
    "homo",
    "hps",
    "image_reward",
    "isolated",
    "jpeg",
    "lexicographic",
    "linear",
    "lipinski",
    "logp",
    "lumo",
    "make_reward",
    "mw",
    "novel",
    "open_pool",
    "openbabel",
    "parse_reward",
    "pickscore",
    "polarisability",
    "product",
    "qed",
    "register",
    "reward",
    "reward_names",
    "rings",
    "rotatable_bonds",
    "sa",
    "shape_similarity",
    "sigmoid",
    "similarity",
    "solvation_energy",
    "step",
    "strain",
    "substructure",
    "tpsa",
    "validity",
    "weighted_sum",
    "window",
]
