"""Methods that steer a base model while it is sampled, with their rewards."""

from __future__ import annotations

from pathlib import Path
from typing import Never

from molvm.arguments import typed
from molvm.errors import ConfigError
from molvm.models.base import BaseModel
from molvm.models.hub import load_model
from molvm.programs.pasted import pasted
from molvm.rewards.base import Reward
from molvm.rewards.workers import Workers
from molvm.runs.config import RewardSection
from molvm.runs.inference import Inference, MethodOptions
from molvm.runs.reward_source import require_reward, resolve_reward
from molvm.runs.run import Run


@typed(but="reward")
def steering_by(
    model: BaseModel | Path | str,
    method: MethodOptions,
    reward: Reward | str,
    *,
    strength: float | None = None,
    value: Path | str | None = None,
    floor: float | None = None,
    workers: Workers | None = None,
) -> Inference:
    """A method that steers a base model while it is sampled, and trains nothing.

    Args:
        model: The base model, its name, or its directory.
        method: `SvddOptions`, `FeynmanKacOptions` or `BestOfOptions`.
        reward: The reward, its name, or `path.py:name`.
        strength: λ; that of the run by default, if there is one.
        value: A run of the same base and reward, by whose value function SVDD chooses; the posterior mean by default.
        floor: What a failure is worth, in the reward's unit; as the reward says by default.
        workers: Processes that evaluate the reward, or the address of a Dask scheduler.

    Raises:
        ConfigError: The run's base, reward or strength is another, or something is missing that the method needs.
        UnknownNameError: There is no such reward or model.
        RewardError: `reward` is something else, or cannot be had.
    """
    asked = resolve_reward(reward) if isinstance(reward, str) else require_reward(reward)
    section = RewardSection(name=asked.name, floor=floor, workers=workers)
    if value is None:
        return Inference(method, asked, strength, section=section)
    run = Run.open(value)
    base = load_model(model) if isinstance(model, str | Path) else model
    mine = {"model": base.name, "reward": asked.name, "strength": strength or run.config.training.strength}
    theirs = {
        "model": run.manifest.model,
        "reward": run.manifest.reward,
        "strength": run.config.training.strength,
    }
    for what, its in theirs.items():
        if mine[what] != its:
            raise ConfigError(f"The run {value} has the {what} {its!r}, and {mine[what]!r} is asked for.")
    return Inference(method, asked, run.config.training.strength, run.value(), section)


def require_no_method(run: Run) -> Never:
    """Refuse to steer a run by a method that trains nothing.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(
        f"The run {run.path} has a control that steers its samples already.",
        allowed="a base model, which SVDD, Feynman–Kac steering and best-of-N steer without training",
        remedy=f"`{pasted('molvm sample', run.config.model.name)} --method ...`, by SVDD with "
        f"{pasted('--value', run.path)}; or --exact",
    )
