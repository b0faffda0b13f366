"""How fast a value network learns what a reward is worth: `python benchmarks/value_learning.py --reward qed`.

Value Matching in the limit of a small λ is the regression of f(x_t, t) on −r(x₁). Here the molecules are given, QM9's
or those that a run has recorded, so no sampling is paid for: x_t is their interpolation with fresh noise, which has the
law of the memoryless process. Rounds of a few labels and steps of the optimiser are dealt as in training, by the same
code.
Printed are R² on held-out molecules, of a linear fit to the composition of x₁ and of the network at several times, and
the KL cost that the control would have at λ = 1 in units of the reward's deviation; the best possible one is half of
the final R².
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
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.cli.allocator import keep_freed_memory
from molvm.datasets.pack import pack
from molvm.datasets.registry import load_dataset
from molvm.models.flowmol.batches import clean_state
from molvm.models.flowmol.matching import interpolate
from molvm.models.hub import load_model
from molvm.objectives import Rollout, ValueMatching, ValueMatchingOptions
from molvm.runs.reward_source import resolve_reward
from molvm.runs.run import Run
from molvm.runs.scoring import evaluate_reward
from molvm.sde import time_grid
from molvm.sde.trajectory import Trajectory
from molvm.states import MoleculeState
from molvm.values.ladder import build_features

TIMES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)
HELD_OUT = 400


class Regression:
    """Labelled molecules of a base model's kind, and a value network that learns them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.model = options, load_model("qm9")
        molecules, rewards = labelled(options)
        packed = pack(
            molecules, name="labelled", element_symbols=self.model.config.elements, split=[0] * len(molecules)
        )
        sizes = np.array([molecule.n_atoms for molecule in molecules])
        self.states = [clean_state(packed.gather(np.array([i])), self.model.config) for i in range(len(molecules))]
        self.scored = torch.tensor(rewards != 0)
        self.rewards = torch.from_numpy(standardised(rewards, sizes)).float()
        self.linear = linear_fit(
            np.array([composition(molecule) for molecule in molecules]), self.rewards.numpy(), sizes
        )
        features = build_features(self.model, options.size, torch.Generator().manual_seed(options.seed))
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

    def noisy(self, chosen: np.ndarray[Any, Any], t: Tensor) -> MoleculeState:
        """x_t of the chosen molecules."""
        data = MoleculeState.cat([self.states[index] for index in chosen])
        return interpolate(self.model.schedules, data.randn_like(), data, t)

    def learn(self, labels: np.ndarray[Any, Any]) -> None:
        """A round: paths to these molecules, with noise of their own, and the gradient steps."""
        data = MoleculeState.cat([self.states[index] for index in labels])
        states = self.paths(data)
        nothing = torch.zeros(self.options.steps, len(labels))
        rollout = Rollout(Trajectory(self.grid, tuple(states), nothing, nothing), self.rewards[labels], 1.0)
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

    def measure(self) -> dict[str, float]:
        """R² at some times, and the KL cost."""
        held_out = np.arange(len(self.states) - HELD_OUT, len(self.states))
        found, rates = {}, []
        for time in TIMES:
            t = torch.full((HELD_OUT,), time)
            x = self.noisy(held_out, t)
            with torch.no_grad():
                error = self.objective.control(x, t) + self.rewards[held_out]
            found[f"r2 at {time}"] = 1 - float(error.square().mean() / self.rewards[held_out].var())
            ok = self.scored[-HELD_OUT:]
            found[f"v{time}"] = 1 - float(error[ok].var() / self.rewards[held_out][ok].var())
            gradient = self.objective.control.gradient(x, t)
            norms = gradient.inner_by_modality(gradient)
            sigma = self.model.schedules.collect(lambda schedule, t=t: schedule.sigma_squared(t))
            rates.append(float(sum((sigma[name] * norms[name] / 2).mean() for name in norms)))
        return {**found, "kl": float(np.trapezoid(rates, TIMES))}


def labelled(options: argparse.Namespace) -> tuple[list[Molecule], np.ndarray[Any, Any]]:
    """Molecules in random order, and their rewards; failures at 0."""
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
    return molecules, np.array([0.0 if outcome.value is None else outcome.value for outcome in outcomes])


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
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--batch", type=int, default=32, help="labels of a round")
    parser.add_argument("--updates", type=int, default=5, help="gradient steps of a round")
    parser.add_argument("--replay", type=int, default=0, help="rounds that are remembered")
    parser.add_argument("--points", type=int, default=10, help="points of each path that are remembered")
    parser.add_argument("--decay", type=float, default=0.0)
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
            found = {name: round(value, 4) for name, value in regression.measure().items()}
            print(json.dumps({"round": done + 1, **found}), flush=True)


if __name__ == "__main__":
    main()
