"""One path from noise to a molecule, with all its states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, ModelError
from molvm.models.base import BaseModel, FlowModel, made_by, require_steerable
from molvm.runs.assembly import sampling_options
from molvm.runs.run import Run
from molvm.runs.sizes import sizes_to_draw
from molvm.sde import Guided, SamplingOptions, simulate
from molvm.sde.trajectory import Trajectory
from molvm.values.base import ValueNet


@dataclass(frozen=True, eq=False)
class Path3D:
    """A path of K steps.

    Args:
        frames: The K + 1 states, decoded as if they were at t = 1; the last one is the molecule.
        times: Of the states.
        values: V(x, t) in nats at each of them; None where nothing has learned it.
        costs: ½∫₀ᵗ|u|² in nats up to each of them.
    """

    frames: tuple[Molecule, ...]
    times: tuple[float, ...]
    values: tuple[float, ...] | None
    costs: tuple[float, ...]

    def to_sdf(self, path: Path | str, *, overwrite: bool = False) -> int:
        """Write the frames as records of an SD file with the fields t, V and cost.

        Returns:
            The number of frames.

        Raises:
            OutputExistsError: The file exists, or cannot be written.
        """
        return write_sdf(path, map(self._annotated, range(len(self.frames))), overwrite=overwrite)

    def _annotated(self, index: int) -> Molecule:
        value = {} if self.values is None else {"V": f"{self.values[index]:.6g}"}
        fields = {"t": f"{self.times[index]:.6g}", **value, "cost": f"{self.costs[index]:.6g}"}
        return replace(self.frames[index], properties=fields)


def draw_path(
    source: Run | BaseModel,
    *,
    seed: int = 0,
    steps: int | None = None,
    guidance: float = 1.0,
    atoms: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path3D:
    """Draw one molecule and keep its path: that of `sample(source, 1)` with the same seed and steps.

    Args:
        source: A run or a base model.
        seed: Of all randomness.
        steps: Steps from noise to data; those of the run's training by default, or 100.
        guidance: What a run's control is multiplied by; 0 for its base model, on the same noise.
        atoms: The number of atoms, "20" for instance; by default as the base draws it.
        progress: Called with (steps done, in all).

    Raises:
        CheckpointError: The run has no whole checkpoint.
        ConfigError: A number is out of range, or the base has no such molecules.
        ModelError: The base model has a process of its own, which has no such path; or it makes images.
    """
    if not 0 <= seed < 2**63:
        raise ConfigError(f"The seed is {seed}.", allowed="a whole number from 0 to 2^63 - 1")
    run = source if isinstance(source, Run) else None
    model = require_steerable(source) if run is None else run.model  # type: ignore[arg-type]
    if made_by(model) != "molecules":
        raise ModelError(f"The base model {model.name} makes images, of which no path is shown.", allowed="molecules")
    control = None if run is None else run.objective().control
    value = control if isinstance(control, ValueNet) else None
    options = SamplingOptions() if run is None else sampling_options(run.config)
    options = options if steps is None else replace(options, steps=steps)
    generator, grid = torch.Generator().manual_seed(seed), options.grid(model.schedules)
    sizes = sizes_to_draw(model, atoms, value, tilt_size=False)
    condition = model.sample_condition(1, generator) if sizes is None else sizes.draw(1, generator)
    # The base itself, which nothing has to choose for.
    steers = None if control is None or guidance == 0 else control if guidance == 1 else Guided(control, guidance)
    trajectory = simulate(
        model,
        model.noise(condition, 1, generator),
        grid,
        control=steers,
        generator=generator,
        stepper=options.stepper(model),
        keep_endpoints=value is not None and value.reads == "endpoint",
        on_step=progress,
        **options.steering(model, grid),
    )
    return _path(model, trajectory, value)


def _path(model: FlowModel, trajectory: Trajectory, value: ValueNet | None) -> Path3D:
    spent = torch.cat([torch.zeros(1), trajectory.running_cost[:, 0].cumsum(0).cpu()])
    return Path3D(
        frames=tuple(model.decode(state)[0] for state in trajectory.states),
        times=tuple(trajectory.times.tolist()),
        values=None if value is None else _values(trajectory, value),
        costs=tuple(spent.tolist()),
    )


@torch.no_grad()
def _values(trajectory: Trajectory, value: ValueNet) -> tuple[float, ...]:
    """V at all K + 1 times; what it reads at t = 1 is the state itself, which the prediction there equals."""
    read = (*trajectory.endpoints, trajectory.terminal) if trajectory.endpoints else trajectory.states
    return tuple(
        float(value(x, time.to(torch.float32).expand(1))) for x, time in zip(read, trajectory.times, strict=True)
    )
