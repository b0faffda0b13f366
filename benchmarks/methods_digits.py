"""Methods that need ∇r beside Value Matching on the bundled digits: at equal reward calls, and at equal time.

    python benchmarks/methods_digits.py --work DIR --out benchmarks/results/methods_digits.json --figure docs/FILE.svg
    python benchmarks/methods_digits.py --work DIR --calls 64 --seconds 8 --steps 6 --batch-size 16 -n 40 --memory 4 8

Each method is trained once for each setting of the grid and each seed, and judged by fresh samples twice: when it has
asked the reward --calls times, and when its rounds have taken --seconds; whichever comes last, training goes on until
then, at a constant learning rate. Rewards say how far each got, the KL of its paths and the Fréchet distance of its
images from the base's (by the bundled classifier) for how much, and `recognised`, which no method is paid for, in how
many of its images the classifier still sees the digit that was asked for. The table has of each method the setting of
the best reward of those that are recognised in --recognised of the images; the JSON and the figure have all. VGG-Flow
is sampled by the ODE that it trains, and has no KL. Methods that train the base train a copy of all its weights, or a
network beside it (--trains residual). What is finished lies in DIR and is not done again; a training that was stopped
goes on. Memory is the most that one round takes in a process of its own, over what the process has after a round of
two images. Linux alone tells it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from parts import EVALUATION_SEED, Part, Row, keep_to_one_protocol, kept, mean, plain

import molvm
from molvm.cli.allocator import keep_freed_memory
from molvm.durable import replace_text
from molvm.evaluation.images.summary import distance_between, group_of
from molvm.evaluation.intervals import wilson
from molvm.evaluation.plots import require_drawable, save_figure
from molvm.models.images.features.digit_classifier import DigitExtractor
from molvm.runs.directory import RunDirectory
from molvm.runs.reward_source import resolve_reward
from molvm.runs.run import Run

METHODS = ("value-matching", "adjoint-matching", "vgg-flow", "draft", "refl")

WITHOUT_STRENGTH = ("draft", "refl")
"""Methods for which λ is but a scale of the loss, which AdamW forgets."""

MARKS = ("calls", "seconds")
"""When a training is judged."""

FOREVER = 1_000_000
"""Rounds of a constant learning rate."""


def main() -> None:
    options = _options()
    if options.child is not None:
        print(_megabytes(options, *options.child))
        return
    keep_freed_memory()
    for folder in ("parts", "runs"):
        (options.work / folder).mkdir(parents=True, exist_ok=True)
    protocol = _protocol(options)
    keep_to_one_protocol(options.work, protocol)
    memory = {method: _memory(method, options) for method in options.methods}
    found = [(part, _judged(part, options)) for part in _parts(options)]
    record = {"protocol": protocol, "memory": memory, "parts": [_written(part, rows) for part, rows in found]}
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        replace_text(options.out, json.dumps(record, indent=1) + "\n")
    for mark in MARKS:
        print(_table(mark, found, memory, options), flush=True)
    if options.figure is not None:
        _draw(found, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the folder of parts and runs")
    parser.add_argument("--reward", default="jpeg", help="one of images with a gradient")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--trains", default="full", choices=["full", "residual"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--calls", type=int, default=1600)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--value-size", default="A")
    parser.add_argument("--strengths", type=float, nargs="+", default=[10.0, 40.0])
    parser.add_argument("--learning-rates", type=float, nargs="+", default=[1e-5, 1e-4, 1e-3])
    parser.add_argument("--floor", type=float, default=16.0, help="a reward worse than any image's")
    parser.add_argument("--recognised", type=float, default=0.75, help="share below which a setting counts as hacked")
    parser.add_argument("--memory", type=int, nargs="+", default=[8, 32, 128], help="batches whose memory is measured")
    parser.add_argument("-n", type=int, default=500, help="fresh samples at each mark")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--child", nargs=2, metavar=("METHOD", "BATCH"), help="measure one number and print it")
    options = parser.parse_args()
    if options.calls < options.batch_size:
        parser.error("--calls do not pay for one round")
    if options.figure is not None:
        require_drawable(options.figure)
    return options


def _protocol(options: argparse.Namespace) -> dict[str, Any]:
    """What must be the same for all parts in one folder."""
    same = ("reward", "trains", "calls", "seconds", "steps", "batch_size", "updates", "value_size", "floor", "n")
    return {key: getattr(options, key) for key in same}


def _parts(options: argparse.Namespace) -> Iterator[Part]:
    for seed, method in product(options.seeds, options.methods):
        strengths = options.strengths[:1] if method in WITHOUT_STRENGTH else options.strengths
        for strength, rate in product(strengths, options.learning_rates):
            yield Part(options.reward, method, seed, (("strength", strength), ("learning_rate", rate)))


def _judged(part: Part, options: argparse.Namespace) -> dict[str, Row]:
    """The part at both marks; what is missing is trained for."""
    path = options.work / "parts"
    rows: dict[str, Row] = {}
    run = _begun(part, options)
    while len(rows) < len(MARKS):
        calls, seconds = _spent(run, options)
        spent = {
            "calls": (calls, options.calls - options.calls % options.batch_size),
            "seconds": (seconds, options.seconds),
        }
        for mark in MARKS:
            file = path / f"{part.name}-{mark}.json"
            if mark not in rows and (file.exists() or spent[mark][0] >= spent[mark][1]):
                rows[mark] = kept(file, partial(_measured, run, part.seed, calls, seconds, options))
                print(f"{part.name}, {mark}: {_said(rows[mark])}", flush=True)
        rounds = calls // options.batch_size
        each = {"calls": options.batch_size, "seconds": seconds / rounds}
        left = [(spent[mark][1] - spent[mark][0]) / each[mark] for mark in MARKS if mark not in rows]
        if left:
            run = molvm.resume(run.path, iterations=rounds + max(1, math.ceil(min(left))))
    return rows


def _begun(part: Part, options: argparse.Namespace) -> Run:
    out = options.work / "runs" / part.name
    if RunDirectory(out).is_run and Run.open(out).metrics():
        return Run.open(out)
    setting = dict(part.setting)
    return _train(options, part.method, out, options.batch_size, part.seed, **setting)


def _train(
    options: argparse.Namespace,
    method: str,
    out: Path,
    batch: int,
    seed: int = 0,
    strength: float = 10.0,
    learning_rate: float = 1e-4,
) -> Run:
    """A first round."""
    if RunDirectory(out).is_run:
        return molvm.resume(out)
    objective = {} if method == "value-matching" else {"trains": options.trains}
    return molvm.train(
        "digits",
        options.reward,
        out=out,
        objective=method,
        strength=strength,
        iterations=1,
        batch_size=batch,
        steps=options.steps,
        value_size=options.value_size,
        seed=seed,
        workers=1,
        settings={
            "objective": objective,
            "reward": {"floor": options.floor},
            "training": {
                "updates": options.updates,
                "learning_rate": learning_rate,
                "constant_iterations": FOREVER,
            },
        },
    )


def _spent(run: Run, options: argparse.Namespace) -> tuple[int, float]:
    """Reward calls, and seconds of sampling, scoring and learning."""
    metrics = run.metrics()
    names = ("seconds_rollout", "seconds_reward", "seconds_learn")
    return len(metrics) * options.batch_size, sum(row[name] for row in metrics for name in names)


def _measured(run: Run, seed: int, calls: int, seconds: float, options: argparse.Namespace) -> Row:
    extractor = DigitExtractor()
    drawn = run.sample(options.n, seed=seed + EVALUATION_SEED).score(workers=1)
    base = run.sample(options.n, seed=seed + EVALUATION_SEED + 1, guidance=0).score(run.reward, workers=1)
    images, theirs = drawn.molecules, base.molecules
    values = [outcome.value for outcome in drawn.outcomes]
    steered = bool(np.isfinite(drawn.path_cost).all())
    group = group_of(images, extractor, values=values, costs=drawn.path_cost if steered else None)
    before = group_of(theirs, extractor, values=[outcome.value for outcome in base.outcomes])
    distance = distance_between(images, theirs, extractor)
    return {
        "calls": calls,
        "seconds": seconds,
        "rounds": len(run.metrics()),
        "reward": plain(group.reward),
        "base_reward": plain(before.reward),
        "kl": None if group.kl is None else plain(group.kl),
        "distance": plain(distance.unbiased) if distance.unbiased is not None else None,
        "recognised": plain(_recognised(images, extractor)),
        "base_recognised": plain(_recognised(theirs, extractor)),
        "diversity": plain(group.diversity),
    }


def _recognised(images: Any, extractor: DigitExtractor) -> Any:
    """In how many the classifier sees the digit that was asked for, which is the image's prompt."""
    asked = np.array([int(image.prompt) for image in images])
    return wilson(int((extractor.digits(images) == asked).sum()), len(images))


