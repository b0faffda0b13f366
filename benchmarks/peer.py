"""molvm beside diffusiongym, the library of the Value Matching paper's authors, on a mixture in one dimension.

    python benchmarks/peer.py --out benchmarks/results/peer.json

The base is ½N(0, 1) + ½N(3, 0.4²) with its exact velocity, the rewards are diffusiongym's `1d/binary` and
`1d/gaussian`, and both sides have the same network, initial weights, batch, steps, reward calls, fall of the learning
rate and clipping (`peer/problem.py`). diffusiongym samples and scores; it is released without Value Matching, so the
update on its side is written from the paper's Algorithm 1 (`peer/theirs.py`). molvm is its trainer (`peer/ours.py`),
with the settings of `molvm train`, which are the paper's but for V₀, a gate and the time grid, and with its memory of
past paths.

Each arm takes the learning rate of the grid that does best for a seed of its own. Printed are, for other seeds: the
objective λE[r] − KL with KL = E[½∫|u|²dt] over fresh samples of the side's own sampler, whose largest value is log Z;
the 1-Wasserstein distance of the samples from p* ∝ p e^{λr}; seconds an iteration, taken in turns of a few, and the
median of their ratios to those of diffusiongym in the same turn.

diffusiongym is installed without its dependencies into `.venv-peer`, which sees this environment's packages too.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / ".venv-peer"
RELEASE = "diffusiongym==2.0.1"
ARMS = {
    "diffusiongym": ("theirs", {}),
    "molvm": ("ours", {"arm": "defaults"}),
    "molvm, memory": ("ours", {"arm": "memory"}),
}
AGREEMENT = 1e-6
"""Between the two sides' velocities and rewards."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=float, nargs="+", default=[1.6e-3, 4e-3, 1e-2, 2.5e-2])
    parser.add_argument("--iterations", type=int, default=200, help="rollouts")
    parser.add_argument("--tuning", type=Path, help="results of an earlier run, to tune with the rates it lacks only")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--turn", type=int, default=5, help="iterations of each side in turn")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    install()
    known = json.loads(options.tuning.read_text())["rewards"] if options.tuning else {}
    problems = [Problem("1d/binary", 3.0, options), Problem("1d/gaussian", 10.0, options)]
    with ThreadPoolExecutor(len(problems)) as pool:
        found = pool.map(lambda problem: problem.compare(known.get(problem.reward, {}).get("tuning", {})), problems)
        results = {
            "release": RELEASE,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "iterations": options.iterations,
            "rewards": {problem.reward: result for problem, result in zip(problems, found, strict=True)},
        }
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


def install() -> None:
    """The environment of the other side, unless it is there."""
    python = ENVIRONMENT / "bin" / "python"
    if python.exists() and subprocess.run([python, "-c", "import diffusiongym"], check=False).returncode == 0:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    Path(packages, "molvm.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps", RELEASE]
    subprocess.run(pip, check=True)


