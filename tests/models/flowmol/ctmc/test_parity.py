"""The network over tokens and its chain agree with upstream's recorded numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molvm.models.flowmol.ctmc.chain import token_chain
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.ctmc.tokens import TOKENS
from molvm.models.flowmol.matching import flowmol_schedules, time_weights
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.states import MoleculeState
from tests.models.flowmol.upstream import MODALITIES, UpstreamCase, largest_difference

TokenCase = UpstreamCase[CtmcNetwork]

PRECISIONS = pytest.mark.parametrize(
    ("dtype", "suffix", "tolerance"), [(torch.float64, "_f64", 1e-12), (torch.float32, "", 1e-4)]
)


def model_of(tokens: TokenCase) -> CtmcModel:
    return CtmcModel(tokens.network, SizeHistogram((3,), (1,)), "recorded")


@PRECISIONS
def test_endpoint_logits(tokens: TokenCase, dtype: torch.dtype, suffix: str, tolerance: float) -> None:
    network = tokens.network.to(dtype)
    for case in tokens.record["forward"]:
        x, t = tokens.state(case["x_t"], dtype), case["t"].to(dtype)
        # At t = 0 upstream makes a first pass by itself.
        guess = model_of(tokens).first_guess(x) if not bool(t.any()) else None
        predicted = network(x, t, guess)
        assert largest_difference(predicted, tokens.state(case["endpoint_logits" + suffix], dtype)) <= tolerance


@PRECISIONS
def test_endpoint_logits_with_an_earlier_prediction(
    tokens: TokenCase, dtype: torch.dtype, suffix: str, tolerance: float
) -> None:
    network = tokens.network.to(dtype)
    recorded = [case for case in tokens.record["forward"] if "prev" in case]
    assert bool(recorded) == network.config.self_conditioning
    for case in recorded:
        predicted = network(tokens.state(case["x_t"], dtype), case["t"].to(dtype), tokens.state(case["prev"], dtype))
        expected = tokens.state(case["endpoint_logits_selfcond" + suffix], dtype)
        assert largest_difference(predicted, expected) <= tolerance


def test_endpoint_is_softmaxed_and_centred(tokens: TokenCase) -> None:
    model = model_of(tokens)
    for case in tokens.record["forward"]:
        x = tokens.state(case["x_t"], torch.float32)
        guess = model.first_guess(x) if not bool(case["t"].any()) else None
        predicted = model.predict_endpoint(x, case["t"], guess)
        assert largest_difference(predicted, tokens.state(case["endpoint_infer"], torch.float32)) <= 1e-4
        if "prev" in case:
            predicted = model.predict_endpoint(x, case["t"], tokens.state(case["prev"], torch.float32))
            expected = tokens.state(case["endpoint_infer_selfcond"], torch.float32)
            assert largest_difference(predicted, expected) <= 1e-4


def test_velocity_of_positions(tokens: TokenCase) -> None:
    """α̇/(1 − α)(x̂₁ − x), upstream's vector field."""
    model = model_of(tokens)
    schedule = model.schedules.by_modality["positions"]
    for case in tokens.record["forward"]:
        x, t = tokens.state(case["x_t"], torch.float32), case["t"]
        guess = model.first_guess(x) if not bool(t.any()) else None
        rate = (schedule.alpha_dot(t) / schedule.beta(t))[:, None, None]
        velocity = rate * (model.predict_endpoint(x, t, guess).positions - x.positions)
        expected = flat_positions(case["vector_field"]["x"], tokens)
        torch.testing.assert_close(velocity, expected, atol=1e-4, rtol=1e-4)


def flat_positions(flat: Tensor, tokens: TokenCase) -> Tensor:
    """Upstream's rows (N, 3) in a dense batch."""
    n_atoms = tokens.record["batch"]["n_atoms"]
    dense = torch.zeros(len(n_atoms), int(n_atoms.max()), 3)
    dense[torch.arange(dense.shape[1]) < n_atoms[:, None]] = flat
    return dense


def test_schedules_and_time_weights(tokens: TokenCase) -> None:
    schedules = flowmol_schedules(tokens.network.config)
    record = {name: value.double() for name, value in tokens.record["schedule"].items()}
    alpha, rate = schedules.alpha(record["t"]), schedules.collect(lambda schedule: schedule.alpha_dot(record["t"]))
    inside = record["t"] < 1
    weights = time_weights(schedules, record["t"][inside])
    for column, name in enumerate(MODALITIES.values()):
        torch.testing.assert_close(alpha[name], record["alpha"][:, column], atol=1e-6, rtol=0)
        torch.testing.assert_close(rate[name], record["alpha_prime"][:, column], atol=1e-6, rtol=0)
        torch.testing.assert_close(weights[name], record["loss_weights"][inside, column], atol=1e-5, rtol=1e-5)


def test_trajectories(tokens: TokenCase) -> None:
    """Every token of every step under the same seed, and the positions."""
    model, sizes = model_of(tokens), tokens.record["config"]["vector_field"]
    for record in tokens.record["integrate"]:
        given = record["kwargs"]
        eta, threshold = given["stochasticity"], given["high_confidence_threshold"]
        options = ChainOptions(
            steps=record["n_timesteps"] - 1,
            eta=sizes["stochasticity"] if eta is None else eta,
            hc_thresh=sizes["high_confidence_threshold"] if threshold is None else threshold,
        )
        x = tokens.state(record["prior"], torch.float32)
        generator = torch.Generator().manual_seed(record["seed"])
        chain = token_chain(model.predict_endpoint, x, model.schedules, options, generator, model.first_guess(x))
        states = [x, *chain]
        assert_same(states[-1], tokens.state(record["final"], torch.float32))
        if "traj" in record:
            for k, state in enumerate(states):
                assert_same(state, tokens.state(frame(record["traj"], k), torch.float32))


def frame(trajectories: list[dict[str, Tensor]], k: int) -> dict[str, Tensor]:
    """All molecules after k steps, from the trajectory of each."""
    return {key: torch.cat([molecule[key][k] for molecule in trajectories]) for key in trajectories[0]}


def assert_same(state: MoleculeState, expected: MoleculeState) -> None:
    for name in TOKENS:
        assert torch.equal(state.parts[name], expected.parts[name])
    torch.testing.assert_close(state.positions, expected.positions, atol=5e-4, rtol=0)
