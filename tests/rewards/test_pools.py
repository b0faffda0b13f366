"""What every pool promises, on this machine's processes and on a Dask cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from faults import TIME_LIMIT, assert_exact, batch, helium
from faulty_rewards import Faulty, Surroundings, interrupting, leaving, raising, tpsa

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, RewardError
from molvm.rewards import Dipole, Isolated, Outcome, Pool, PythonReward, WorkerPool, open_pool, qed, reward
from molvm.rewards.base import MoleculeReward
from molvm.rewards.cache import OutcomeCache
from molvm.rewards.cluster.pool import DaskPool

OpenPool = Callable[..., Pool]


@pytest.fixture(scope="module", params=["processes", "cluster"])
def opened(request: pytest.FixtureRequest) -> OpenPool:
    """Opens a pool of two processes, here or in a cluster."""
    if request.param == "processes":
        return lambda **settings: WorkerPool(2, **settings)
    address: str = request.getfixturevalue("cluster_address")
    return lambda **settings: DaskPool(address, **settings)


@pytest.fixture(scope="module")
def pool(opened: OpenPool) -> Iterator[Pool]:
    with opened(time_limit=TIME_LIMIT) as pool:
        yield pool


@pytest.fixture(scope="module")
def patient_pool(opened: OpenPool) -> Iterator[Pool]:
    """For rewards that never hang, some of which take a while on a busy machine."""
    with opened(time_limit=120.0) as pool:
        yield pool


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [outcome.failure.kind for outcome in outcomes if outcome.failure is not None]


def test_exactly_the_faulty_molecules_fail(pool: Pool) -> None:
    molecules = batch(100, abort=1, exit=1, hang=1, **{"raise": 2}, nan=2)
    assert_exact(molecules, pool.score(Faulty(), molecules))


def test_a_pool_serves_many_batches_and_rewards(pool: Pool, small: list[Molecule]) -> None:
    for n in (0, 1, 50):
        molecules = batch(n)
        assert_exact(molecules, pool.score(Faulty(), molecules))
    assert [o.value for o in pool.score(qed(), small)] == [o.value for o in qed()(small)]


def test_only_faults(pool: Pool) -> None:
    molecules = batch(2, abort=1, hang=1)
    assert_exact(molecules, pool.score(Faulty(), molecules))


def test_molecules_of_one_id_are_told_apart(pool: Pool) -> None:
    molecules = [helium(7), helium(7, "raise"), helium(7)]
    assert_exact(molecules, pool.score(Faulty(), molecules))


def test_outcomes_arrive_whole(patient_pool: Pool, small: list[Molecule]) -> None:
    """Details and positions too, as in this process."""
    here, there = Dipole(keep_positions=True)(small[:2]), patient_pool.score(Dipole(keep_positions=True), small[:2])
    for mine, theirs in zip(here, there, strict=True):
        assert (mine.id, mine.value, mine.unit) == (theirs.id, pytest.approx(theirs.value), theirs.unit)
        settled = [name for name in mine.details if not name.endswith("seconds")]
        assert [theirs.details[name] for name in settled] == pytest.approx([mine.details[name] for name in settled])
        np.testing.assert_allclose(mine.positions, theirs.positions, atol=1e-6)


@pytest.mark.parametrize("wanted", [leaving, interrupting])
def test_a_reward_that_wants_to_end_the_program_fails(
    patient_pool: Pool, small: list[Molecule], wanted: PythonReward
) -> None:
    assert kinds(patient_pool.score(wanted, small[:3])) == ["reward_error"] * 3


def test_python_rewards_fail_the_same_way_in_workers(patient_pool: Pool, small: list[Molecule]) -> None:
    outcomes = patient_pool.score(raising, small[:3])
    assert kinds(outcomes) == ["reward_error"] * 3
    assert all("no idea" in o.failure.reason for o in outcomes if o.failure)


@pytest.mark.parametrize("settings", [{"chunk_size": 0}, {"time_limit": 0.0}, {"time_limit": np.inf}])
def test_senseless_settings_are_refused(opened: OpenPool, settings: dict[str, float]) -> None:
    with pytest.raises(RewardError, match="positive"):
        opened(**settings)


def test_progress_sees_every_outcome_once(pool: Pool) -> None:
    seen: list[str] = []
    molecules = batch(40, **{"raise": 3})
    pool.score(Faulty(), molecules, lambda outcome: seen.append(outcome.id))
    assert sorted(seen) == sorted(molecule.id for molecule in molecules)


def test_workers_are_single_threaded_silent_and_know_neither_torch_nor_main(
    pool: Pool, small: list[Molecule], capfd: pytest.CaptureFixture[str]
) -> None:
    for outcome in pool.score(Surroundings(), small[:4]):
        expected = {"torch": "False", "threads": "1", "openblas": "1", "main": "False", "scored": "True"}
        assert expected.items() <= outcome.details.items()
        assert outcome.value != os.getpid()
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_batch_leaves_a_usable_pool(pool: Pool) -> None:
    def interrupt(outcome: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.score(Faulty(), batch(40, hang=2), interrupt)
    molecules = batch(20)
    assert_exact(molecules, pool.score(Faulty(), molecules))


def test_what_is_checked_ends_a_batch_and_frees_the_workers(opened: OpenPool) -> None:
    """All workers hang, for longer than the test may take; a batch behind them is scored all the same."""
    checks: list[float] = []

    def check() -> None:
        checks.append(time.monotonic())
        if len(checks) == 3:
            raise InterruptedError

    with opened(time_limit=3600.0) as pool:
        with pytest.raises(InterruptedError):
            pool.score(Faulty(), batch(2, hang=2), check=check)
        molecules = batch(20)
        assert_exact(molecules, pool.score(Faulty(), molecules))


def test_a_closed_pool_can_be_used_again(opened: OpenPool) -> None:
    pool = opened()
    for _ in range(2):
        assert_exact(molecules := batch(3), pool.score(Faulty(), molecules))
        pool.close()
        pool.close()


def test_what_is_known_is_not_sent(opened: OpenPool, small: list[Molecule], tmp_path: Path) -> None:
    with opened(cache=OutcomeCache(tmp_path)) as pool:
        first = pool.score(Dipole(), small[:2])
        seen: list[Outcome] = []
        again = pool.score(Dipole(), small[1:3], seen.append)
    assert again[0].value == first[1].value
    assert again[0].seconds == first[1].seconds
    assert {outcome.id for outcome in seen} == {molecule.id for molecule in small[1:3]}


def test_an_isolated_reward_is_one_anywhere(patient_pool: Pool, small: list[Molecule]) -> None:
    assert [o.value for o in Isolated(tpsa, patient_pool)(small)] == [o.value for o in tpsa(small)]


def test_a_reward_that_cannot_be_sent_is_an_error(pool: Pool) -> None:
    class Local(MoleculeReward):
        name, unit, direction, floor = "local", "", "maximise", None

        def evaluate(self, molecule: Molecule) -> Outcome:
            return self.succeed(molecule, 1.0)

    for local in (Local(), reward()(lambda mol: 1.0)):
        with pytest.raises(RewardError, match="cannot be sent"):
            pool.score(local, batch(1))


def test_the_workers_say_which_pool(cluster_address: str) -> None:
    with open_pool("2") as numbered, open_pool(None) as default, open_pool(cluster_address) as remote:
        assert isinstance(numbered, WorkerPool)
        assert numbered.n_workers == 2
        assert isinstance(default, WorkerPool)
        assert isinstance(remote, DaskPool)
    for senseless in (0, -1, "0", "many", "dask://"):
        with pytest.raises(ConfigError, match=r"dask://host:port"):
            open_pool(senseless)


@pytest.mark.parametrize("module", ["rewards", "rewards.cluster.pool", "runs.scoring"])
def test_dask_is_imported_only_when_a_cluster_is_asked(module: str) -> None:
    script = f"import sys, molvm.{module}; print({{'dask', 'distributed'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
