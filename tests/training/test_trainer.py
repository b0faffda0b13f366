"""The loop: it goes on as if it had never stopped, and it refuses what cannot be learned from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.errors import CheckpointError, ConfigError, DivergenceError, RewardError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.objectives import ClassifierGuidance, ClassifierGuidanceOptions, ValueMatching, ValueMatchingOptions
from molvm.rewards.base import Direction, Failure, Outcome
from molvm.rewards.constraint import Constraint
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions
from molvm.training.checkpoint import TENSORS_FILE, has_checkpoint, load_checkpoint, save_checkpoint
from molvm.training.lagrangian import AugmentedLagrangian
from molvm.training.trainer import Iteration, Scorer, Trainer, TrainerOptions
from molvm.values.ladder import build_features
from tests.runs.tiny import tiny_model

STRENGTH = 1.5
OPTIONS = TrainerOptions(
    iterations=6,
    batch_size=8,
    sampling=SamplingOptions(steps=5),
    learning_rate=3e-3,
    constant_iterations=2,
    checkpoint_every=4,
    seed=3,
)
FAILED = Failure("rejected", "far", "too far out")


def toy_model() -> GaussianMixtureModel:
    """Two classes of points in the plane."""
    laws = [GaussianMixture.of([0.5, 0.5], [[0.0, 1.0], [2.0, shift]], [[1.0, 0.5]] * 2) for shift in (0.0, -1.0)]
    return GaussianMixtureModel(tuple(laws), LinearSchedule())


def score_points(samples: list[Tensor]) -> list[Outcome]:
    """The first coordinate; points on the far left fail."""
    values = [float(sample[0]) for sample in samples]
    return [
        Outcome(str(index), None, failure=FAILED) if value < -0.5 else Outcome(str(index), value)
        for index, value in enumerate(values)
    ]


def score_bounded_points(samples: list[Tensor]) -> list[Outcome]:
    """The same, with the second coordinate to be kept below 0."""
    return [
        replace(outcome, details={"second": float(sample[1])}) if outcome.ok else outcome
        for outcome, sample in zip(score_points(samples), samples, strict=True)
    ]


def score_molecules(samples: list[Molecule]) -> list[Outcome]:
    """How many atoms are hydrogens; molecules without any fail."""
    counts = [int((molecule.elements == 1).sum()) for molecule in samples]
    return [
        Outcome(molecule.id, float(count)) if count else Outcome(molecule.id, None, failure=FAILED)
        for molecule, count in zip(samples, counts, strict=True)
    ]


PLAIN = ValueMatchingOptions()
REMEMBERING = ValueMatchingOptions(ito=True, replay=2, replay_points=3, average=0.9)
GUIDING = ClassifierGuidanceOptions()
RENOISING = ClassifierGuidanceOptions(renoise=True, replay=2, average=0.9)

SETTINGS: dict[str, tuple[Any, ...]] = {
    "points": (toy_model, score_points, [0, 1], PLAIN),
    "molecules": (tiny_model, score_molecules, [3, 4, 5], PLAIN),
    "remembered points": (toy_model, score_points, [0, 1], REMEMBERING),
    "bounded points": (toy_model, score_bounded_points, [0, 1], PLAIN, Constraint("second", None)),
    "remembered molecules": (tiny_model, score_molecules, [3, 4, 5], REMEMBERING),
    "guided points": (toy_model, score_points, [0, 1], GUIDING),
    "guided molecules": (tiny_model, score_molecules, [3, 4, 5], RENOISING),
}


def build(
    folder: Path,
    kind: str = "points",
    options: TrainerOptions = OPTIONS,
    score: Scorer | None = None,
    floor: float = -1.0,
    direction: Direction = "maximise",
) -> Trainer:
    make, default_score, conditions, chosen, *bounds = SETTINGS[kind]
    model = make()
    features = build_features(model, "A", torch.Generator().manual_seed(0))
    algorithm: Any = ClassifierGuidance if isinstance(chosen, ClassifierGuidanceOptions) else ValueMatching
    objective = algorithm.build(features, model.schedules, STRENGTH, conditions=conditions, options=chosen)
    return Trainer(
        model,
        objective,
        score or default_score,
        options,
        strength=STRENGTH,
        floor=floor,
        checkpoints=folder,
        direction=direction,
        adjustments=[AugmentedLagrangian(bounds)] if bounds else [],
    )


def everything(trainer: Trainer) -> dict[str, Tensor]:
    """All that decides how the training goes on."""
    tensors = {name: value.clone() for name, value in trainer.objective.state_dict().items()}
    for index, state in trainer.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value.clone() for name, value in state.items()}
    for adjustment in trainer.adjustments:
        tensors |= {f"{adjustment.name}.{name}": value for name, value in adjustment.state_dict().items()}
    return {**tensors, "generator": trainer.generator.get_state()}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def lasting(report: Iteration) -> dict[str, Any]:
    """What a report says, but for how long it took."""
    metrics = {name: value for name, value in report.metrics.items() if not name.startswith("seconds_")}
    return {
        "index": report.index,
        **metrics,
        "rewards": report.rewards.tolist(),
        "log_weights": report.log_weights.tolist(),
    }


def train(trainer: Trainer, **options: Any) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    trainer.run(lambda report: reports.append(lasting(report)), **options)
    return reports


def stop_after(count: int) -> Callable[[], bool]:
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= count


@pytest.fixture(scope="module", params=list(SETTINGS))
def uninterrupted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The kind of a training, all its reports, and what it ends with."""
    trainer = build(tmp_path_factory.mktemp("whole"), request.param)
    reports = train(trainer)
    return request.param, reports, everything(trainer)


