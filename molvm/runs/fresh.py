"""Fresh samples of what a run makes in the end, recorded as those of its training are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from molvm.errors import ConfigError
from molvm.rewards.pools import open_pool
from molvm.runs.contenders import Fresh
from molvm.runs.image_samples import ImageSet
from molvm.runs.run import Run
from molvm.training.worth import worth


def require_samplable(path: Path, device: str | None = None, *, offload: bool | None = None) -> None:
    """Make sure, before anything is drawn, that a run's reward, workers, device and control can be had.

    Args:
        path: The run's directory.
        device: Where the base model computes, and
        offload: whether only the network in use is there; as the run says by default.

    Raises:
        MolVMError: One cannot.
    """
    run = Run.open(path)
    run.compute_on(device, offload=offload)
    _ = run.reward
    open_pool(run.config.reward.workers).close()
    run.objective()


def fresh_samples(
    path: Path,
    count: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    device: str | None = None,
    offload: bool | None = None,
) -> Fresh:
    """Draws and scores samples of a run, and of images as many of its base, which are not scored.

    Args:
        path: The run's directory.
        count: How many.
        seed: Of all randomness.
        progress: Called with (sample steps done, in all).
        device: Where the base model computes, and
        offload: whether only the network in use is there; as the run says by default.

    Raises:
        CheckpointError: The run has no whole checkpoint.
        ConfigError: The number is too small, or the run has not begun.
        RewardError: The run's reward cannot be had.
    """
    run = Run.open(path)
    run.compute_on(device, offload=offload)
    floor = run.manifest.floor
    if count < 2 or floor is None:
        raise ConfigError(f"{count} samples of the run {path} say nothing of it.", allowed="two or more, of a run")
    drawn = run.sample(count, seed=seed, progress=progress).score()
    iteration = len(run.metrics())
    values = worth(drawn.outcomes, run.reward.direction, floor)
    noisy = bool(np.isfinite(drawn.path_cost).all())
    weights = drawn.log_weights(floor) if noisy else drawn.path_cost
    records = [
        run.store.kind.of(sample, outcome, iteration=iteration, worth=float(value), log_weight=float(weight))
        for sample, outcome, value, weight in zip(drawn.molecules, drawn.outcomes, values, weights, strict=True)
    ]
    costs = tuple(float(cost) for cost in drawn.path_cost) if noisy else ()
    if not isinstance(drawn, ImageSet):
        return Fresh(tuple(records), costs)
    # Of other noise, so that the two sets are independent, as their distance presumes.
    base = run.sample(count, seed=seed + 1, guidance=0, progress=progress)
    assert isinstance(base, ImageSet)  # noqa: S101 - of the same model
    return Fresh(tuple(records), costs, base.images)
