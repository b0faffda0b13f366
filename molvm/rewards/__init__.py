"""Rewards without torch: what a molecule is worth, or why that cannot be said."""

from __future__ import annotations

from molvm.rewards.base import Direction, Failure, FailureKind, MoleculeReward, Outcome, Reward
from molvm.rewards.qed import QED, qed
from molvm.rewards.registry import make_reward, register, reward_names

__all__ = [
    "QED",
    "Direction",
    "Failure",
    "FailureKind",
    "MoleculeReward",
    "Outcome",
    "Reward",
    "make_reward",
    "qed",
    "register",
    "reward_names",
]
