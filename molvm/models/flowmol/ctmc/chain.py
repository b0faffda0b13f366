"""From noise to data: positions flow by Euler steps, tokens jump."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from molvm.errors import DivergenceError
from molvm.models.flowmol.ctmc.jumps import Step, campbell_jump, gat_jump
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.ctmc.tokens import TOKENS, Places
from molvm.schedules import Schedules
from molvm.states import MoleculeState


class EndpointPrediction(Protocol):
    """x̂₁: centred positions and class probabilities, from (x, t) and an earlier prediction, if there is one."""

    def __call__(self, x: MoleculeState, t: Tensor, previous: MoleculeState | None) -> MoleculeState:
        """The endpoint at times t, shape (B,)."""
        ...


def token_chain(
    predict: EndpointPrediction,
    x: MoleculeState,
    schedules: Schedules,
    options: ChainOptions,
    generator: torch.Generator | None = None,
    first_guess: MoleculeState | None = None,
) -> Iterator[MoleculeState]:
    """The states after each of `options.steps` equal steps from t = 0 to t = 1.

    Args:
        predict: The endpoint.
        x: B molecules of noise: centred positions, all tokens masked.
        schedules: α of each modality.
        options: How many steps, and how tokens jump.
        generator: Source of all randomness, on the device of x.
        first_guess: What the first step's prediction is told of an earlier one; every later step is then told the
            prediction of the step before (self-conditioning, FlowMol3). None: nothing is fed back.

    Raises:
        DivergenceError: A prediction is not finite.
    """
    grid = torch.linspace(0, 1, options.steps + 1, dtype=torch.float64)
    places = {modality: Places.of(x, modality) for modality in TOKENS}
    previous = first_guess
    for k in range(options.steps):
        endpoint = predict(x, grid[k].to(x.positions).expand(len(x)), previous)
        _check_finite(endpoint, k, options.steps)
        previous = None if first_guess is None else endpoint
        steps = {name: Step.of(schedule, grid, k) for name, schedule in schedules.by_modality.items()}
        parts = {"positions": x.positions + steps["positions"].share * (endpoint.positions - x.positions)}
        for modality in TOKENS:
            jumped = _jump(x, endpoint, modality, places[modality], steps[modality], options, generator)
            parts[modality] = places[modality].put(jumped, x.parts[modality].shape[-1], x.dtype)
        x = x.replace(parts)
        yield x


def _jump(
    x: MoleculeState,
    endpoint: MoleculeState,
    modality: str,
    places: Places,
    step: Step,
    options: ChainOptions,
    generator: torch.Generator | None,
) -> Tensor:
    """The new tokens of a modality, (N,)."""
    tokens = places.take(x.parts[modality]).argmax(dim=-1)
    probabilities = places.take(endpoint.parts[modality])
    classes = (torch.log(probabilities) / options.temperature_at(step.t)).softmax(dim=-1)
    if options.sampler == "gat":
        return gat_jump(tokens, classes, step, generator)
    return campbell_jump(tokens, classes, places.molecule, step, options.eta, options.hc_thresh, generator)


def _check_finite(endpoint: MoleculeState, k: int, steps: int) -> None:
    bad = ~endpoint.is_finite()
    if bool(bad.any()):
        raise DivergenceError(
            f"Step {k + 1} of {steps} gave predictions that are not finite for {int(bad.sum())} of {len(bad)} "
            "molecules.",
            remedy="`molvm models verify`, or a fresh conversion of the model",
        )
