"""A thousand evaluations with a hundred faults among them, on this machine's processes and on a Dask cluster.

    python benchmarks/faults.py --out faults.json

25 molecules abort their worker, 25 hang, 25 raise and 25 return a NaN; an evaluation takes 0.05 s. The same thousand
without faults is the clean run. The cluster has two Dask workers of one thread, one of which is killed by SIGKILL
in the middle of the faulty run. Prints what failed and how, and wall times: at most 1.3 times that of the clean run,
plus the time limits of the hangs, shared among the workers. Leaves with status 1 if an outcome is wrong
or the time is over.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "rewards"))

from faults import assert_exact, batch
from faulty_rewards import Faulty

from molvm.chem.molecule import Molecule
from molvm.rewards import Outcome, Pool, WorkerPool
from molvm.rewards.batch import Progress
from molvm.rewards.cluster.pool import DaskPool

WORKERS = 2


@dataclass(frozen=True)
class Asked:
    """The size of the suite."""

    count: int
    each: int
    seconds: float
    time_limit: float

    def molecules(self, each: int) -> list[Molecule]:
        """So many of each fault among all."""
        return batch(self.count, abort=each, hang=each, nan=each, **{"raise": each})


def timed(pool: Pool, asked: Asked, molecules: Sequence[Molecule], progress: Progress | None = None) -> Any:
    """Outcomes, checked one by one, and the wall time."""
    started = time.perf_counter()
    outcomes = pool.score(Faulty(seconds=asked.seconds), molecules, progress)
    seconds = time.perf_counter() - started
    assert_exact(molecules, outcomes)
    return outcomes, seconds


def measured(pool: Pool, asked: Asked, victim: int | None = None) -> dict[str, Any]:
    """A clean and a faulty run; in the middle of the faulty one a process is killed, if there is a victim."""
    done = 0

    def count(outcome: Outcome) -> None:  # noqa: ARG001 - only that there is one matters
        nonlocal done
        done += 1
        if victim is not None and done == asked.count // 2:
            os.kill(victim, signal.SIGKILL)

    timed(pool, asked, asked.molecules(0)[:WORKERS])
    _, clean = timed(pool, asked, asked.molecules(0))
    outcomes, faulty = timed(pool, asked, asked.molecules(asked.each), count)
    limits = asked.each * asked.time_limit / WORKERS
    kinds = Counter("right" if each.failure is None else each.failure.kind for each in outcomes)
    allowed = 1.3 * clean + limits
    return {"kinds": dict(kinds), "clean_s": clean, "faulty_s": faulty, "limits_s": limits, "allowed_s": allowed}


def on_cluster(asked: Asked) -> dict[str, Any]:
    """On a Dask cluster of this machine, one of whose workers is killed."""
    from distributed import Client, LocalCluster

    quiet: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", **quiet) as cluster:
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            victim = next(iter(client.run(os.getpid).values()))
        with DaskPool(cluster.scheduler_address, time_limit=asked.time_limit) as pool:
            return measured(pool, asked, victim)


def main() -> None:
    """Run both, print and write what came of it."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--each", type=int, default=25, help="of each of the four faults")
    parser.add_argument("--seconds", type=float, default=0.05, help="of an evaluation")
    parser.add_argument("--time-limit", type=float, default=2.0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    asked = Asked(given.count, given.each, given.seconds, given.time_limit)
    with WorkerPool(WORKERS, time_limit=asked.time_limit) as pool:
        found = {"processes": measured(pool, asked)}
    found["cluster"] = on_cluster(asked)
    for name, result in found.items():
        numbers = ", ".join(f"{key} {value:.1f}" for key, value in result.items() if key != "kinds")
        print(f"{name}: ids and order intact; {result['kinds']}; {numbers}")
    if given.out is not None:
        given.out.write_text(json.dumps(found, indent=2) + "\n")
    if any(result["faulty_s"] > result["allowed_s"] for result in found.values()):
        sys.exit("The faulty run took longer than is allowed.")


if __name__ == "__main__":
    main()
