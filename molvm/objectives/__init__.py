"""Algorithms that adapt a base model, one file each."""

from molvm.objectives.base import Objective, Rollout
from molvm.objectives.diagnostics import PathDiagnostics, path_diagnostics
from molvm.objectives.value_matching import ValueMatching, ValueMatchingOptions

__all__ = ["Objective", "PathDiagnostics", "Rollout", "ValueMatching", "ValueMatchingOptions", "path_diagnostics"]
