"""How well a gradient through the base model steers, where the value function is known: no reward is paid for.

    python benchmarks/steering.py --element O --steps 60 --steer-from 0.6 --steer-until 0.8 --focus 4

The reward r is the number of atoms of an element, so for a small λ V is -λ times the sum of their probabilities in x̂₁.
Along paths of the base model the control u at λ = 1 is computed but not applied. To first order in λ, and by Girsanov's
theorem exactly so for the simulated process, it costs λ² kl and raises the mean reward by λ gain, gain = E[r ∫u·dB]. A
perfect base in infinitely short steps has gain = 2 kl, and over all times the variance of r; what is missing is a
Jacobian of the base that is rougher than its samples, or a control that is held too long. Whatever λ, a cost of κ nats
buys gain √(κ / kl): that is printed for one nat, in deviations of r.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from rdkit.Chem import GetPeriodicTable
from torch import Tensor

from molvm.cli.allocator import keep_freed_memory
from molvm.models.hub import load_model
from molvm.sde import SamplingOptions, euler_maruyama
from molvm.states import MoleculeState


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--element", default="O")
    parser.add_argument("-n", type=int, default=448)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--steer-from", type=float, default=0.3)
    parser.add_argument("--steer-until", type=float, default=0.9)
    parser.add_argument("--focus", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    keep_freed_memory()
    torch.manual_seed(options.seed)
    times, expected, cost, ito, reward = measure(options)
    # r - E[r | x_t] has the same product with the step's noise in the mean, and less variance.
    products = ito * (reward - linear_fit(expected, reward))
    for low in np.arange(0, 1, 0.05):
        inside = (times >= low) & (times < low + 0.05)
        if inside.any():
            report(f"t from {low:.2f}", products[inside].sum(axis=0), cost[inside].sum(axis=0), reward)
    report("all", products.sum(axis=0), cost.sum(axis=0), reward)


def measure(options: argparse.Namespace) -> tuple[np.ndarray, ...]:
    """Times of the steps that would be steered; what the base expects of r there, ½|u|² dt and u·dB; and r."""
    model = load_model(options.model)
    place = list(model.config.elements).index(options.element)
    sampling = SamplingOptions(options.steps, options.steer_from, options.steer_until, options.focus)
    grid = sampling.grid(model.schedules)

    def amount(x: MoleculeState, _: Tensor) -> Tensor:
        return x.types[..., place].sum(dim=-1)

    x = model.noise(model.sample_condition(options.n), options.n)
    rows = []
    for k in range(options.steps):
        t, step = grid[k].float().expand(options.n), euler_maruyama(model.schedules, grid[k], grid[k + 1])
        noise = x.randn_like()
        if sampling.steer_from <= grid[k] <= sampling.steer_until:
            endpoint, gradient = model.differentiate_endpoint(x, t, amount)
            u = gradient.scale({name: step.shift[name] / step.noise[name] for name in step.shift})
            rows.append((grid[k].expand(options.n), amount(endpoint, t), u.squared_norm() / 2, u.inner(noise)))
        else:
            endpoint = model.predict_endpoint(x, t).project()
        x = x.scale(step.keep) + endpoint.scale(step.pull) + noise.scale(step.noise)
    times, expected, cost, ito = (torch.stack(column).numpy() for column in zip(*rows, strict=True))
    number = GetPeriodicTable().GetAtomicNumber(options.element)
    reward = [float((molecule.elements == number).sum()) for molecule in model.decode(x)]
    return times[:, 0], expected, cost, ito, np.array(reward)


def linear_fit(expected: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """At each time the least squares fit of r to what the base expects."""
    return np.stack([np.polyval(np.polyfit(row, reward, 1), row) for row in expected])


def report(where: str, product: np.ndarray, cost: np.ndarray, reward: np.ndarray) -> None:
    gain, kl = product.mean(), cost.mean()
    row = {
        "gain": gain,
        "error": product.std() / len(product) ** 0.5,
        "2 kl": 2 * kl,
        "deviations a nat": gain / (kl**0.5 * reward.std()),
    }
    print(json.dumps({"where": where, **{name: round(float(value), 3) for name, value in row.items()}}), flush=True)


if __name__ == "__main__":
    main()
