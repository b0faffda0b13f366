"""Algorithms that adapt a base model, one file each."""

from molvm.objectives.base import Objective, Rollout
from molvm.objectives.classifier_guidance import ClassifierGuidance, ClassifierGuidanceOptions
from molvm.objectives.ct_ppo import CtPpo, CtPpoOptions
from molvm.objectives.ddpo import Ddpo, DdpoOptions
from molvm.objectives.diagnostics import PathDiagnostics, path_diagnostics
from molvm.objectives.dpok import Dpok, DpokOptions
from molvm.objectives.residual_objective import AnyResidualObjective, Ingredients, ResidualObjective
from molvm.objectives.value_matching import ValueMatching, ValueMatchingOptions
from molvm.objectives.value_objective import ValueObjective, ValueObjectiveOptions

__all__ = [
    "AnyResidualObjective",
    "ClassifierGuidance",
    "ClassifierGuidanceOptions",
    "CtPpo",
    "CtPpoOptions",
    "Ddpo",
    "DdpoOptions",
    "Dpok",
    "DpokOptions",
    "Ingredients",
    "Objective",
    "PathDiagnostics",
    "ResidualObjective",
    "Rollout",
    "ValueMatching",
    "ValueMatchingOptions",
    "ValueObjective",
    "ValueObjectiveOptions",
    "path_diagnostics",
]
