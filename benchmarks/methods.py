"""The black-box methods on one base at equal reward calls, each at its best over one small grid.

    python benchmarks/methods.py --work DIR --rewards qed dipole --seeds 0 1 2 --out benchmarks/results/methods.json
    python benchmarks/methods.py --work DIR --rewards qed --seeds 0 --calls 320 --steps 10 --batch-size 16 -n 32

A method that trains spends the calls on rounds of training, and is then judged by fresh samples; one that steers at
sampling time spends them on its samples, and has as many as they buy. Every setting of the grid is judged for every
seed, and of each method that setting counts whose mean reward over the seeds is the best: the choice is made by the
samples that are reported, for all methods alike. Failures count as --floor for all. What is finished lies in DIR, one
file a part, and is not done again; a training that was stopped goes on. Scores of the final samples are not counted as
calls of methods that train.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from parts import EVALUATION_SEED, Part, credited, keep_to_one_protocol, kept, mean, plain

import molvm
from molvm.chem.validity import is_valid_and_connected
from molvm.cli.allocator import keep_freed_memory
from molvm.durable import replace_text
from molvm.evaluation.intervals import mean_interval, mean_of_pairs, wilson
from molvm.evaluation.variety import tanimoto_distances
from molvm.runs.directory import RunDirectory
from molvm.runs.inference import method_options
from molvm.runs.reward_source import resolve_reward
from molvm.runs.samples import SampleSet
from molvm.runs.sampling import draw_samples
from molvm.runs.steering import steering_by
from molvm.sde import SamplingOptions

TRAINED = ("value-matching", "classifier-guidance", "ddpo", "dpok", "ct-ppo")
STEERED = ("svdd", "feynman-kac", "best-of")

STRENGTHS = {"qed": (20.0, 60.0), "dipole": (2.0, 6.0)}
"""λ in the grid unless --strengths says otherwise: from a few to some ten nats a deviation of the base."""


def main() -> None:
    options = _options()
    keep_freed_memory()
    for folder in ("parts", "runs"):
        (options.work / folder).mkdir(parents=True, exist_ok=True)
    keep_to_one_protocol(options.work, _protocol(options))
    found = [(part, _made(part, options)) for part in _parts(options)]
    record = {"protocol": _protocol(options), "rewards": {}}
    for reward in options.rewards:
        mine = [(part, row) for part, row in found if part.reward == reward]
        record["rewards"][reward] = {method: _best(method, mine) for method in ("base", *options.methods)}
        print(_table(reward, record["rewards"][reward]), flush=True)
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        replace_text(options.out, json.dumps(record, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the folder of parts and runs")
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--rewards", nargs="+", default=["qed", "dipole"])
    parser.add_argument("--methods", nargs="+", default=[*TRAINED, *STEERED], choices=[*TRAINED, *STEERED])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--calls", type=int, default=3200)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--updates", type=int, default=8)
    parser.add_argument("--value-size", default="A")
    parser.add_argument("--floor", type=float, default=0.0)
    parser.add_argument("--strengths", type=float, nargs="+", help="of the grid, for all rewards")
    parser.add_argument("--learning-rates", type=float, nargs="+", default=[3e-5, 3e-4, 2e-3])
    parser.add_argument("--particles", type=int, nargs="+", default=[4, 10])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-n", type=int, default=200, help="fresh samples of a trained run")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    for reward in options.rewards:
        if options.strengths is None and reward not in STRENGTHS:
            parser.error(f"no strengths are known for {reward}: --strengths")
        if resolve_reward(reward).direction != "maximise":
            parser.error(f"{reward} is to be minimised; the best of the grid is the largest")
    if options.calls < options.batch_size:
        parser.error("--calls do not pay for one round")
    return options


def _protocol(options: argparse.Namespace) -> dict[str, Any]:
    """What must be the same for all parts in one folder."""
    kept = ("model", "calls", "steps", "batch_size", "updates", "value_size", "floor", "n")
    return {key: getattr(options, key) for key in kept}


def _parts(options: argparse.Namespace) -> Iterator[Part]:
    for reward, seed in product(options.rewards, options.seeds):
        yield Part(reward, "base", seed, ())
        for method in options.methods:
            for setting in _grid(method, options.strengths or STRENGTHS[reward], options):
                yield Part(reward, method, seed, setting)


def _grid(
    method: str, strengths: tuple[float, ...], options: argparse.Namespace
) -> Iterator[tuple[tuple[str, float], ...]]:
    if method == "best-of":  # takes the best, whatever λ
        yield from ((("particles", float(particles)),) for particles in options.particles)
        return
    second, values = (
        ("learning_rate", options.learning_rates) if method in TRAINED else ("particles", options.particles)
    )
    # DDPO's advantage is in deviations of the batch: λ is but a scale of its control.
    first = strengths[:1] if method == "ddpo" else strengths
    for strength, value in product(first, values):
        yield (("strength", float(strength)), (second, float(value)))


def _made(part: Part, options: argparse.Namespace) -> dict[str, Any]:
    """What a part has given: from its file, or made now and kept there."""

    def make() -> dict[str, Any]:
        how = _trained if part.method in TRAINED else _steered if part.method in STEERED else _unsteered
        row = how(part, options)
        reward = "no sample" if row["reward"] is None else f"{row['reward']['value']:.3f}"
        print(f"{part.name}: {reward}, {row['calls']} calls, {row['seconds']:.0f} s", flush=True)
        return row

    return kept(options.work / "parts" / f"{part.name}.json", make)


def _sampling(options: argparse.Namespace) -> dict[str, Any]:
    return {"steps": options.steps, "transition": "analytic_variance"}


def _trained(part: Part, options: argparse.Namespace) -> dict[str, Any]:
    setting, out = dict(part.setting), options.work / "runs" / part.name
    rounds = options.calls // options.batch_size
    if RunDirectory(out).is_run:
        run = molvm.resume(out)
    else:
        training = {
            "batch_size": options.batch_size,
            "constant_iterations": rounds,
            "updates": options.updates,
            "learning_rate": setting["learning_rate"],
        }
        run = molvm.train(
            options.model,
            part.reward,
            out=out,
            objective=part.method,
            strength=setting["strength"],
            iterations=rounds,
            value_size=options.value_size,
            seed=part.seed,
            workers=options.workers,
            settings={
                "training": training,
                "sampling": _sampling(options),
                "reward": {"floor": options.floor},
            },
        )
    drawn = run.sample(options.n, seed=part.seed + EVALUATION_SEED).score()
    names = ("seconds_rollout", "seconds_reward", "seconds_learn")
    seconds = sum(row[name] for row in run.metrics() for name in names)
    return _measured(drawn, options.floor, calls=rounds * options.batch_size, seconds=seconds)


def _steered(part: Part, options: argparse.Namespace) -> dict[str, Any]:
    setting = dict(part.setting)
    particles = int(setting["particles"])
    steering = steering_by(
        options.model,
        method_options(part.method, {"particles": particles}),
        part.reward,
        strength=setting.get("strength"),
        floor=options.floor,
        workers=options.workers,
    )
    each = particles * {"svdd": options.steps, "feynman-kac": 7, "best-of": 1}[part.method]
    count = options.calls // each
    if count == 0:
        return {"reward": None, "calls": each, "seconds": 0.0}  # one sample costs more than all calls
    started = time.perf_counter()
    sampling = SamplingOptions(**_sampling(options))
    model = molvm.load_model(options.model)
    drawn = draw_samples(model, count, seed=part.seed + EVALUATION_SEED, sampling=sampling, inference=steering)
    seconds = time.perf_counter() - started
    return _measured(drawn.score(), options.floor, calls=drawn.asked, seconds=seconds)


def _unsteered(part: Part, options: argparse.Namespace) -> dict[str, Any]:
    model, sampling = molvm.load_model(options.model), SamplingOptions(**_sampling(options))
    drawn = draw_samples(model, options.n, seed=part.seed + EVALUATION_SEED, sampling=sampling)
    scored = drawn.score(resolve_reward(part.reward), workers=options.workers)
    return _measured(scored, options.floor, calls=0, seconds=0.0)


def _measured(drawn: SampleSet, floor: float, *, calls: int, seconds: float) -> dict[str, Any]:
    smiles = [each for molecule in drawn.molecules if (each := molecule.smiles()) is not None]
    valid = sum(map(is_valid_and_connected, drawn.molecules))
    known = bool(np.isfinite(drawn.path_cost).all())
    return {
        "samples": len(drawn),
        "calls": calls,
        "seconds": seconds,
        "reward": plain(mean_interval([credited(outcome, floor) for outcome in drawn.outcomes])),
        "kl": plain(mean_interval(drawn.path_cost, low=0)) if known else None,
        "valid": plain(wilson(valid, len(drawn))),
        "failures": plain(wilson(sum(outcome.value is None for outcome in drawn.outcomes), len(drawn))),
        "distinct": len(set(smiles)) / len(smiles) if smiles else None,
        "diversity": plain(mean_of_pairs(tanimoto_distances(smiles))) if len(smiles) > 1 else None,
    }


def _best(method: str, found: list[tuple[Part, dict[str, Any]]]) -> dict[str, Any] | None:
    """The setting of the largest mean reward over the seeds, with a row a seed; None if nothing could be afforded."""
    by_setting: dict[tuple[tuple[str, float], ...], dict[int, dict[str, Any]]] = {}
    for part, row in found:
        if part.method == method and row["reward"] is not None:
            by_setting.setdefault(part.setting, {})[part.seed] = row
    if not by_setting:
        return None
    means = {setting: mean(rows.values(), "reward") for setting, rows in by_setting.items()}
    best = max(means, key=lambda setting: means[setting] or 0.0)
    return {
        "setting": dict(best),
        "rewards_of_the_grid": [{**dict(setting), "reward": each} for setting, each in means.items()],
        "seeds": by_setting[best],
    }


def _table(reward: str, methods: Mapping[str, Mapping[str, Any] | None]) -> str:
    """In Markdown; with several seeds the reward is their mean and their range, with one its interval."""
    columns = ("kl", "valid", "failures", "distinct", "diversity", "samples", "calls", "seconds")
    lines = [f"| {reward} | setting | reward | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 3)]
    for method, found in methods.items():
        if found is None:
            lines.append(f"| {method} | not one sample for so few calls |" + " |" * (len(columns) + 1))
            continue
        rows = found["seeds"]
        ends = [row["reward"]["value"] for row in rows.values()]
        low, high = min(ends), max(ends)
        if len(rows) == 1:
            only = next(iter(rows.values()))["reward"]
            low, high = (np.nan if only[end] is None else only[end] for end in ("low", "high"))
        setting = ", ".join(f"{key} {value:g}" for key, value in found["setting"].items())
        means = [mean(rows.values(), column) for column in columns]
        cells = " | ".join("–" if each is None else f"{each:.3g}" for each in means)
        lines.append(f"| {method} | {setting} | {np.mean(ends):.3f} ({low:.3f} to {high:.3f}) | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