def test_the_training_has_something_to_lose(uninterrupted) -> None:
    """Else the tests of resumption below would prove nothing: weights move, some samples fail and some do not."""
    kind, reports, final = uninterrupted
    before = build(Path("unused"), kind).objective.state_dict()
    assert [report["index"] for report in reports] == list(range(OPTIONS.iterations))
    for name, value in before.items():
        if ".features" in name and name.endswith("weight"):
            assert not torch.equal(value, final[name]), name
    assert 0 < sum(report["failures"] for report in reports) < OPTIONS.iterations
    assert all(math.isfinite(value) for report in reports for value in report.values() if isinstance(value, float))


@pytest.mark.parametrize("stops", [(1,), (3,), (4,), (5,), (1, 1, 2)], ids=str)
def test_stopped_and_resumed_is_as_if_never_stopped(uninterrupted, stops: tuple[int, ...], tmp_path: Path) -> None:
    kind, expected, final = uninterrupted
    reports: list[dict[str, Any]] = []
    for count in stops:
        trainer = build(tmp_path, kind)
        if reports:
            trainer.resume()
        reports += train(trainer, stop=stop_after(count))
        assert trainer.iteration == len(reports) == load_checkpoint(tmp_path).step
    trainer = build(tmp_path, kind)
    trainer.resume()
    reports += train(trainer)
    assert reports == expected
    assert_same(everything(trainer), final)
    assert load_checkpoint(tmp_path).step == OPTIONS.iterations


class AbandonedError(Exception):
    pass


@pytest.mark.parametrize(("iteration", "step"), [(0, 1), (2, 1), (2, 3), (3, 5)])
def test_an_abandoned_rollout_leaves_no_trace(uninterrupted, iteration: int, step: int, tmp_path: Path) -> None:
    kind, expected, final = uninterrupted
    trainer = build(tmp_path, kind)

    def on_step(done: int, steps: int) -> None:
        assert steps == OPTIONS.sampling.steps
        if (trainer.iteration, done) == (iteration, step):
            raise AbandonedError

    reports: list[dict[str, Any]] = []
    with pytest.raises(AbandonedError):
        trainer.run(lambda report: reports.append(lasting(report)), on_step)
    trainer.save()
    assert load_checkpoint(tmp_path).step == iteration == len(reports)
    again = build(tmp_path, kind)
    again.resume()
    reports += train(again)
    assert reports == expected
    assert_same(everything(again), final)