class Side:
    """A process that learns and samples for one library when asked."""

    def __init__(self, script: str) -> None:
        python = ENVIRONMENT / "bin" / "python" if script == "theirs" else sys.executable
        self.process = subprocess.Popen(
            [python, Path(__file__).parent / "peer" / f"{script}.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def ask(self, what: str, **arguments: Any) -> Any:
        """Its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"do": what, **arguments}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Problem:
    """A reward of diffusiongym with its λ, and the law p* ∝ p e^{λr} that both sides are to reach."""

    def __init__(self, reward: str, strength: float, options: argparse.Namespace) -> None:
        self.reward, self.strength, self.options = reward, strength, options
        self.x = np.linspace(-10, 10, 400_001)
        rewards = np.float64((self.x >= 0) & (self.x <= 1)) if reward == "1d/binary" else normal(self.x, -2.5, 0.8)
        weights = (normal(self.x, 0, 1) + normal(self.x, 3, 0.4)) / 2 * np.exp(strength * rewards)
        self.z = float(np.trapezoid(weights, self.x))
        self.cumulative = np.cumsum(weights) / weights.sum()
        self.exact = {"objective": math.log(self.z), "reward": float(np.trapezoid(weights * rewards, self.x)) / self.z}
        self.sides = {arm: Side(script) for arm, (script, _) in ARMS.items()}

    def compare(self, known: dict[str, dict[str, float]]) -> dict[str, Any]:
        """The tuning, and what each arm does with the best rate for each seed."""
        self.check()
        tuning = {arm: self.tune(arm, known.get(arm, {})) for arm in ARMS}
        rates = {arm: float(max(scores, key=scores.__getitem__)) for arm, scores in tuning.items()}
        runs = [row for seed in self.options.seeds for row in self.train(rates, seed)]
        for side in self.sides.values():
            assert side.process.stdin is not None
            side.process.stdin.close()
        found = {"exact": self.exact} | {arm: median_of([row for row in runs if row["arm"] == arm]) for arm in rates}
        return {"strength": self.strength, "rates": rates, "found": found, "tuning": tuning, "runs": runs}

    def check(self) -> None:
        """That both sides have the same velocity and reward."""
        ours, theirs = (self.sides[arm].ask("check", reward=self.reward) for arm in ("molvm", "diffusiongym"))
        for name in ours:
            difference = np.abs(np.ravel(ours[name]) - np.ravel(theirs[name])).max()
            assert difference < AGREEMENT, f"the {name} of {self.reward} differs by {difference}"

    def tune(self, arm: str, known: dict[str, float]) -> dict[str, float]:
        """λE[r] − KL by learning rate, of those that do not diverge."""
        missing = [rate for rate in self.options.rates if str(rate) not in known]
        scores = known | {str(rate): self.train({arm: rate}, seed=0)[0]["objective"] for rate in missing}
        return {rate: score for rate, score in scores.items() if math.isfinite(score)}

    def train(self, rates: dict[str, float], seed: int) -> list[dict[str, Any]]:
        """One run of each arm, in turns."""
        for arm, rate in rates.items():
            self.sides[arm].ask(
                "start",
                reward=self.reward,
                strength=self.strength,
                iterations=self.options.iterations,
                rate=rate,
                seed=seed,
                **ARMS[arm][1],
            )
        seconds: dict[str, list[float]] = {arm: [] for arm in rates}
        for _ in range(self.options.iterations // self.options.turn):
            for arm in rates:
                seconds[arm].append(self.sides[arm].ask("learn", iterations=self.options.turn) / self.options.turn)
        first = seconds[next(iter(rates))]
        rows = []
        for arm, rate in rates.items():
            relative = statistics.median(mine / other for mine, other in zip(seconds[arm], first, strict=True))
            times = {"seconds": statistics.median(seconds[arm]), "relative": relative}
            rows.append({"arm": arm, "seed": seed, "rate": rate, **self.measure(arm), **times})
            print(json.dumps({"problem": self.reward, **rows[-1]}), flush=True)
        return rows

    def measure(self, arm: str) -> dict[str, float]:
        """What a trained arm samples."""
        points, rewards, costs = np.array(self.sides[arm].ask("sample", count=self.options.samples))
        quantiles = np.interp((np.arange(len(points)) + 0.5) / len(points), self.cumulative, self.x)
        return {
            "reward": rewards.mean(),
            "kl": costs.mean(),
            "objective": self.strength * rewards.mean() - costs.mean(),
            "distance": np.abs(np.sort(points) - quantiles).mean(),
        }


def median_of(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The medians of what was measured for several seeds, and how far λE[r] − KL spreads."""
    names = ("reward", "kl", "objective", "distance", "seconds", "relative")
    objectives = [row["objective"] for row in rows]
    medians = {name: statistics.median(row[name] for row in rows) for name in names}
    return medians | {"objective_lowest": min(objectives), "objective_highest": max(objectives)}


def normal(x: np.ndarray[Any, Any], mean: float, deviation: float) -> np.ndarray[Any, Any]:
    density: np.ndarray[Any, Any] = np.exp(-((x - mean) ** 2) / (2 * deviation**2)) / (
        deviation * math.sqrt(2 * math.pi)
    )
    return density


if __name__ == "__main__":
    main()
