"""The chain from noise to data: its exact marginals with an oracle for a network, its seeds, its faults."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from molvm.errors import DivergenceError
from molvm.models.flowmol.ctmc.chain import token_chain
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.ctmc.tokens import TOKENS, Places
from molvm.states import MoleculeState
from tests.models.flowmol.upstream import largest_difference

STEPS = 40


@dataclass
class Oracle:
    """A network that knows its data: independent classes of these probabilities, positions at one place.

    Attributes:
        probabilities: Of the classes of each modality.
        positions: (n, 3), centred.
    """

    probabilities: dict[str, Tensor]
    positions: Tensor

    def __call__(self, x: MoleculeState, t: Tensor, previous: MoleculeState | None) -> MoleculeState:
        parts = {"positions": self.positions.expand_as(x.positions)}
        for name, row in self.probabilities.items():
            part = x.parts[name]
            parts[name] = row.expand(*part.shape[:-1], len(row))
        return x.replace(parts)


def setting(model: CtmcModel, count: int) -> tuple[Oracle, MoleculeState]:
    generator = torch.Generator().manual_seed(0)
    rows = {
        name: torch.rand(classes - 1, generator=generator).softmax(dim=0)
        for name, classes in zip(TOKENS, model.config.n_tokens, strict=True)
    }
    x = model.noise(torch.full((count,), 5), count, generator)
    positions = torch.randn(5, 3, generator=generator)
    return Oracle(rows, positions - positions.mean(dim=0)), x


def hidden_share(x: MoleculeState, name: str) -> tuple[float, int]:
    places = Places.of(x, name)
    tokens = places.take(x.parts[name])
    return float(tokens[:, -1].mean()), len(tokens)


@pytest.mark.parametrize("eta", [0.0, 10.0])
@pytest.mark.parametrize("hc_thresh", [0.0, 0.3])
def test_masks_follow_the_exact_marginal_of_the_chain(model: CtmcModel, eta: float, hc_thresh: float) -> None:
    """m_{k+1} = m_k (1 − p_unmask) + (1 − m_k) p_mask; purity sampling changes which, not how many."""
    oracle, x = setting(model, 400)
    options = ChainOptions(steps=STEPS, eta=eta, hc_thresh=hc_thresh, temperature=1.0)
    expected, dt = 1.0, 1 / STEPS
    chain = token_chain(oracle, x, model.schedules, options, torch.Generator().manual_seed(1))
    for k, state in enumerate(chain):
        t = k * dt
        unmask = 1.0 if k == STEPS - 1 else min(1.0, dt * (1 + eta * t) / (1 - t))
        mask = 0.0 if k == STEPS - 1 else eta * dt
        expected = expected * (1 - unmask) + (1 - expected) * mask
        for name in TOKENS:
            share, count = hidden_share(state, name)
            assert abs(share - expected) <= 4 * (expected * (1 - expected) / count) ** 0.5 + 1e-6
    if eta == 0:
        assert expected == pytest.approx(0.0, abs=1e-12)


def test_without_remasking_the_marginal_is_that_of_the_path(model: CtmcModel) -> None:
    """A token is still masked at t with probability 1 − α(t), whatever the steps."""
    oracle, x = setting(model, 400)
    options = ChainOptions(steps=STEPS, eta=0.0, hc_thresh=0.0, temperature=1.0)
    chain = token_chain(oracle, x, model.schedules, options, torch.Generator().manual_seed(2))
    half = next(itertools.islice(chain, STEPS // 2 - 1, None))
    for name in TOKENS:
        share, count = hidden_share(half, name)
        assert abs(share - 0.5) <= 4 * (0.25 / count) ** 0.5


def test_the_gat_sampler_has_the_marginal_of_the_path(model: CtmcModel) -> None:
    """Up to its Euler steps: halfway half of the tokens are masked, and the others have the oracle's probabilities."""
    oracle, x = setting(model, 400)
    options = ChainOptions(steps=10 * STEPS, sampler="gat", temperature=1.0)
    chain = token_chain(oracle, x, model.schedules, options, torch.Generator().manual_seed(2))
    half = next(itertools.islice(chain, 5 * STEPS - 1, None))
    for name in TOKENS:
        tokens = Places.of(half, name).take(half.parts[name])
        expected = torch.cat([oracle.probabilities[name] / 2, torch.tensor([0.5])])
        error = (expected * (1 - expected) / len(tokens)).sqrt()
        assert bool(((tokens.mean(dim=0) - expected).abs() <= 4.5 * error + 0.005).all())


