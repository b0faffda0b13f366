"""Rewards with their gradient, for methods that need ∇r: `differentiable` finds what a reward has."""

from molvm.gradients.base import DifferentiableReward, Worth, require_differentiable
from molvm.gradients.points import PointReward

__all__ = ["DifferentiableReward", "PointReward", "Worth", "require_differentiable"]
