"""DPOK and CT-PPO: their KL, their advantages, their gradients, and where they end, on Gaussians that are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from molvm.objectives import CtPpo, CtPpoOptions, Dpok, DpokOptions, Rollout
from molvm.objectives.actor_critic import ActorCritic, advantages_along, step_kl
from molvm.sde import SamplingOptions, simulate
from molvm.states import TensorState
from molvm.training.trainer import Trainer, TrainerOptions
from molvm.values.control import ControlNet
from molvm.values.ladder import build_control_features
from tests.objectives.test_ddpo import MODEL, scored
from tests.objectives.test_policy_gradient import gradient_of, ingredients, learner, rollout

MEAN, VARIANCE = torch.tensor([0.5, 0.0]), torch.tensor([0.49, 0.3])

METHODS = ((Dpok, DpokOptions), (CtPpo, CtPpoOptions))


def test_the_kl_of_a_step_is_that_of_its_gaussians() -> None:
    learned = learner(Dpok, DpokOptions())
    path = rollout(learned).trajectory
    for k, step in enumerate(path.transitions):
        x, t = path.states[k], path.times[k].expand(12)
        field, mean = learned.control.gradient(x, t), x.scale(step.keep) + MODEL.predict_endpoint(x, t).scale(step.pull)
        laws = [Normal(each.parts["x"], step.noise["x"]) for each in (mean - field.scale(step.shift), mean)]
        torch.testing.assert_close(step_kl(step, field), kl_divergence(*laws).sum(1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_without_anything_to_gain_the_kl_falls(method: type[ActorCritic], options: type) -> None:
    """Its sign: where the reward is the same for all, a step of descent brings the control nearer to the base."""
    learned = learner(method, options(log_density="sum"))
    path = rollout(learned, count=256).trajectory
    batch = Rollout(path, torch.ones(256), 1.0)
    before = float(learned.observe(batch)["kl"])
    learned.backward(batch)
    with torch.no_grad():
        for weight in learned.control.parameters():
            if weight.grad is not None:
                weight -= 0.02 * weight.grad
    after = float(rollout(learned, count=256).trajectory.path_cost.mean())
    assert after < before


def test_advantages_are_traced_as_far_as_is_asked() -> None:
    generator = torch.Generator().manual_seed(0)
    values, costs = torch.randn(6, 3, generator=generator), torch.rand(5, 3, generator=generator)
    whole = values[:-1] - values[-1] - torch.stack([costs[k:].sum(0) for k in range(5)])
    torch.testing.assert_close(advantages_along(values, costs, 1.0), whole)
    torch.testing.assert_close(advantages_along(values, costs, 0.0), values[:-1] - values[1:] - costs)
    half = advantages_along(values, costs, 0.5)
    torch.testing.assert_close(half[0], values[0] - values[1] - costs[0] + 0.5 * half[1])


def pathwise_gradient(learned: ActorCritic, batch: Rollout, *, costs: bool) -> Tensor:
    """Of −E[λ x₁] + Σ KL, or −E[λ x₁] alone, through the steps of the very same paths."""
    path, x = batch.trajectory, batch.trajectory.states[0].parts["x"]
    paid = torch.zeros(len(x))
    for k, step in enumerate(path.transitions):
        t, alpha = path.times[k], float(path.times[k])
        gain = alpha * VARIANCE / (alpha**2 * VARIANCE + (1 - alpha) ** 2)
        endpoint = MEAN + gain * (x - alpha * MEAN)
        field = learned.control(TensorState(x), t.expand(len(x)))
        paid = paid + step_kl(step, field)
        x = (
            step.keep["x"] * x
            + step.pull["x"] * endpoint
            - step.shift["x"] * field.parts["x"]
            + step.noise["x"] * path.noises[k].parts["x"]
        )
    torch.testing.assert_close(x.detach(), path.terminal.parts["x"], rtol=1e-3, atol=1e-3)
    learned.control.zero_grad()
    loss = -batch.strength * x[:, 0] + (paid if costs else 0)
    (loss.mean() / path.steps).backward()
    found = gradient_of(learned)
    learned.control.zero_grad()
    return found


def test_the_gradient_of_ct_ppo_is_that_of_reward_less_kl() -> None:
    """By differentiating through the paths, which the method does not do."""
    learned = learner(CtPpo, CtPpoOptions(log_density="sum"), strength=0.3)
    batch = rollout(learned, count=8192)
    batch = Rollout(batch.trajectory, batch.trajectory.terminal.parts["x"][:, 0], 0.3)
    expected, without = (pathwise_gradient(learned, batch, costs=costs) for costs in (True, False))
    learned.observe(batch)
    learned.backward(batch)
    found = gradient_of(learned)
    assert float((found - expected).norm() / expected.norm()) < 0.15
    assert float((found - without).norm() / expected.norm()) > 0.3  # the cost is a part of it that shows


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_it_ends_at_the_tilted_law(method: type[ActorCritic], options: type, tmp_path: Path) -> None:
    """N(m, S) and r = x: N(m + λ S, S), reached with a KL of λ² S / 2, no more; the control is the same everywhere."""
    strength = 1.5
    control = ControlNet(build_control_features(MODEL, "A"), MODEL.schedules, strength)
    objective = method.build(control, options(clip_range=0.2), ingredients(MODEL))
    sampling = SamplingOptions(steps=10)
    training = TrainerOptions(80, 64, updates=2, sampling=sampling, learning_rate=4e-3, clip=10.0, checkpoint_every=99)
    trainer = Trainer(MODEL, objective, scored, training, strength=strength, floor=-10.0, checkpoints=tmp_path)
    costs: list[float] = []
    trainer.run(lambda report: costs.append(report.metrics["kl"]))
    generator = torch.Generator().manual_seed(1)
    path = simulate(
        MODEL, MODEL.noise(None, 4000, generator), sampling.grid(MODEL.schedules), control=control, generator=generator
    )
    found = path.terminal.parts["x"]
    assert found[:, 0].mean() == pytest.approx(0.5 + strength * 0.49, abs=0.15)
    assert found[:, 1].mean() == pytest.approx(0.0, abs=0.1)
    assert found[:, 0].std() == pytest.approx(0.7, abs=0.08)
    exact = strength**2 * 0.49 / 2
    assert float(path.path_cost.mean()) == pytest.approx(exact, rel=0.3)
    assert max(costs) < 2 * exact
