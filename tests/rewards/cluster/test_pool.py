"""What can go wrong with many machines: lost workers, lost schedulers, other versions, files that are not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults import TIME_LIMIT, assert_exact, batch
from faulty_rewards import Faulty, Surroundings, tpsa

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, MissingDependencyError, RewardError
from molvm.rewards import Command, Outcome
from molvm.rewards.cache import OutcomeCache
from molvm.rewards.cluster.pool import DaskPool
from molvm.runs.reward_source import resolve_reward
from tests.conftest import QUIET_CLUSTER


def worker_processes(address: str) -> list[int]:
    """The process of every worker of a cluster."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


@contextlib.contextmanager
def small_cluster(n_workers: int, **settings: Any) -> Iterator[Any]:
    """A cluster of threads of this process, quick to start."""
    from distributed import LocalCluster

    made = {"processes": False, "threads_per_worker": 1, **QUIET_CLUSTER, **settings}
    with LocalCluster(n_workers=n_workers, **made) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def empty() -> Iterator[str]:
    """A scheduler without workers."""
    with small_cluster(0) as cluster:
        yield cluster.scheduler_address


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(cluster_address: str) -> None:
    molecules = batch(200, abort=1, **{"raise": 2}, nan=2)
    victims = worker_processes(cluster_address)
    assert len(victims) == 2

    def kill_one(outcome: Outcome) -> None:
        if len(victims) == 2:
            os.kill(victims.pop(), signal.SIGKILL)

    with DaskPool(cluster_address, time_limit=TIME_LIMIT, chunk_size=8) as pool:
        assert_exact(molecules, pool.score(Faulty(seconds=0.02), molecules, kill_one))
    assert len(victims) == 1


def test_the_processes_of_a_killed_worker_end_with_it(cluster_address: str, small: list[Molecule]) -> None:
    with DaskPool(cluster_address) as pool:
        (outcome,) = pool.score(Surroundings(), small[:1])
        for process in worker_processes(cluster_address):
            os.kill(process, signal.SIGKILL)
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline and Path(f"/proc/{int(outcome.value or 0)}").exists():
            time.sleep(0.05)
        assert not Path(f"/proc/{int(outcome.value or 0)}").exists()
        assert_exact(molecules := batch(4), pool.score(Faulty(), molecules))


@pytest.mark.slow
def test_only_a_molecule_that_ends_machines_by_itself_is_blamed() -> None:
    import dask

    molecules = batch(24, deadly=1, **{"raise": 1})
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        small_cluster(2, processes=True) as cluster,
        DaskPool(cluster.scheduler_address, time_limit=TIME_LIMIT) as pool,
    ):
        outcomes = pool.score(Faulty(), molecules)
    assert_exact(molecules, outcomes)
    (dead,) = [each for each in outcomes if each.failure is not None and each.failure.kind == "crashed"]
    assert dead.failure is not None
    assert "3 Dask workers ended while nothing but this molecule" in dead.failure.reason


def test_a_cluster_that_stays_empty_is_given_up(empty: str) -> None:
    with DaskPool(f"{empty}?wait=1") as pool, pytest.raises(RewardError, match=r"no worker for 1 s.*dask worker tcp"):
        pool.score(Faulty(), batch(2))


def test_an_empty_cluster_is_left_when_asked(empty: str) -> None:
    def check() -> None:
        raise InterruptedError

    with DaskPool(empty) as pool, pytest.raises(InterruptedError):
        pool.score(Faulty(), batch(2), check=check)


def test_workers_that_come_later_are_used(empty: str) -> None:
    from distributed import LocalCluster

    with small_cluster(0) as cluster, DaskPool(cluster.scheduler_address) as pool:
        assert isinstance(cluster, LocalCluster)
        timer = threading.Timer(1.5, cluster.scale, [1])
        timer.start()
        assert_exact(molecules := batch(6), pool.score(Faulty(), molecules))
        timer.join()


def test_what_is_known_needs_no_worker(empty: str, cluster_address: str, small: list[Molecule], tmp_path: Path) -> None:
    from molvm.rewards import Dipole

    cache = OutcomeCache(tmp_path)
    with DaskPool(cluster_address, cache=cache) as pool:
        first = pool.score(Dipole(), small[:3])
    with DaskPool(f"{empty}?wait=1", cache=cache) as pool:
        assert [o.value for o in pool.score(Dipole(), small[:3])] == [o.value for o in first]


def test_a_scheduler_that_nobody_answers_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.rewards.cluster.connection.CONNECT_SECONDS", 0.5)
    with pytest.raises(RewardError, match=r"tcp://127\.0\.0\.1:1 cannot be reached.*dask scheduler"):
        DaskPool("dask://127.0.0.1:1")
    with pytest.raises(RewardError, match=r"tls://127\.0\.0\.1:1 cannot be reached.*certificates"):
        DaskPool("tls://127.0.0.1:1")
    with pytest.raises(ConfigError, match="neither"):
        DaskPool("127.0.0.1:1")


