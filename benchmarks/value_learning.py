"""How fast a value network learns what a reward is worth, and what its control does: no sampling is paid for.

    python benchmarks/value_learning.py --reward qed --replay 40 --horizon 0.12 --average 0.99 --reads endpoint

Value Matching in the limit of a small λ is the regression of f(x_t, t) on −r(x₁). Here the molecules are given, QM9's
or those that a run has recorded, and their paths are drawn backwards from them, which has the law of the memoryless
process. Rounds of a few labels and steps of the optimiser are dealt as in training, by the same code.

Printed are, for held-out molecules at several times: R² of the network, over all and over those that have a reward; the
rate kl at which its control costs, and the rate gain at which it raises the mean reward, per unit of t, at λ = 1, all
in units of the reward's deviation; and their integrals. To first order in λ the gain is E[r u·dB], and given its end a
path has the drift σ²α(x₁ − x̂₁)/β² more than the base's: gain = E[r ⟨u/σ, σ²α(x₁ − x̂₁)/β²⟩]. For the exact V it is 2 kl.
"""

from __future__ import annotations

import argparse
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch

from molvm.chem.molecule import Molecule
from molvm.cli.allocator import keep_freed_memory
from molvm.datasets.pack import pack
from molvm.datasets.registry import load_dataset
from molvm.models.flowmol.batches import clean_state
from molvm.models.hub import load_model
from molvm.objectives import Rollout, ValueMatching, ValueMatchingOptions
from molvm.runs.reward_source import resolve_reward
from molvm.runs.run import Run
from molvm.runs.scoring import evaluate_reward
from molvm.schedules import interpolate
from molvm.sde import time_grid
from molvm.sde.trajectory import Trajectory
from molvm.states import MoleculeState
from molvm.values.ladder import build_features

