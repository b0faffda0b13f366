"""Algorithms that adapt a base model, one file each."""

from molvm.objectives.adjoint_matching import AdjointMatching, AdjointMatchingOptions
from molvm.objectives.base import Objective, Rollout
from molvm.objectives.classifier_guidance import ClassifierGuidance, ClassifierGuidanceOptions
from molvm.objectives.ct_ppo import CtPpo, CtPpoOptions
from molvm.objectives.ddpo import Ddpo, DdpoOptions
from molvm.objectives.diagnostics import PathDiagnostics, path_diagnostics
from molvm.objectives.dpok import Dpok, DpokOptions
from molvm.objectives.draft import Draft, DraftOptions
from molvm.objectives.refl import Refl, ReflOptions
from molvm.objectives.residual_objective import AnyResidualObjective, Ingredients, ResidualObjective
from molvm.objectives.value_matching import ValueMatching, ValueMatchingOptions
from molvm.objectives.value_objective import ValueObjective, ValueObjectiveOptions
from molvm.objectives.vgg_flow import VggFlow, VggFlowOptions

__all__ = [
    "AdjointMatching",
    "AdjointMatchingOptions",
    "AnyResidualObjective",
    "ClassifierGuidance",
    "ClassifierGuidanceOptions",
    "CtPpo",
    "CtPpoOptions",
    "Ddpo",
    "DdpoOptions",
    "Dpok",
    "DpokOptions",
    "Draft",
    "DraftOptions",
    "Ingredients",
    "Objective",
    "PathDiagnostics",
    "Refl",
    "ReflOptions",
    "ResidualObjective",
    "Rollout",
    "ValueMatching",
    "ValueMatchingOptions",
    "ValueObjective",
    "ValueObjectiveOptions",
    "VggFlow",
    "VggFlowOptions",
    "path_diagnostics",
]