def test_a_scheduler_that_goes_away_is_named() -> None:
    with small_cluster(1) as cluster, DaskPool(cluster.scheduler_address) as pool:
        calls: list[None] = []

        def check() -> None:
            calls.append(None)
            if len(calls) == 2:
                cluster.close()

        with pytest.raises(RewardError, match=r"has gone in the middle of a batch.*--resume"):
            pool.score(Faulty(), batch(2, hang=2), check=check)
        with pytest.raises(RewardError, match="has gone"):
            pool.score(Faulty(), batch(1))


def test_workers_of_another_version_are_refused(cluster_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.rewards.cluster.pool.decisive_versions", lambda: {"molvm": "9.9", "docker": "1"})
    with (
        DaskPool(cluster_address) as pool,
        pytest.raises(RewardError, match=r"molvm 0\.\S+ instead of 9\.9, docker is missing instead of 1.*same env"),
    ):
        pool.score(Faulty(), batch(1))


def test_workers_without_molvm_are_named(tmp_path: Path) -> None:
    """Neither scheduler nor worker can import molvm; both are programs of their own, started as users do."""
    (tmp_path / "blind.py").write_text("import sys\nsys.modules['molvm'] = None\n")
    port = 20000 + secrets.randbelow(20000)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    blind = ["--preload", str(tmp_path / "blind.py"), "--no-dashboard"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), *blind]
    worker = [*dask, "worker", f"tcp://127.0.0.1:{port}", "--no-nanny", "--nthreads", "1", *blind]
    with (
        subprocess.Popen(scheduler, cwd=tmp_path, **silent) as first,  # type: ignore[call-overload]
        subprocess.Popen(worker, cwd=tmp_path, **silent) as second,  # type: ignore[call-overload]
    ):
        try:
            with DaskPool(f"dask://127.0.0.1:{port}") as pool, pytest.raises(RewardError, match="has no such molvm"):
                pool.score(Faulty(), batch(1))
        finally:
            # Not asked to end: a worker that is asked while its scheduler goes may wait for it without end.
            second.kill()
            first.kill()


def test_dask_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingDependencyError, match=r"molvm\[dask\]"):
        DaskPool("dask://127.0.0.1:1")


def test_a_file_of_the_user_need_not_be_on_the_workers(
    cluster_address: str, small: list[Molecule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor the modules that it imports; and a new version of it is a new reward."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "far_helper.py").write_text("FACTOR = 2.0\n")
    (tmp_path / "far_reward.py").write_text(
        "import far_helper\n\ndef atoms(mol):\n    return far_helper.FACTOR * mol.GetNumAtoms()\n\n"
        "if __name__ == '__main__':\n    raise SystemExit\n"
    )
    with DaskPool(cluster_address) as pool:
        for factor in (2.0, 3.0):
            (tmp_path / "far_helper.py").write_text(f"FACTOR = {factor}\n")
            outcomes = pool.score(resolve_reward(f"{tmp_path / 'far_reward.py'}:atoms"), small[:4])
            assert [outcome.value for outcome in outcomes] == [factor * molecule.n_atoms for molecule in small[:4]]


def test_a_reward_of_the_script_itself_is_refused(tmp_path: Path, cluster_address: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import molvm\nfrom molvm.chem.formats.smiles import parse_smiles\n\n@molvm.reward()\ndef mine(mol):\n"
        "    return 1.0\n\nif __name__ == '__main__':\n    from molvm.rewards import isolated\n"
        f"    isolated(mine, {cluster_address!r})([parse_smiles('O', 'w', {{}}).molecule])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert "a file of its own, imported by the script" in done.stderr


def test_a_program_that_is_not_on_the_worker_fails_its_molecules(cluster_address: str, small: list[Molecule]) -> None:
    with DaskPool(cluster_address) as pool:
        outcomes = pool.score(Command(("/nowhere/dock", "-q")), small[:2])
    for outcome in outcomes:
        assert outcome.failure is not None
        assert "/nowhere/dock" in outcome.failure.reason


def test_nothing_is_said_and_no_dashboard_is_opened(cluster_address: str, capfd: pytest.CaptureFixture[str]) -> None:
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from faults import batch\nfrom faulty_rewards import Faulty\nfrom molvm.rewards.cluster.pool import DaskPool\n"
        f"with DaskPool({cluster_address!r}) as pool:\n    pool.score(Faulty(), batch(3, hang=0))\n"
        "print('bokeh' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_the_threads_of_one_worker_do_not_mix(small: list[Molecule]) -> None:
    """Chunks of one machine at the same time: every thread has a pool of its own."""
    with small_cluster(1, threads_per_worker=3) as cluster, DaskPool(cluster.scheduler_address) as pool:
        outcomes = pool.score(Surroundings(), small[:12])
    assert [outcome.id for outcome in outcomes] == [molecule.id for molecule in small[:12]]
    assert 1 < len({outcome.value for outcome in outcomes}) <= 3


def test_tpsa_is_what_it_is_here(cluster_address: str, drug_like: list[Molecule]) -> None:
    with DaskPool(cluster_address) as pool:
        assert [o.value for o in pool.score(tpsa, drug_like)] == [o.value for o in tpsa(drug_like)]
