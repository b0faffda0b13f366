"""Muon for the hidden layers, AdamW for the rest, one state for both."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.training.optimiser import Kind, Optimiser

CONFIG = FlowMolConfig(
    n_bonds=4, hidden_scalars=32, hidden_edges=16, molecule_updates=1, message_gvps=1, update_gvps=1, position_gvps=1
)


def network() -> FlowMolNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FlowMolNetwork(CONFIG)


def with_gradients(seed: int, of: FlowMolNetwork) -> FlowMolNetwork:
    generator = torch.Generator().manual_seed(seed)
    for weight in of.parameters():
        weight.grad = torch.randn(weight.shape, generator=generator)
    return of


def moved(kind: Kind) -> dict[str, tuple[Tensor, Tensor]]:
    """The step of each weight, and its gradient."""
    trained = with_gradients(1, network())
    Optimiser(trained, kind, (0.9, 0.99), 0.0).step(1e-3)
    before = dict(network().named_parameters())
    return {name: (weight.detach() - before[name].detach(), weight.grad) for name, weight in trained.named_parameters()}


def test_hidden_layers_move_by_nearly_orthogonal_matrices() -> None:
    """In all directions of a matrix by about the same length, 0.2 of the rate root mean square, as AdamW would."""
    hidden = {
        name: step
        for name, (step, _) in moved("muon").items()
        if name == "conv_layers.0.edge_message.0.to_feats_out.0.weight"
    }
    (step,) = hidden.values()
    lengths = torch.linalg.svdvals(step)
    assert float(lengths.max() / lengths.min()) < 2
    assert float(step.square().mean().sqrt()) == pytest.approx(0.2e-3, rel=0.3)


@pytest.mark.parametrize(
    "name", ["scalar_embedding.0.weight", "to_edge_logits.2.weight", "conv_layers.0.message_layer_norm.feat_norm.bias"]
)
def test_the_ends_and_the_biases_are_left_to_adamw(name: str) -> None:
    """Its first step is the rate times the sign of the gradient."""
    step, gradient = moved("muon")[name]
    torch.testing.assert_close(step, -1e-3 * gradient.sign(), rtol=1e-3, atol=1e-7)


def test_adamw_moves_every_weight_if_asked() -> None:
    for step, gradient in moved("adamw").values():
        torch.testing.assert_close(step, -1e-3 * gradient.sign(), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_loaded_state_goes_on_as_the_saved_one(kind: Kind) -> None:
    first = with_gradients(1, network())
    optimiser = Optimiser(first, kind, (0.9, 0.99), 1e-5)
    optimiser.step(1e-3)
    second = network()
    second.load_state_dict(first.state_dict())
    restored = Optimiser(second, kind, (0.9, 0.99), 1e-5)
    restored.load({name: value.clone() for name, value in optimiser.tensors().items()})
    with_gradients(2, first)
    with_gradients(2, second)
    optimiser.step(1e-3)
    restored.step(1e-3)
    assert optimiser.tensors().keys() == restored.tensors().keys()
    for name, weight in first.named_parameters():
        assert torch.equal(weight, second.get_parameter(name)), name
