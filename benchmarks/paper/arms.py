"""Runs that differ in a few settings: trained, sampled, scored, and put into one table.

Whatever is there already is not made again: an experiment that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import molvm
from molvm.errors import DivergenceError
from molvm.evaluation.intervals import mean_interval, wilson
from molvm.runs.assembly import sampling_options
from molvm.runs.config import RunConfig
from molvm.runs.directory import RunDirectory
from molvm.runs.run import Run
from molvm.runs.samples import SampleSet
from molvm.runs.sampling import draw_samples

SAMPLING_SEED = 1_000_003
"""Unlike the seeds of training."""


@dataclass(frozen=True)
class Arm:
    """One run.

    Args:
        name: Of its directory, and in the table.
        settings: Sections of its configuration.
        at: Where it stands on the figure's axis, if there is one.
    """

    name: str
    settings: Mapping[str, Mapping[str, Any]]
    at: float = math.nan


def measure(arms: Sequence[Arm], out: Path, samples: int) -> list[dict[str, Any]]:
    """A row for the base and for each arm.

    Args:
        arms: All of one base, reward and floor.
        out: Directory of the runs and of `rows.json`.
        samples: How many are drawn of each, from the same noise.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / "rows.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    for arm in arms:
        found = {row["name"] for row in rows}
        run = trained(arm, out / arm.name)
        if "base" not in found:
            sampling = sampling_options(run.config)
            base = draw_samples(run.model, samples, seed=SAMPLING_SEED, sampling=sampling)
            rows.append(row("base", run, base.score(run.reward)))
        if arm.name not in found:
            rows.append({**adapted(arm, run, samples), "at": arm.at})
        path.write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def trained(arm: Arm, directory: Path) -> Run:
    """The run, trained as far as it goes."""
    if RunDirectory(directory).is_run:
        run = Run.open(directory)
    else:
        run = Run.create(RunConfig.from_mapping({**arm.settings, "out": str(directory)}))
    started = time.perf_counter()
    try:
        run.train()
    except DivergenceError as error:
        (directory / "diverged.txt").write_text(f"{error}\n")
    print(f"{arm.name}: {time.perf_counter() - started:.0f} s", flush=True)
    return run


def adapted(arm: Arm, run: Run, samples: int) -> dict[str, Any]:
    """The row of a run; what was measured before it diverged, if it did."""
    diverged = run.path / "diverged.txt"
    if diverged.exists():
        return {"name": arm.name, "diverged": diverged.read_text().strip(), "iterations": len(run.metrics())}
    started = time.perf_counter()
    drawn = run.sample(samples, seed=SAMPLING_SEED)
    seconds = (time.perf_counter() - started) / samples
    return row(arm.name, run, drawn.score()) | {"seconds_a_sample": seconds}


def row(name: str, run: Run, samples: SampleSet) -> dict[str, Any]:
    """What is reported of samples: the reward over all and over the valid, and the running cost."""
    floor, strength = run.manifest.floor, run.config.training.strength
    values = [outcome.value for outcome in samples.outcomes]
    everything = [floor if value is None else value for value in values]
    worth = strength * np.array(everything, dtype=float) * (1 if run.reward.direction == "maximise" else -1)
    return {
        "name": name,
        "iterations": len(run.metrics()) if name != "base" else 0,
        "reward": asdict(mean_interval(everything)),
        "reward_valid": asdict(mean_interval([value for value in values if value is not None])),
        "valid": asdict(wilson(sum(value is not None for value in values), len(values))),
        "kl": asdict(mean_interval(samples.path_cost)),
        "gain": asdict(mean_interval(worth - samples.path_cost)),
    }


def table(rows: Sequence[Mapping[str, Any]], unit: str) -> str:
    """Rows of RESULTS.md."""
    unit = f", {unit}" if unit else ""
    lines = [
        f"| | reward, all{unit} | reward, valid{unit} | valid | KL, nats | λE[r] − KL |",
        "|---|---|---|---|---|---|",
    ]
    for each in rows:
        if "diverged" in each:
            lines.append(f"| {each['name']} | diverged in round {each['iterations'] + 1} | | | | |")
            continue
        cells = [_cell(each[key]) for key in ("reward", "reward_valid")]
        cells += [_cell(each["valid"], 100, " %"), _cell(each["kl"]), _cell(each["gain"])]
        lines.append(f"| {each['name']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(estimate: Mapping[str, float], factor: float = 1, sign: str = "") -> str:
    value, low, high = (factor * estimate[key] for key in ("value", "low", "high"))
    return f"{value:.3g}{sign} [{low:.3g}, {high:.3g}]"


def draw(rows: Sequence[Mapping[str, Any]], path: Path, axis: str, unit: str, *, logarithmic: bool = False) -> None:
    """Reward and running cost of the arms along an axis, the base's reward beside them.

    Args:
        rows: Of `measure`.
        path: Of the figure.
        axis: Its label.
        unit: Of the reward.
        logarithmic: The axis.
    """
    from matplotlib import pyplot

    figure, (rewards, costs) = pyplot.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    shown = [each for each in rows if "at" in each and "kl" in each and not math.isnan(each["at"])]
    for family in dict.fromkeys(_family(each["name"]) for each in shown):
        mine = [each for each in shown if _family(each["name"]) == family]
        at = [each["at"] for each in mine]
        for panel, key in ((rewards, "reward"), (costs, "kl")):
            values = [each[key] for each in mine]
            errors = [[v["value"] - v["low"] for v in values], [v["high"] - v["value"] for v in values]]
            panel.errorbar(at, [v["value"] for v in values], errors, marker="o", ms=4, lw=1, capsize=2, label=family)
    base = next(each for each in rows if each["name"] == "base")
    rewards.axhline(base["reward"]["value"], ls=":", color="grey", label="base")
    for panel, label in ((rewards, f"mean reward{f' / {unit}' if unit else ''}"), (costs, "KL / nats")):
        panel.set(xlabel=axis, ylabel=label, xscale="log" if logarithmic else "linear")
    rewards.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _family(name: str) -> str:
    return name.rsplit(" ", 1)[0]


def report(rows: Sequence[Mapping[str, Any]], out: Path, arms: Sequence[Arm], axis: str, *, logarithmic: bool) -> None:
    """Print the table, write it beside the rows, and draw the figure."""
    unit = molvm.Run.open(out / arms[0].name).reward.unit
    text = table(rows, unit)
    (out / "table.md").write_text(text + "\n")
    print(text)
    if any(not math.isnan(arm.at) for arm in arms):
        draw(rows, out / "figure.svg", axis, unit, logarithmic=logarithmic)
