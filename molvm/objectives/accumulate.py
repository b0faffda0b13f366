"""Gradients of a sum over portions of a batch, on all cores, the same to the last bit whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from molvm.states import State, map_in_lanes

Numbers = tuple[float, ...]


def learned_in(x: State, network: nn.Module) -> list[Tensor]:
    """The indices of samples in the portions that a network is trained on at once; all, if it does not say."""
    at_once: int | None = getattr(network, "trained_at_once", None)
    return [torch.arange(len(x))] if at_once is None else x.portions(at_once)


def add_gradients(
    loss: Callable[[Tensor], tuple[Tensor, Numbers]],
    portions: Sequence[Tensor],
    parameters: Sequence[nn.Parameter],
    device: torch.device,
) -> Numbers:
    """Add the gradients of Σ loss(portion) to the parameters.

    Args:
        loss: Of the indices of a portion: its share of the loss, with a graph, and other numbers.
        portions: What is computed at once.
        parameters: Those that require a gradient.
        device: Where it is computed.

    Returns:
        The loss, and the other numbers, summed over the portions.
    """

    def portion(index: Tensor) -> tuple[Sequence[Tensor | None], Numbers]:
        share, others = loss(index)
        # torch.autograd.grad, because two threads must not add to the same .grad.
        gradients = torch.autograd.grad(share, parameters, allow_unused=True)
        return gradients, (float(share.detach()), *others)

    rows = []
    for gradients, numbers in map_in_lanes(portion, portions, device):
        rows.append(numbers)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    return tuple(sum(column) for column in zip(*rows, strict=True))
