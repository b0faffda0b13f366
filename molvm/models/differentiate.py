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
        endpoint = predict(leaf, t).project()
        value = function(endpoint, t, *beside).sum()
        gradient = gradient_at(leaf, value)
    return endpoint.detach(), gradient


def gradient_at(leaf: StateT, value: Tensor, *, keep_graph: bool = False) -> StateT:
    """The gradient of a number with respect to a leaf, in the geometry of the state space; detached.

    Args:
        leaf: As `State.leaf` makes one.
        value: Shape (); zero is the gradient of what does not depend on the leaf.
        keep_graph: Whether something else is to be differentiated through the same graph.
    """
    if not value.requires_grad:
        return leaf.map(torch.zeros_like).detach()
    leaves = dict(leaf.parts)
    derivatives = torch.autograd.grad(value, list(leaves.values()), allow_unused=True, retain_graph=keep_graph)
    filled = {
        name: torch.zeros_like(part) if derivative is None else derivative
        for (name, part), derivative in zip(leaves.items(), derivatives, strict=True)
    }
    return leaf.riesz(filled).detach()