def test_a_scorer_that_raises_leaves_no_trace(uninterrupted, tmp_path: Path) -> None:
    """As when a signal comes while rewards are computed."""
    kind, expected, final = uninterrupted
    calls = 0

    def score(samples: list[Any]) -> list[Outcome]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise AbandonedError
        return SETTINGS[kind][1](samples)

    trainer = build(tmp_path, kind, score=score)
    with pytest.raises(AbandonedError):
        trainer.run()
    trainer.save()
    again = build(tmp_path, kind)
    again.resume()
    assert train(again) == expected[2:]
    assert_same(everything(again), final)


def test_training_on_does_not_touch_the_checkpoint_it_came_from(tmp_path: Path) -> None:
    train(build(tmp_path), stop=stop_after(2))
    tensors = tmp_path / "step-00000002" / TENSORS_FILE
    before = tensors.read_bytes()
    trainer = build(tmp_path)
    trainer.resume()
    train(trainer, stop=stop_after(1))
    assert tensors.read_bytes() == before


def test_a_finished_training_does_nothing_more(tmp_path: Path) -> None:
    options = replace(OPTIONS, iterations=2)
    train(build(tmp_path, options=options))
    trainer = build(tmp_path, options=options)
    trainer.resume()
    before = everything(trainer)
    assert train(trainer) == []
    assert_same(everything(trainer), before)


def test_checkpoints_fall_due_and_records_come_first(tmp_path: Path) -> None:
    """At each report the checkpoints are those of earlier iterations."""
    seen: list[tuple[int, int | None]] = []

    def on_iteration(report: Iteration) -> None:
        seen.append((report.index + 1, load_checkpoint(tmp_path).step if has_checkpoint(tmp_path) else None))

    build(tmp_path, options=replace(OPTIONS, checkpoint_every=2, iterations=5)).run(on_iteration)
    assert seen == [(1, None), (2, None), (3, 2), (4, 2), (5, 4)]
    assert load_checkpoint(tmp_path).step == 5


