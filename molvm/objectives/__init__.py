"""Algorithms that adapt a base model, one file each."""

from molvm.objectives.base import Objective, Rollout
from molvm.objectives.classifier_guidance import ClassifierGuidance, ClassifierGuidanceOptions
from molvm.objectives.ddpo import Ddpo, DdpoOptions
from molvm.objectives.diagnostics import PathDiagnostics, path_diagnostics
from molvm.objectives.value_matching import ValueMatching, ValueMatchingOptions
from molvm.objectives.value_objective import ValueObjective, ValueObjectiveOptions

__all__ = [
    "ClassifierGuidance",
    "ClassifierGuidanceOptions",
    "Ddpo",
    "DdpoOptions",
    "Objective",
    "PathDiagnostics",
    "Rollout",
    "ValueMatching",
    "ValueMatchingOptions",
    "ValueObjective",
    "ValueObjectiveOptions",
    "path_diagnostics",
]
