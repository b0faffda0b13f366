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
from molvm.rewards.expression import parse_reward
from molvm.rewards.fragmentation import fragmentation
from molvm.rewards.images.base import ImageReward
from molvm.rewards.images.colour import brightness, colour
from molvm.rewards.images.compressed import compressed, jpeg
from molvm.rewards.isolated import Isolated, isolated
from molvm.rewards.novelty import novel
from molvm.rewards.openbabel import openbabel
from molvm.rewards.pipeline import Pipeline
from molvm.rewards.pool import WorkerPool
from molvm.rewards.pools import Pool, open_pool
from molvm.rewards.python import PythonReward, reward
from molvm.rewards.qed import QED, qed
from molvm.rewards.registry import make_reward, register, reward_names
from molvm.rewards.shape import shape_similarity
from molvm.rewards.similarity import similarity
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
    "alerts",
    "aromatic_rings",
    "at_least",
    "at_most",
    "atoms_of",
    "brightness",
    "colour",
    "command",
    "compressed",
    "constrained",
    "describe",
    "dipole",
    "diverse",
    "fragmentation",
    "geometric_mean",
    "hbond_acceptors",
    "hbond_donors",
    "heavy_atoms",
    "isolated",
    "jpeg",
    "lexicographic",
    "linear",
    "lipinski",
    "logp",
    "make_reward",
    "mw",
    "novel",
    "open_pool",
    "openbabel",
    "parse_reward",
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
    "step",
    "substructure",
    "tpsa",
    "validity",
    "weighted_sum",
    "window",
]
