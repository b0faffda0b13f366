from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from molvm.errors import CheckpointError, ConfigError
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.states import MoleculeState, State, TensorState
from molvm.training.head_start import SHOWN, HeadStart, HeadStartOptions
from molvm.values.base import ValueNet
from molvm.values.ladder import build_features
from molvm.values.points import PointValue, PointValueConfig
from tests.runs.tiny import tiny_model

MODEL = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]]),), LinearSchedule())
REWARD = QuadraticReward((1.0,), 0.5)
ENDS = MODEL.mixtures[0].sample(16_000, torch.Generator().manual_seed(1)).float()
OPTIONS = HeadStartOptions(epochs=4, batch_size=128, learning_rate=3e-3, first=0.1, last=0.9)


class StoppedError(Exception):
    """What a test ends the work with."""


def gaussian(
    folder: Path,
    options: HeadStartOptions = OPTIONS,
    strength: float = 1.0,
    rewards: Tensor | None = None,
    width: int = 64,
    views: int = 4,
) -> HeadStart:
    network = ValueNet(PointValue(1, PointValueConfig(width=width), seed=0), MODEL.schedules, strength)
    worth = REWARD(ENDS) if rewards is None else rewards
    copies = torch.full((len(ENDS),), views)
    return HeadStart(MODEL, network, lambda index: TensorState(ENDS[index]), None, worth, copies, options, folder)


def run(head_start: HeadStart, check: Callable[[], None] = lambda: None) -> tuple[tuple[float, ...], list[int]]:
    seen: list[int] = []
    understanding = head_start.run(lambda done, count: seen.append(done / count), check)
    return understanding.explained, seen


def test_learns_the_value_function(tmp_path: Path) -> None:
    """V of a mixture for a quadratic reward has a closed form; its gradient is what steers."""
    head_start = gaussian(tmp_path)
    explained, seen = run(head_start)
    exact = ExactValue(MODEL, REWARD, head_start.strength)
    for time in (0.3, 0.5, 0.7):
        x = TensorState(torch.linspace(-1.5, 3.5, 41)[:, None] * time)
        t = torch.full((41,), time)
        found, expected = (value.gradient(x, t).parts["x"] for value in (head_start.learned, exact))
        scale = float(expected.square().mean().sqrt())
        assert float((found - expected).square().mean().sqrt()) < 0.15 * scale
    assert explained[-1] > 0.9 > explained[0]
    assert seen[-1] == 1
    assert seen == sorted(seen)


def test_an_interrupted_one_goes_on_bit_for_bit(tmp_path: Path) -> None:
    options = HeadStartOptions(epochs=1, batch_size=256)
    whole = gaussian(tmp_path / "whole", options, width=8, views=1)
    assert whole.portions == 4
    run(whole)
    stopped, asked = gaussian(tmp_path / "stopped", options, width=8, views=1), 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked > whole.batches * 3:  # half-way through the second portion
            raise StoppedError

    with pytest.raises(StoppedError):
        run(stopped, check)
    again = gaussian(tmp_path / "stopped", options, width=8, views=1)
    run(again)
    assert again.done == 4
    for name, tensor in whole.learned.state_dict().items():
        assert torch.equal(again.learned.state_dict()[name], tensor), name


def test_features_are_standardised_anew_in_each_epoch(tmp_path: Path) -> None:
    """They drift while the network learns, and what they were at the start says little later on."""

    class Drifting(PointValue):
        seen: list[int] = []  # noqa: RUF012 - of the one network here, and of its copy

        def observe(self, x: State, t: Tensor) -> None:
            self.seen.append(len(t))

    head_start = gaussian(tmp_path, HeadStartOptions(epochs=2, batch_size=256), width=8, views=1)
    head_start.learned.features = Drifting(1, PointValueConfig(width=8), seed=0)
    head_start.optimiser = torch.optim.AdamW(head_start.learned.parameters())
    run(head_start)
    assert len(Drifting.seen) == 2 * 4 * SHOWN // 256, "some batches in each epoch of four portions"


def test_the_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    options = HeadStartOptions(epochs=1, batch_size=512)
    run(gaussian(tmp_path, options, width=8, views=1))
    with pytest.raises(CheckpointError, match="does not fit"):
        run(gaussian(tmp_path, options, width=16, views=1))


def test_a_large_strength_is_lowered(tmp_path: Path) -> None:
    """To half a deviation of the reward, beyond which a few samples would outweigh all others."""
    spread = float(REWARD(ENDS).std(correction=0))
    assert gaussian(tmp_path, strength=100.0).strength == pytest.approx(0.5 / spread)
    assert gaussian(tmp_path, strength=0.3 / spread).strength == pytest.approx(0.3 / spread)


