"""Rewards without torch: what a molecule is worth, or why that cannot be said."""

from __future__ import annotations

from molvm.rewards.base import Direction, Failure, FailureKind, MoleculeReward, Outcome, Reward
from molvm.rewards.description import describe
from molvm.rewards.dipole import Dipole, dipole
from molvm.rewards.expression import parse_reward
from molvm.rewards.pipeline import Pipeline
from molvm.rewards.pool import Isolated, WorkerPool, isolated
from molvm.rewards.python import PythonReward, reward
from molvm.rewards.qed import QED, qed
from molvm.rewards.registry import make_reward, register, reward_names

__all__ = [
    "QED",
    "Dipole",
    "Direction",
    "Failure",
    "FailureKind",
    "Isolated",
    "MoleculeReward",
    "Outcome",
    "Pipeline",
    "PythonReward",
    "Reward",
    "WorkerPool",
    "describe",
    "dipole",
    "isolated",
    "make_reward",
    "parse_reward",
    "qed",
    "register",
    "reward",
    "reward_names",
]