def _memory(method: str, options: argparse.Namespace) -> dict[str, float]:
    """MB by batch, and MB an image."""

    def make() -> Row:
        peaks = {}
        for batch in options.memory:
            child = [*sys.argv, "--child", method, str(batch)]
            done = subprocess.run([sys.executable, *child], stdout=subprocess.PIPE, text=True, check=True)
            peaks[batch] = float(done.stdout.split()[-1])
        slope = float(np.polyfit(list(peaks), list(peaks.values()), 1)[0]) if len(peaks) > 1 else math.nan
        row = {**{str(batch): peak for batch, peak in peaks.items()}, "an_image": slope}
        print(f"{method}, MB: {row}", flush=True)
        return row

    batches = "-".join(map(str, options.memory))
    return kept(options.work / "parts" / f"memory-{method}-{batches}.json", make)


def _megabytes(options: argparse.Namespace, method: str, batch: str) -> float:
    """Of one round, beyond what is there after a round of two images."""
    with tempfile.TemporaryDirectory() as folder:
        _train(options, method, Path(folder) / "small", 2)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        before = pages * resource.getpagesize() / 1e6
        _train(options, method, Path(folder) / "run", int(batch))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6 - before


def _written(part: Part, rows: Mapping[str, Row]) -> Row:
    return {"method": part.method, "seed": part.seed, **dict(part.setting), **rows}