def test_leaves_the_value_function_it_is_given(tmp_path: Path) -> None:
    network = ValueNet(PointValue(1, PointValueConfig(width=8), seed=0), MODEL.schedules, 1.0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    options = HeadStartOptions(epochs=1, batch_size=512)
    run(
        HeadStart(
            MODEL,
            network,
            lambda index: TensorState(ENDS[index]),
            None,
            REWARD(ENDS),
            torch.ones(len(ENDS), dtype=torch.int64),
            options,
            tmp_path,
        )
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_rewards_that_are_all_the_same_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="worth the same"):
        gaussian(tmp_path, rewards=torch.ones(len(ENDS), dtype=torch.int64))


@pytest.mark.parametrize("reads", ["state", "endpoint"])
def test_learns_of_molecules(tmp_path: Path, reads: str) -> None:
    """Of all sizes; the base is asked for endpoints only where the network reads them."""
    model = tiny_model()
    generator = torch.Generator().manual_seed(0)
    sizes = model.sample_condition(60, generator)
    ends = model.noise(sizes, 60, generator).project()
    asked: list[int] = []

    class Watched:
        schedules = model.schedules

        def predict_endpoint(self, x: State, t: Tensor) -> State:
            asked.append(len(x))
            return model.predict_endpoint(x, t)

    network = ValueNet(
        build_features(model, "A", reads=reads),  # type: ignore[arg-type]
        model.schedules,
        1.0,
        conditions=model.conditions,
    )
    rewards = ends.parts["types"][:, :, 0].sum(dim=1)
    options = HeadStartOptions(epochs=1, batch_size=16, first=0.4, last=0.8)
    head_start = HeadStart(
        Watched(),  # type: ignore[arg-type]
        network,
        lambda index: MoleculeState.cat([ends]).select(index),
        sizes,
        rewards,
        torch.full((60,), 2),
        options,
        tmp_path,
    )
    explained, _ = run(head_start)
    assert len(explained) == 5
    assert bool(asked) == (reads == "endpoint")
    settled = ValueNet(build_features(model, "A"), model.schedules, head_start.strength, conditions=model.conditions)
    settled.settle_log_partition(sizes, head_start.strength * rewards)
    every = torch.tensor(model.conditions)
    torch.testing.assert_close(head_start.learned.initial_value(every), settled.initial_value(every))
    assert settled.initial_value(every).abs().min() > 0


def test_every_sample_is_noised_as_often_as_it_should_be(tmp_path: Path) -> None:
    views = torch.ones(len(ENDS), dtype=torch.int64)
    views[:400] = 9
    network = ValueNet(PointValue(1, PointValueConfig(width=8), seed=0), MODEL.schedules, 1.0)
    seen: list[Tensor] = []

    def known(index: Tensor) -> State:
        seen.append(index)
        return TensorState(ENDS[index])

    options = HeadStartOptions(epochs=1, batch_size=512)
    head_start = HeadStart(MODEL, network, known, None, REWARD(ENDS), views, options, tmp_path)
    drawn = len(head_start.learned_from)
    run(head_start)
    counts = torch.bincount(torch.cat(seen)[: head_start.portions * head_start.size], minlength=len(ENDS))
    learned = torch.ones(len(ENDS), dtype=torch.bool)
    learned[head_start.held_out] = False
    assert drawn == int(views[learned].sum())
    assert bool((counts[learned] >= views[learned]).all())
    # The often noised ones are spread over all of the training, not at its end.
    often = (torch.cat(seen)[:drawn] < 400).float()
    first, last = (float(part.mean()) for part in (often[: drawn // 2], often[drawn // 2 :]))
    assert first == pytest.approx(last, abs=0.05)


def test_what_cannot_be_told_is_zero(tmp_path: Path) -> None:
    """A manifest has no numbers that are not finite: of one held-out sample there is no correlation."""
    ends = torch.tensor([[float(i)] for i in range(12)])
    network = ValueNet(PointValue(1, PointValueConfig(width=8), seed=0), MODEL.schedules, 1.0)
    options, views = HeadStartOptions(epochs=1, batch_size=4), torch.ones(12, dtype=torch.int64)
    head_start = HeadStart(MODEL, network, lambda i: TensorState(ends[i]), None, ends[:, 0], views, options, tmp_path)
    assert len(head_start.held_out) == 1
    assert run(head_start)[0] == (0.0,) * 5
