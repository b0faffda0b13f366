"""Gradients of functions of a base model's endpoint with respect to the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from molvm.states import State

StateT = TypeVar("StateT", bound=State)


def differentiate(
    predict: Callable[[StateT, Tensor], StateT], function: Callable[..., Tensor], x: StateT, t: Tensor, *beside: State
) -> tuple[StateT, StateT]:
    """The endpoint x̂₁ = predict(x, t), and ∇ₓ function(x̂₁, t, *beside) in the state space's geometry; both detached.

    Args:
        predict: Of states and times of shape (B,), sample by sample; differentiable.
        function: Of endpoints, times and what is beside, one number a sample; differentiable.
        x: B samples.
        t: Their times, shape (B,).
        beside: More states of the same samples, which the function is given too.
    """
    with torch.enable_grad():
        leaf = x.leaf()
        leaves = dict(leaf.parts)
        endpoint = predict(leaf, t).project()
        value = function(endpoint, t, *beside).sum()
        if not value.requires_grad:
            return endpoint.detach(), x.map(torch.zeros_like)
        derivatives = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    filled = {
        name: torch.zeros_like(part) if derivative is None else derivative
        for (name, part), derivative in zip(leaves.items(), derivatives, strict=True)
    }
    return endpoint.detach(), leaf.riesz(filled).detach()
