from __future__ import annotations

import torch

from molvm.objectives.optimiser_state import load_optimiser, optimiser_tensors


def stepped(count: int, rate: float) -> tuple[torch.nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=rate)
    for step in range(count):
        update(layer, optimiser, step)
    return layer, optimiser


def update(layer: torch.nn.Linear, optimiser: torch.optim.AdamW, step: int) -> None:
    optimiser.zero_grad()
    layer(torch.full((1, 3), 1.0 + step)).square().sum().backward()
    optimiser.step()


def test_it_goes_on_to_the_last_bit_from_its_tensors() -> None:
    layer, optimiser = stepped(3, 0.1)
    other, fresh = stepped(0, 0.1)
    other.load_state_dict(layer.state_dict())
    load_optimiser(fresh, {name: tensor.clone() for name, tensor in optimiser_tensors(optimiser).items()})
    for each, its in ((layer, optimiser), (other, fresh)):
        update(each, its, 3)
    assert torch.equal(layer.weight, other.weight)
    assert torch.equal(layer.bias, other.bias)


def test_learning_rates_are_left_alone() -> None:
    _, optimiser = stepped(2, 0.1)
    _, other = stepped(0, 0.7)
    load_optimiser(other, optimiser_tensors(optimiser))
    assert other.param_groups[0]["lr"] == 0.7
    assert set(optimiser_tensors(other)) == set(optimiser_tensors(optimiser)) != set()