def test_resuming_from_nothing_or_from_something_else(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        build(tmp_path).resume()
    save_checkpoint(tmp_path, 1, {"x": torch.zeros(1)}, {"objective": "another"})
    with pytest.raises(CheckpointError, match="'another'"):
        build(tmp_path).resume()
    other = {"objective": "value_matching", "strength": 2 * STRENGTH}
    save_checkpoint(tmp_path, 2, {"x": torch.zeros(1)}, other)
    with pytest.raises(CheckpointError, match="was trained with λ"):
        build(tmp_path).resume()
    train(build(tmp_path / "molecules", "molecules"), stop=stop_after(1))
    with pytest.raises(CheckpointError, match="does not fit"):
        build(tmp_path / "molecules").resume()


def test_the_learning_rate_is_constant_then_half_a_cosine() -> None:
    options = TrainerOptions(iterations=300, learning_rate=2e-3, constant_iterations=100)
    assert {options.rate(iteration) for iteration in (0, 50, 100)} == {2e-3}
    assert options.rate(200) == pytest.approx(2e-3 * (0.01 + 0.99 / 2))
    assert options.rate(150) == pytest.approx(2e-3 * (0.01 + 0.99 * math.cos(math.pi / 8) ** 2))
    assert options.rate(299) == pytest.approx(2e-5, rel=0.01)
    assert options.rate(300) == options.rate(400) == pytest.approx(2e-5)
    rates = [options.rate(iteration) for iteration in range(100, 301)]
    assert rates == sorted(rates, reverse=True)
    short = TrainerOptions(iterations=20, constant_iterations=100)
    assert {short.rate(iteration) for iteration in range(20)} == {1e-4}


def test_the_optimiser_steps_at_the_learning_rate(tmp_path: Path) -> None:
    """Adam's first step is the rate times the sign of the gradient, whatever its size."""
    trainer = build(tmp_path, options=replace(OPTIONS, iterations=1))
    before = {name: value.clone() for name, value in trainer.objective.state_dict().items()}
    reports = train(trainer)
    moved = trainer.objective.state_dict()["value.features.layers.6.weight"] - before["value.features.layers.6.weight"]
    assert float(moved.abs().max()) == pytest.approx(OPTIONS.learning_rate, rel=1e-3)
    assert reports[0]["learning_rate"] == OPTIONS.learning_rate


def constant(*values: float | None) -> Scorer:
    """Repeats the values over the batch; None fails."""

    def score(samples: list[Any]) -> list[Outcome]:
        chosen = [values[index % len(values)] for index in range(len(samples))]
        return [
            Outcome(str(index), value, failure=FAILED if value is None else None) for index, value in enumerate(chosen)
        ]

    return score


@pytest.mark.parametrize(("direction", "sign"), [("maximise", 1), ("minimise", -1)])
def test_failures_at_the_floor_and_rewards_to_minimise(direction: Direction, sign: int, tmp_path: Path) -> None:
    options = replace(OPTIONS, iterations=1)
    score, floor = constant(2.0, None, 5.0, None), -9.0 * sign
    report = train(build(tmp_path, options=options, score=score, floor=floor, direction=direction))[0]
    assert report["rewards"] == [sign * 2.0, -9.0, sign * 5.0, -9.0] * 2
    # In the reward's own sense, unlike the worth.
    assert report["reward"] == pytest.approx((2.0 + floor + 5.0 + floor) / 4)
    assert report["reward_valid"] == pytest.approx(3.5)
    assert report["failures"] == 0.5


def test_a_batch_of_failures_only_has_no_mean_value(tmp_path: Path) -> None:
    report = train(build(tmp_path, options=replace(OPTIONS, iterations=1), score=constant(None), floor=-3.0))[0]
    assert report["failures"] == 1.0
    assert report["reward"] == -3.0
    assert "reward_valid" not in report


@pytest.mark.parametrize("extra", [-8, -1, 1])
def test_the_wrong_number_of_outcomes(extra: int, tmp_path: Path) -> None:
    def score(samples: list[Any]) -> list[Outcome]:
        return constant(1.0)([None] * (len(samples) + extra))

    trainer = build(tmp_path, score=score)
    with pytest.raises(RewardError, match="8 samples"):
        trainer.run()
    assert trainer.iteration == 0
    assert not has_checkpoint(tmp_path)


def test_a_gradient_that_is_not_finite(tmp_path: Path) -> None:
    """Neither the weights nor the checkpoints are spoiled."""
    trainer = build(tmp_path, options=replace(OPTIONS, checkpoint_every=1))
    train(trainer, stop=stop_after(2))
    before = {name: value.clone() for name, value in trainer.objective.state_dict().items()}
    spoiled = next(iter(trainer.objective.parameters())).register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(DivergenceError, match="gradient is not finite in iteration 2"):
        trainer.run()
    spoiled.remove()
    assert load_checkpoint(tmp_path).step == 2
    for name, value in trainer.objective.state_dict().items():
        if name.startswith("value.features"):
            assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("iterations", "batch_size", "checkpoint_every", "learning_rate", "clip")),
        ("learning_rate", math.nan),
        ("learning_rate", -1e-4),
        ("clip", math.inf),
        ("final_learning_rate_share", -0.1),
        ("final_learning_rate_share", math.nan),
        ("constant_iterations", -1),
        ("warmup", -1),
        ("weight_decay", -0.1),
        ("weight_decay", math.inf),
    ],
)
def test_options_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        TrainerOptions(**{name: value})


