"""What is added to Value Matching, tried where the answer is known: `python benchmarks/variants.py --dimension 2`.

Each variant changes molvm's arm of `exact.py` in one thing, and is asked for the reward calls to the same goal, at the
learning rate that is best for it. Those that are part of molvm are options; the others live here alone, because they
did not earn a place (docs/adr/0008-what-value-matching-was-given.md).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from exact import ARMS, Arm, measured, smooth, step
from torch import Tensor

from molvm.objectives import Rollout, ValueMatching
from molvm.objectives.accumulate import add_gradients

FADING = 0.8
"""What is left of running moments after another rollout."""


class FittedCoefficient(ValueMatching):
    """The Itô integral with the coefficient that took the most variance away in the rollouts before (F1)."""

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        found = super().observe(rollout)
        noise = rollout.trajectory.ito_to_go()
        residual = self._plain(rollout) - _values(self, rollout)
        covariance = _centred(residual).mul(_centred(noise)).mean(dim=1)
        self._moments = _faded(getattr(self, "_moments", None), torch.stack([covariance, noise.var(dim=1)]))
        return found

    def _plain(self, rollout: Rollout) -> Tensor:
        return super()._cost_to_go(rollout) - rollout.trajectory.ito_to_go()

    def _cost_to_go(self, rollout: Rollout) -> Tensor:
        moments = getattr(self, "_moments", None)
        noise = rollout.trajectory.ito_to_go()
        if moments is None:
            return self._plain(rollout) + noise
        coefficient = (-moments[0] / moments[1].clamp(min=1e-12)).clamp(0, 5)
        return self._plain(rollout) + coefficient[:, None] * noise


class InverseVariance(ValueMatching):
    """Times weighted by the inverse of the targets' running variance about V (F11)."""

    floor = 0.05

    def observe(self, rollout: Rollout) -> Mapping[str, float]:
        found = super().observe(rollout)
        variance = _centred(self._cost_to_go(rollout) - _values(self, rollout)).square().mean(dim=1)
        self._variance = _faded(getattr(self, "_variance", None), variance)
        return found

    def _weights(self, times: Tensor) -> Tensor:
        paper = super()._weights(times)
        variance = getattr(self, "_variance", None)
        if variance is None:
            return paper
        relative = variance / variance.max()
        mine = paper.gt(0) / (relative + self.floor)
        return mine * paper.sum() / mine.sum()


class LogVariance(ValueMatching):
    """The variance of the whole path's target over the batch, differentiated through the control (F6)."""

    keeps_increments = True

    def backward(self, rollout: Rollout, part: int = 0, parts: int = 1) -> Mapping[str, float]:
        del part, parts
        path, count = rollout.trajectory, len(rollout.rewards)
        x = torch.cat([state.parts["x"] for state in path.states[:-1]]).to(self.value.dtype)
        times = path.times[:-1].repeat_interleave(count).to(x)
        increments = torch.cat([each.parts["x"] for each in path.increments]).to(x)
        leverage = torch.tensor([float(each.leverage["x"]) for each in path.transitions]).repeat_interleave(count).to(x)
        kind = type(path.terminal)

        def loss(_: Tensor) -> tuple[Tensor, tuple[float]]:
            leaf = x.clone().requires_grad_(True)
            values = self.value._varying(kind(leaf), times)
            (slope,) = torch.autograd.grad(values.sum(), leaf, create_graph=True)
            control = -slope * leverage[:, None]
            paid = (control * increments).sum(dim=1) - control.square().sum(dim=1) / 2
            target = paid.reshape(-1, count).sum(dim=0) - rollout.strength * rollout.rewards.to(paid)
            return target.var() / self.value.unit**2, (0.0,)

        parameters = [each for each in self.value.parameters() if each.requires_grad]
        found, _ = add_gradients(loss, [torch.arange(len(x))], parameters, x.device)
        return {"loss": found}


def _values(objective: ValueMatching, rollout: Rollout) -> Tensor:
    """V by the averaged weights at all points of the paths, shape (K+1, B)."""
    path, count = rollout.trajectory, len(rollout.rewards)
    with torch.no_grad():
        values = objective.control(type(path.terminal).cat(path.states), path.times.repeat_interleave(count).float())
    return values.reshape(-1, count).to(path.running_cost)


def _centred(values: Tensor) -> Tensor:
    return values - values.mean(dim=1, keepdim=True)


def _faded(old: Tensor | None, new: Tensor) -> Tensor:
    return new if old is None else FADING * old + (1 - FADING) * new


def variants() -> Iterable[tuple[str, Arm]]:
    """By name: molvm's arm, and the same with one thing changed."""
    ours = ARMS["molvm"]
    plain = replace(ours, options=replace(ours.options, trace=0.0), look_ahead=0)
    yield "newest rollout alone", plain
    yield "old paths with targets of now", replace(plain, options=replace(plain.options, replay=8, retarget=True))
    yield (
        "old points with their own targets",
        replace(plain, options=replace(plain.options, replay=8, replay_points=50)),
    )
    yield "without Ito integral", replace(plain, options=replace(plain.options, ito=False))
    yield "without average of the weights", replace(plain, options=replace(plain.options, average=0.0))
    yield "without gate", replace(plain, options=replace(plain.options, gate=False))
    yield "horizon 0.3", replace(plain, options=replace(plain.options, horizon=0.3))
    yield "fitted coefficient", replace(plain, objective=FittedCoefficient)
    yield "traces", replace(plain, options=replace(plain.options, trace=0.3))
    yield "look-ahead and traces", replace(plain, options=replace(plain.options, trace=0.3), look_ahead=1)
    yield "inverse variance", replace(plain, objective=InverseVariance)
    yield "log-variance", replace(plain, objective=LogVariance)
    yield "look-ahead", replace(plain, look_ahead=1)
    yield (
        "look-ahead and old paths",
        replace(plain, options=replace(plain.options, replay=8, retarget=True), look_ahead=1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimension", type=int, default=2)
    parser.add_argument("--reward", choices=["smooth", "step"], default="smooth")
    parser.add_argument("--calls", type=int, default=4096, help="reward calls after which a variant gives up")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="variants by name; all by default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    torch.set_num_threads(1)
    problem = step(options.dimension) if options.reward == "step" else smooth(options.dimension)
    found = {}
    for name, arm in variants():
        if options.only and name not in options.only:
            continue
        found[name] = measured(problem, arm, options.calls, options.seeds)
        calls = [run["calls"] for run in found[name]["runs"]]
        print(json.dumps({"variant": name, "rate": found[name]["rate"], "calls": calls}), flush=True)
    if options.out:
        record = {"dimension": options.dimension, "reward": options.reward, "variants": found}
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