def _said(row: Row) -> str:
    return (
        f"reward {row['reward']['value']:.3f} (base {row['base_reward']['value']:.3f}), recognised "
        f"{row['recognised']['value']:.0%}, {row['calls']} calls, {row['seconds']:.0f} s"
    )


def _table(
    mark: str, found: list[tuple[Part, dict[str, Row]]], memory: Mapping[str, Row], options: argparse.Namespace
) -> str:
    """In Markdown, a line a method: its best setting, means over the seeds."""
    columns = ("reward", "kl", "distance", "recognised", "diversity", "calls", "seconds")
    largest = max(options.memory)
    lines = [
        f"| {options.reward}, equal {mark} | setting | {' | '.join(columns)} | MB at batch {largest} | MB an image |",
        "|" + "---|" * (len(columns) + 4),
    ]
    everything = [row for _, rows in found for row in rows.values()]
    for name, base in (
        ("base", [row for row in everything if row["kl"] is not None]),
        ("base, by the ODE", [row for row in everything if row["kl"] is None]),
    ):
        if base:
            reward, recognised = mean(base, "base_reward"), mean(base, "base_recognised")
            lines.append(f"| {name} |  | {reward:.4g} | 0 | 0 | {recognised:.4g} |" + " |" * 5)
    for method in options.methods:
        setting, rows = _best(method, mark, found, options)
        said = ", ".join(f"{key} {value:g}" for key, value in setting)
        means = [mean(rows, column) for column in columns]
        cells = " | ".join("–" if each is None else f"{each:.4g}" for each in means)
        mine = memory[method]
        lines.append(f"| {method} | {said} | {cells} | {mine[str(largest)]:.0f} | {mine['an_image']:.1f} |")
    return "\n".join(lines) + "\n"


def _best(
    method: str, mark: str, found: list[tuple[Part, dict[str, Row]]], options: argparse.Namespace
) -> tuple[tuple[tuple[str, float], ...], list[Row]]:
    """The setting of the best reward of those whose images are recognised; of all, if none is."""
    settings: dict[tuple[tuple[str, float], ...], list[Row]] = {}
    for part, rows in found:
        if part.method == method:
            settings.setdefault(part.setting, []).append(rows[mark])
    whole = {
        setting: rows for setting, rows in settings.items() if (mean(rows, "recognised") or 0.0) >= options.recognised
    }
    sign = 1.0 if resolve_reward(options.reward).direction == "maximise" else -1.0
    among = whole or settings
    best = max(among, key=lambda setting: sign * (mean(among[setting], "reward") or 0.0))
    return best, among[best]


def _draw(found: list[tuple[Part, dict[str, Row]]], options: argparse.Namespace) -> None:
    """What is gained over each run's own base, for how much: dots at equal calls, rings at equal time."""
    from matplotlib.figure import Figure

    reward = resolve_reward(options.reward)
    sign = 1.0 if reward.direction == "maximise" else -1.0
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for (place, method), mark, (panel, column) in product(
        enumerate(options.methods), MARKS, zip(panels, ("kl", "distance"), strict=True)
    ):
        rows = [rows[mark] for part, rows in found if part.method == method and rows[mark][column] is not None]
        colour, filled = f"C{place}", mark == MARKS[0]
        panel.scatter(
            [row[column]["value"] for row in rows],
            [sign * (row["reward"]["value"] - row["base_reward"]["value"]) for row in rows],
            28,
            facecolors=colour if filled else "none",
            edgecolors=colour,
            label=method if filled else None,
        )
    for panel, label in zip(panels, ("KL from the base / nats", "Fréchet distance from the base"), strict=True):
        panel.axhline(0.0, color="0.6", linewidth=1, linestyle="--")
        panel.set(xlabel=label)
    panels[0].set_xscale("symlog", linthresh=1.0)
    panels[0].set(ylabel=f"gain in {reward.name}" + (f" / {reward.unit}" if reward.unit else ""))
    panels[1].legend(frameon=False, fontsize=8)
    save_figure(figure, options.figure)


if __name__ == "__main__":
    main()
