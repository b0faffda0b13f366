"""One step of the chain of tokens.

A token is a class 0 … K − 1 or the mask, K. The path from the mask to the data keeps a token masked with probability
1 − α(t); the two samplers below are chains with these marginals, driven by predicted classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from molvm.schedules import Schedule

BACKWARD_SCALE, BACKWARD_POWER = 10.0, 0.25
"""The "gat" sampler goes 10 (t (1 − t))^¼ times back, and one time more forwards (FlowMol-CTMC)."""

MIN_PROBABILITY: Final = 1e-9
ALPHA_FLOOR: Final = 1e-8
"""Upstream's guards of the "gat" sampler."""


@dataclass(frozen=True)
class Step:
    """A step of the chain, from t to t + dt.

    Attributes:
        t: Its beginning.
        dt: Its length.
        alpha: α(t).
        alpha_dot: α̇(t).
        last: Whether it ends at t = 1, where nothing may stay masked.
    """

    t: float
    dt: float
    alpha: float
    alpha_dot: float
    last: bool

    @classmethod
    def of(cls, schedule: Schedule, grid: Tensor, k: int) -> Step:
        """The k-th step of a grid of times that ends at 1, shape (K + 1,)."""
        t, dt = grid[k], grid[k + 1] - grid[k]
        alpha, alpha_dot = schedule.alpha(t), schedule.alpha_dot(t)
        return cls(float(t), float(dt), float(alpha), float(alpha_dot), last=k == len(grid) - 2)

    @property
    def share(self) -> float:
        """How far of the way to its endpoint a position goes, dt α̇/(1 − α): an Euler step of the flow (FlowMol)."""
        return self.dt * self.alpha_dot / (1 - self.alpha)

    def unmasking(self, eta: float) -> float:
        """Probability that a masked token takes a class, dt (α̇ + ηα)/(1 − α) (Campbell et al. 2024); 1 at the end."""
        return 1.0 if self.last else min(1.0, self.dt * (self.alpha_dot + eta * self.alpha) / (1 - self.alpha))

    def masking(self, eta: float) -> float:
        """Probability that a class is masked again, η dt; 0 at the end."""
        return 0.0 if self.last else min(1.0, self.dt * eta)


def campbell_jump(
    tokens: Tensor,
    classes: Tensor,
    molecule: Tensor,
    step: Step,
    eta: float,
    hc_thresh: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The tokens after a step of the chain of Campbell et al. (2024), as FlowMol-CTMC takes it.

    What is unmasked is settled before anything is masked again, so a token does not do both in one step.

    Args:
        tokens: Integers (N,); K is the mask.
        classes: Probabilities of the classes, (N, K).
        molecule: Which molecule each token belongs to, integers (N,).
        step: When, and how far.
        eta: Rate at which classes are masked again, beside the one at which masks go.
        hc_thresh: As in `ChainOptions`.
        generator: Source of the classes, then of what is unmasked, then, but for the last step, of what is masked.
    """
    mask = classes.shape[-1]
    drawn = _draw(classes, generator)
    hidden = tokens == mask
    chance = torch.full_like(classes[:, 0], step.unmasking(eta))
    if hc_thresh > 0:
        chance = purity_chances(hidden, classes.amax(dim=-1) >= hc_thresh, molecule, step.unmasking(eta)).to(chance)
    revealed = hidden & (_uniform(chance, generator) < chance)
    if not step.last:
        again = ~hidden & (_uniform(chance, generator) < step.masking(eta))
        tokens = torch.where(again, mask, tokens)
    return torch.where(revealed, drawn, tokens)


def purity_chances(hidden: Tensor, certain: Tensor, molecule: Tensor, chance: float) -> Tensor:
    """Probability of each token to be unmasked if certain ones come first and as many are unmasked on average.

    Of the M masked tokens of a molecule H are certain. They take p_high = min(1, chance M/H), the others what is left,
    p_low = (chance M − p_high H)/(M − H) (FlowMol-CTMC, purity sampling).

    Args:
        hidden: Which tokens are masked, booleans (N,).
        certain: Which have a very probable class, booleans (N,).
        molecule: Which molecule each belongs to, integers (N,).
        chance: Probability of a masked token to be unmasked without preference.
    """
    count = int(molecule.max()) + 1 if len(molecule) else 0
    masked = torch.bincount(molecule[hidden], minlength=count).float()
    sure = torch.bincount(molecule[hidden & certain], minlength=count).to(masked)
    high = (chance * masked / sure.clamp(min=1)).clamp(max=1)
    low = (chance * masked - high * sure) / (masked - sure).clamp(min=1)
    return torch.where(certain, high[molecule], low[molecule])


def gat_jump(tokens: Tensor, classes: Tensor, step: Step, generator: torch.Generator | None = None) -> Tensor:
    """The tokens after an Euler step of the probability velocity of Gat et al. (2024), as FlowMol-CTMC weights it.

    δ + dt (w u_forward − (w − 1) u_backward), w = 1 + 10 (t (1 − t))^¼, with u_forward = α̇/(1 − α)(q − δ) and
    u_backward = α̇/α (δ − δ_mask). Upstream may leave tokens masked at t = 1; here the last step takes classes only.

    Args:
        tokens: Integers (N,); K is the mask.
        classes: Probabilities q of the classes, (N, K).
        step: When, and how far.
        generator: Source of the new tokens.
    """
    now = functional.one_hot(tokens, classes.shape[-1] + 1).to(classes)
    target = functional.pad(classes, (0, 1))
    mask = torch.zeros_like(now)
    mask[:, -1] = 1
    back = BACKWARD_SCALE * (step.t * (1 - step.t)) ** BACKWARD_POWER
    forward = step.alpha_dot / (1 - step.alpha) * (target - now)
    backward = step.alpha_dot / (step.alpha + ALPHA_FLOOR) * (now - mask)
    moved = now + step.dt * ((1 + back) * forward - back * backward)
    moved = moved.clamp(MIN_PROBABILITY, 1.0)
    return _draw(moved[:, :-1] if step.last else moved, generator)


def _draw(probabilities: Tensor, generator: torch.Generator | None) -> Tensor:
    """One class a row, (N, K) to (N,); the rows need not sum to one."""
    if not len(probabilities):
        return torch.zeros(0, dtype=torch.long, device=probabilities.device)
    return torch.multinomial(probabilities, 1, replacement=True, generator=generator).squeeze(1)


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(len(like), generator=generator, device=like.device, dtype=like.dtype)