def test_the_end_of_gat_is_whole(model: CtmcModel) -> None:
    """At its low temperature it takes the most probable classes and leaves no mask."""
    oracle, x = setting(model, 50)
    options = ChainOptions(steps=STEPS, sampler="gat", temperature=1e-3)
    *_, end = token_chain(oracle, x, model.schedules, options, torch.Generator().manual_seed(3))
    for name in TOKENS:
        tokens = Places.of(end, name).take(end.parts[name]).argmax(dim=-1)
        assert bool((tokens == oracle.probabilities[name].argmax()).all())


@pytest.mark.parametrize("hc_thresh", [0.0, 0.3])
def test_the_end_is_the_data(model: CtmcModel, hc_thresh: float) -> None:
    """No mask, classes of the oracle's probabilities, positions on the prediction, pairs symmetric."""
    oracle, x = setting(model, 400)
    options = ChainOptions(steps=STEPS, eta=10.0, hc_thresh=hc_thresh, temperature=1.0)
    *_, end = token_chain(oracle, x, model.schedules, options, torch.Generator().manual_seed(3))
    torch.testing.assert_close(end.positions, oracle.positions.expand_as(end.positions), atol=1e-5, rtol=0)
    assert torch.equal(end.bonds, end.bonds.transpose(1, 2))
    for name in TOKENS:
        tokens = Places.of(end, name).take(end.parts[name])
        assert not bool(tokens[:, -1].any())
        expected = oracle.probabilities[name]
        error = (expected * (1 - expected) / len(tokens)).sqrt()
        assert bool(((tokens[:, :-1].mean(dim=0) - expected).abs() <= 4.5 * error).all())


def test_positions_are_on_the_straight_line(model: CtmcModel) -> None:
    """The Euler step of a linear schedule is exact towards a fixed endpoint."""
    oracle, x = setting(model, 2)
    chain = token_chain(oracle, x, model.schedules, ChainOptions(steps=STEPS), torch.Generator().manual_seed(4))
    for k, state in enumerate(chain, start=1):
        expected = x.positions + (oracle.positions - x.positions) * (k / STEPS)
        torch.testing.assert_close(state.positions, expected, atol=1e-5, rtol=0)


def test_a_low_temperature_takes_the_most_probable_class(model: CtmcModel) -> None:
    oracle, x = setting(model, 20)
    options = ChainOptions(steps=STEPS, temperature=1e-3)
    *_, end = token_chain(oracle, x, model.schedules, options, torch.Generator().manual_seed(5))
    for name in TOKENS:
        tokens = Places.of(end, name).take(end.parts[name]).argmax(dim=-1)
        assert bool((tokens == oracle.probabilities[name].argmax()).all())


def test_what_is_fed_back_is_the_prediction_before(model: CtmcModel) -> None:
    oracle, x = setting(model, 2)
    told: list[MoleculeState | None] = []
    answers: list[MoleculeState] = []

    def listening(x: MoleculeState, t: Tensor, previous: MoleculeState | None) -> MoleculeState:
        told.append(previous)
        answers.append(oracle(x, t, previous))
        return answers[-1]

    guess = oracle(x, torch.zeros(2), None)
    list(token_chain(listening, x, model.schedules, ChainOptions(steps=4), torch.Generator().manual_seed(0), guess))
    assert told[0] is guess
    assert all(now is before for now, before in zip(told[1:], answers, strict=False))
    told.clear()
    list(token_chain(listening, x, model.schedules, ChainOptions(steps=4), torch.Generator().manual_seed(0)))
    assert told == [None] * 4


def test_padding_and_batch_do_not_change_the_law_of_sizes(model: CtmcModel) -> None:
    """Everything beyond a molecule's own atoms stays zero."""
    x = model.noise(torch.tensor([3, 7, 5]), 3, torch.Generator().manual_seed(0))
    guess = model.first_guess(x)
    chain = token_chain(
        model.predict_endpoint, x, model.schedules, model.options, torch.Generator().manual_seed(1), guess
    )
    for state in chain:
        for name in ("positions", "types", "charges"):
            assert not bool(state.parts[name][~x.mask].any())
        assert not bool(state.bonds[~x.pair_mask].any())
        for name in TOKENS:
            assert bool((Places.of(state, name).take(state.parts[name]).sum(dim=-1) == 1).all())


def test_seeds_reproduce(model: CtmcModel) -> None:
    def drawn(seed: int) -> MoleculeState:
        return model.generate(torch.tensor([4, 6]), 2, torch.Generator().manual_seed(seed))

    assert largest_difference(drawn(1), drawn(1)) == 0
    assert largest_difference(drawn(1), drawn(2)) > 0


def test_numbers_that_are_not_finite_are_said(model: CtmcModel) -> None:
    oracle, x = setting(model, 3)
    oracle.positions = oracle.positions * torch.nan
    with pytest.raises(DivergenceError, match="Step 1 of 4"):
        list(token_chain(oracle, x, model.schedules, ChainOptions(steps=4)))