TIMES = (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
HELD_OUT = 600


class Regression:
    """Labelled molecules of a base model's kind, and a value network that learns them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.model = options, load_model("qm9")
        molecules, rewards, scored = labelled(options)
        packed = pack(
            molecules, name="labelled", element_symbols=self.model.config.elements, split=[0] * len(molecules)
        )
        sizes = np.array([molecule.n_atoms for molecule in molecules])
        self.states = [clean_state(packed.gather(np.array([i])), self.model.config) for i in range(len(molecules))]
        self.scored = torch.from_numpy(scored[-HELD_OUT:])
        self.rewards = torch.from_numpy(standardised(rewards, sizes)).float()
        self.linear = linear_fit(
            np.array([composition(molecule) for molecule in molecules]), self.rewards.numpy(), sizes
        )
        features = build_features(self.model, options.size, torch.Generator().manual_seed(options.seed), options.reads)
        matching = ValueMatchingOptions(
            replay=options.replay,
            replay_points=options.points,
            horizon=options.horizon,
            ito=True,
            average=options.average,
        )
        self.objective = ValueMatching.build(
            features, self.model.schedules, 1.0, conditions=self.model.conditions, options=matching
        )
        self.optimiser = torch.optim.AdamW(self.objective.parameters(), lr=options.rate, weight_decay=options.decay)
        self.grid = time_grid(self.model.schedules, options.steps).float()
        self.held_out = MoleculeState.cat(self.states[-HELD_OUT:])
        self.noisy = [self.noised(time) for time in TIMES]

    def noised(self, time: float) -> tuple[MoleculeState, MoleculeState]:
        """x_t of the held-out molecules, and what the base makes of it."""
        t = torch.full((HELD_OUT,), time)
        x = interpolate(self.model.schedules, self.held_out.randn_like(), self.held_out, t)
        return x, self.model.predict_endpoint(x, t).project()

    def learn(self, labels: np.ndarray[Any, Any]) -> None:
        """A round: paths to these molecules, with noise of their own, and the gradient steps."""
        data = MoleculeState.cat([self.states[index] for index in labels])
        states = self.paths(data)
        nothing = torch.zeros(self.options.steps, len(labels))
        endpoints = [
            self.model.predict_endpoint(x, t.expand(len(labels))).project()
            for x, t in zip(states, self.grid[:-1], strict=False)
            if self.objective.keeps_endpoints
        ]
        path = Trajectory(self.grid, tuple(states), nothing, nothing, endpoints=tuple(endpoints))
        rollout = Rollout(path, self.rewards[labels], 1.0)
        self.objective.observe(rollout)
        for part in range(self.options.updates):
            self.optimiser.zero_grad()
            self.objective.backward(rollout, part, self.options.updates)
            torch.nn.utils.clip_grad_norm_(self.objective.parameters(), 1.0)
            self.optimiser.step()
            self.objective.after_step()

    def paths(self, data: MoleculeState) -> list[MoleculeState]:
        """Paths of the memoryless process that end at `data`: backwards in time it is a chain that adds noise."""
        schedules, states = self.model.schedules, [data]
        for later, earlier in pairwise(reversed(self.grid.tolist())):
            s, t = torch.tensor(later), torch.tensor(earlier)
            shrink = {name: schedules.alpha(t)[name] / schedules.alpha(s)[name] for name in schedules.alpha(t)}
            noise = {
                name: (schedules.beta(t)[name] ** 2 - (ratio * schedules.beta(s)[name]) ** 2).sqrt()
                for name, ratio in shrink.items()
            }
            states.append(states[-1].scale(shrink) + data.randn_like().scale(noise))
        return states[::-1]

    def measure(self) -> list[dict[str, float]]:
        """What is printed, a row for each time and one of the integrals."""
        rows = [self.measure_at(time, *noisy) for time, noisy in zip(TIMES, self.noisy, strict=True)]
        total = {name: float(np.trapezoid([row[name] for row in rows], TIMES)) for name in ("kl", "gain", "gain_valid")}
        error = np.sqrt(np.sum((np.gradient(TIMES) * [row["error"] for row in rows]) ** 2))
        return [*rows, {**total, "error": float(error)}]

    def measure_at(self, time: float, x: MoleculeState, endpoint: MoleculeState) -> dict[str, float]:
        """A row: x_t of the held-out molecules at this time, and the base's x̂₁ of it."""
        t, control, schedules = torch.full((HELD_OUT,), time), self.objective.control, self.model.schedules
        read = endpoint if self.objective.keeps_endpoints else x
        rewards, ok = self.rewards[-HELD_OUT:], self.scored
        with torch.no_grad():
            error = control(read, t) + rewards
        if self.objective.keeps_endpoints:
            _, gradient = self.model.differentiate_endpoint(x, t, control)
        else:
            gradient = control.gradient(x, t)
        sigma = schedules.collect(lambda schedule: schedule.sigma_squared(t))
        pull = {name: sigma[name] * schedules.alpha(t)[name] / schedules.beta(t)[name] ** 2 for name in sigma}
        gain = -gradient.scale(pull).inner(self.held_out - endpoint)
        valid = (rewards - rewards[ok].mean()) * ok / ok.float().mean()
        return {
            "t": time,
            "r2": 1 - float(error.square().mean() / rewards.var()),
            "r2_valid": 1 - float(error[ok].var() / rewards[ok].var()),
            "kl": float(gradient.scale(sigma).inner(gradient).mean() / 2),
            "gain": float((gain * (rewards - rewards.mean())).mean()),
            "gain_valid": float((gain * valid).mean()),
            "error": float((gain * (rewards - rewards.mean())).std() / HELD_OUT**0.5),
        }


def labelled(options: argparse.Namespace) -> tuple[list[Molecule], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Molecules in random order, their rewards, failures at 0, and whether they have one."""
    order = np.random.default_rng(options.seed)
    if options.run is not None:
        records = list(Run.open(options.run).store.records())
        molecules = [records[i].molecule for i in order.permutation(len(records))[: options.n + HELD_OUT]]
    else:
        dataset = load_dataset("qm9")
        molecules = [
            dataset.molecule(int(i)) for i in order.permutation(dataset.indices("validation"))[: options.n + HELD_OUT]
        ]
    outcomes = evaluate_reward(resolve_reward(options.reward), molecules)
    scored = np.array([outcome.value is not None for outcome in outcomes])
    return molecules, np.array([0.0 if outcome.value is None else outcome.value for outcome in outcomes]), scored


def composition(molecule: Molecule) -> list[int]:
    """Atoms of each element, bonds of each order."""
    elements = [int((molecule.elements == number).sum()) for number in (1, 6, 7, 8, 9)]
    return elements + [int((molecule.orders == order).sum()) for order in (1, 2, 3)]


def linear_fit(counts: np.ndarray[Any, Any], rewards: np.ndarray[Any, Any], sizes: np.ndarray[Any, Any]) -> float:
    """R² on the held-out molecules of least squares on the counts, within each number of atoms."""
    centred = counts.astype(float)
    for size in np.unique(sizes):
        centred[sizes == size] -= centred[sizes == size].mean(axis=0)
    weights = np.linalg.lstsq(centred[:-HELD_OUT], rewards[:-HELD_OUT], rcond=None)[0]
    held_out = rewards[-HELD_OUT:]
    return float(1 - np.mean((centred[-HELD_OUT:] @ weights - held_out) ** 2) / held_out.var())


def standardised(rewards: np.ndarray[Any, Any], sizes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Deviations from the mean within each number of atoms, which V₀ holds, in units of their own deviation."""
    centred = rewards.astype(float).copy()
    for size in np.unique(sizes):
        centred[sizes == size] -= centred[sizes == size].mean()
    return centred / centred.std()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reward", default="dipole")
    parser.add_argument("--run", type=Path, help="take the molecules that this run has recorded, instead of QM9's")
    parser.add_argument("-n", type=int, default=2000, help="labels to learn from")
    parser.add_argument("--size", default="A")
    parser.add_argument("--reads", default="state", choices=("state", "endpoint"), help="what the network is given")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--batch", type=int, default=32, help="labels of a round")
    parser.add_argument("--updates", type=int, default=5, help="gradient steps of a round")
    parser.add_argument("--replay", type=int, default=0, help="rounds that are remembered")
    parser.add_argument("--points", type=int, default=10, help="points of each path that are remembered")
    parser.add_argument("--decay", type=float, default=0.0, help="of AdamW's weights")
    parser.add_argument("--horizon", type=float, default=1.0, help="how far ahead targets look")
    parser.add_argument("--average", type=float, default=0.0, help="decay of the average of the weights")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    keep_freed_memory()
    torch.manual_seed(options.seed)
    regression = Regression(options)
    print(json.dumps({"linear fit to the composition": round(regression.linear, 4)}), flush=True)
    for done in range(options.rounds):
        first = done * options.batch % max(1, len(regression.states) - HELD_OUT - options.batch)
        regression.learn(np.arange(first, first + options.batch))
        if (done + 1) % options.every == 0:
            for row in regression.measure():
                found = {name: round(value, 4) for name, value in row.items()}
                print(json.dumps({"round": done + 1, **found}), flush=True)


if __name__ == "__main__":
    main()