def test_the_seed_decides(tmp_path: Path) -> None:
    options = replace(OPTIONS, iterations=1)
    first, again, other = (
        train(build(tmp_path / str(index), options=replace(options, seed=seed)))[0]["rewards"]
        for index, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first != other


def test_large_gradients_are_clipped(tmp_path: Path) -> None:
    """The reported norm is that before clipping; what reaches the optimiser is not longer than `clip`."""
    trainer = build(tmp_path, options=replace(OPTIONS, iterations=1, clip=1e-3), score=constant(100.0, -100.0))
    report = train(trainer)[0]
    norms = [parameter.grad.norm() for parameter in trainer.objective.parameters() if parameter.grad is not None]
    assert report["gradient_norm"] > 1e-2
    assert float(torch.stack(norms).norm()) == pytest.approx(1e-3, rel=1e-2)


def test_several_updates_learn_from_one_rollout(tmp_path: Path) -> None:
    """The network takes every step; the table of V₀ counts each sample once."""
    once, thrice = (
        build(tmp_path / str(updates), options=replace(OPTIONS, iterations=2, updates=updates)) for updates in (1, 3)
    )
    first, second = train(once), train(thrice)
    assert first[0]["reward"] == second[0]["reward"]
    assert {int(state["step"]) for state in once.optimiser.state_dict()["state"].values()} == {2}
    assert {int(state["step"]) for state in thrice.optimiser.state_dict()["state"].values()} == {6}
    counts = [trainer.objective.state_dict()["value.baseline_count"] for trainer in (once, thrice)]
    torch.testing.assert_close(*counts)
    assert second[1]["reward"] != first[1]["reward"]


def test_nothing_steers_during_the_warm_up(tmp_path: Path) -> None:
    options = replace(OPTIONS, iterations=4, learning_rate=0.1, warmup=2)
    reports = train(build(tmp_path / "warm", options=options))
    assert [report["kl"] > 0 for report in reports] == [False, False, True, True]
    at_once = train(build(tmp_path / "cold", options=replace(options, warmup=0)))
    assert [report["kl"] > 0 for report in at_once] == [False, True, True, True]


def test_weights_decay(tmp_path: Path) -> None:
    """With rewards that teach nothing, each step takes the share rate times decay of the weights."""
    options = replace(OPTIONS, iterations=3, weight_decay=5.0, constant_iterations=3)
    trainer = build(tmp_path, options=options, score=constant(0.0, 0.0))
    before = trainer.objective.state_dict()["value.features.layers.0.weight"].clone()
    train(trainer)
    after = trainer.objective.state_dict()["value.features.layers.0.weight"]
    torch.testing.assert_close(after, before * (1 - options.learning_rate * options.weight_decay) ** 3)


def test_values_are_learned_at_the_memoryless_noise_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="memoryless"):
        build(tmp_path, "guided points", replace(OPTIONS, sampling=SamplingOptions(noise_level=0.5)))


def test_guidance_learns_from_the_base_alone(tmp_path: Path) -> None:
    """Its rollouts are the base's, bit for bit, whatever it has learned; what it hands out steers."""
    learned = build(tmp_path / "learned", "guided points", replace(OPTIONS, learning_rate=0.03))
    idle = build(tmp_path / "idle", "guided points", replace(OPTIONS, learning_rate=1e-12))
    reports, expected = train(learned), train(idle)
    assert [report["rewards"] for report in reports] == [report["rewards"] for report in expected]
    assert {report["kl"] for report in reports} == {0.0}
    assert reports[-1]["loss"] != expected[-1]["loss"]
    x = learned.model.noise(torch.zeros(3, dtype=torch.int64), 3, torch.Generator().manual_seed(0))
    assert learned.objective.control is not None
    assert float(learned.objective.control.gradient(x, torch.full((3,), 0.5)).squared_norm().min()) > 0
