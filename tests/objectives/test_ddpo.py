from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
import torch
from torch.distributions import Normal

from molvm.errors import CheckpointError, ConfigError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.objectives import Objective, Rollout
from molvm.objectives.ddpo import Ddpo, DdpoOptions
from molvm.rewards.base import Outcome
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions, simulate
from molvm.states import TensorState
from molvm.training.trainer import Trainer, TrainerOptions
from molvm.values.control import ControlNet
from molvm.values.ladder import build_control_features
from tests.runs.tiny import tiny_model

MODEL = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.5, 0.0]], [[0.49, 0.3]]),), LinearSchedule())


def learner(seed: int = 0, options: DdpoOptions | None = None, model: GaussianMixtureModel = MODEL) -> Ddpo:
    features = build_control_features(model, "A", torch.Generator().manual_seed(seed))
    for name, weight in features.named_parameters():
        if name.startswith(("network.layers.6", "of_")):
            torch.nn.init.normal_(weight, std=0.1, generator=torch.Generator().manual_seed(seed + 1))
    control = ControlNet(features, model.schedules, 1.0)
    control.scale.fill_(1.0)  # the first rollout settles it, when the control is still zero
    return Ddpo(control, options)


def rollout(ddpo: Ddpo, model: GaussianMixtureModel = MODEL, steered: bool = True) -> Rollout:
    generator, options = torch.Generator().manual_seed(0), SamplingOptions(steps=8)
    noise = model.noise(model.sample_condition(12, generator), 12, generator)
    path = simulate(
        model,
        noise,
        options.grid(model.schedules),
        control=ddpo.behaviour if steered else None,
        generator=generator,
        keep_noise=True,
    )
    return Rollout(path, torch.randn(12, generator=generator), 1.0)


@pytest.mark.parametrize("model", [MODEL, tiny_model()], ids=["points", "molecules"])
@pytest.mark.parametrize("steered", [True, False])
def test_the_ratio_is_one_at_the_first_step_exactly(model: GaussianMixtureModel, steered: bool) -> None:
    ddpo = learner(model=model)
    batch = rollout(ddpo, model, steered)
    metrics = {**ddpo.observe(batch), **ddpo.backward(batch)}
    if steered:
        assert (metrics["ratio_error"], metrics["clipped"]) == (0.0, 0.0)
        assert metrics["kl"] > 0
    else:
        assert metrics["ratio_error"] > 0  # what nothing has steered is not what the control would have taken
    assert all(math.isfinite(number) for number in metrics.values())
    assert isinstance(ddpo, Objective)


def test_the_ratio_is_that_of_the_gaussians_of_the_step() -> None:
    """At every step, the last among them, whose noise is not zero."""
    ddpo, other = learner(), learner(seed=5)
    path = rollout(ddpo).trajectory
    for k, step in enumerate(path.transitions):
        x, t = path.states[k], path.times[k].expand(12)
        mean = x.scale(step.keep) + MODEL.predict_endpoint(x, t).scale(step.pull)
        fields = [each.control.gradient(x, t) for each in (ddpo, other)]
        old, new = (
            Normal((mean - field.scale(step.shift)).parts["x"], step.noise["x"])
            .log_prob(path.states[k + 1].parts["x"])
            .sum(1)
            for field in fields
        )
        found = ddpo.log_ratio(step, path.noises[k], *fields)
        assert step.noise["x"] > 0
        torch.testing.assert_close(found, new - old, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_that_of_the_policy() -> None:
    """Of −E[A log π], where the ratio is 1 and nothing is clipped."""
    ddpo = learner(options=DdpoOptions(log_density="sum"))
    batch = rollout(ddpo)
    ddpo.observe(batch)
    ddpo.backward(batch)
    found = torch.cat([weight.grad.flatten() for weight in ddpo.parameters()])
    ddpo.control.zero_grad()
    path, total = batch.trajectory, torch.zeros(())
    for k, step in enumerate(path.transitions):
        x, t = path.states[k], path.times[k].expand(12)
        mean = x.scale(step.keep) + MODEL.predict_endpoint(x, t).scale(step.pull)
        law = Normal((mean - ddpo.control(x, t).scale(step.shift)).parts["x"], step.noise["x"])
        log_density = law.log_prob(path.states[k + 1].parts["x"]).sum(1)
        total = total - (ddpo.advantages(batch.rewards) * log_density).mean() / path.steps
    total.backward()
    expected = torch.cat([weight.grad.flatten() for weight in ddpo.parameters()])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_the_mean_over_the_parts_is_the_loss() -> None:
    ddpo = learner()
    batch = rollout(ddpo)
    ddpo.observe(batch)
    whole = ddpo.backward(batch)["loss"]
    assert sum(ddpo.backward(batch, part, 2)["loss"] for part in range(2)) / 2 == pytest.approx(whole, abs=1e-6)


def test_advantages_are_normal_and_clipped() -> None:
    found = learner(options=DdpoOptions(advantage_clip=2.0)).advantages(torch.tensor([0.0] * 20 + [100.0]))
    assert float(found[:20].std()) == 0
    assert float(found[20]) == 2.0
    assert not bool(learner().advantages(torch.ones(4)).any())


def scored(samples: list[torch.Tensor]) -> list[Outcome]:
    return [Outcome(str(index), float(point[0]), "") for index, point in enumerate(samples)]


def trainer(path: Path, iterations: int, seed: int = 0) -> Trainer:
    sampling = SamplingOptions(steps=8)
    options = TrainerOptions(iterations, 64, updates=2, sampling=sampling, learning_rate=3e-3, checkpoint_every=5)
    features = build_control_features(MODEL, "A", torch.Generator().manual_seed(seed))
    ddpo = Ddpo(ControlNet(features, MODEL.schedules, 1.0), DdpoOptions(clip_range=0.1))
    return Trainer(MODEL, ddpo, scored, options, strength=1.0, floor=-10.0, checkpoints=path)


def test_it_learns_by_the_trainer_and_resumes_to_the_last_bit(tmp_path: Path) -> None:
    rewards: list[float] = []
    whole = trainer(tmp_path / "whole", 20)
    whole.run(lambda report: rewards.append(report.metrics["reward"]))
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.3
    shutil.copytree(tmp_path / "whole" / "step-00000015", tmp_path / "part" / "step-00000015")
    rest = trainer(tmp_path / "part", 20, seed=9)
    rest.resume()
    assert rest.iteration == 15
    rest.run()
    for name, tensor in whole.objective.state_dict().items():
        assert torch.equal(tensor, rest.objective.state_dict()[name])


def test_the_state_of_something_else_is_refused() -> None:
    with pytest.raises(CheckpointError, match="does not fit"):
        learner().load_state_dict({"control.other": torch.zeros(2)})
    short = rollout(learner())
    with pytest.raises(ConfigError, match="noise of a trajectory"):
        learner().observe(
            Rollout(simulate(MODEL, TensorState(torch.zeros(3, 2)), short.trajectory.times), torch.zeros(3), 1.0)
        )


@pytest.mark.parametrize("wrong", [{"clip_range": 0.0}, {"advantage_clip": math.inf}, {"log_density": "max"}])
def test_options_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        DdpoOptions(**wrong)
