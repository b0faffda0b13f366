"""Faults of single molecules cost exactly these molecules."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from faults import TIME_LIMIT, assert_exact, batch
from faulty_rewards import Faulty, Leaking, Surroundings, tpsa

from molvm.chem.molecule import Molecule
from molvm.cores import available_cores
from molvm.errors import RewardError
from molvm.rewards import Reward, WorkerPool, isolated
from molvm.rewards.pool import CHUNK_SIZE, TASKS_PER_WORKER


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2, time_limit=TIME_LIMIT) as workers:
        yield workers


@pytest.mark.parametrize(
    ("argument", "value"), [("n_workers", 0), ("time_limit", 0.0), ("time_limit", float("nan")), ("chunk_size", 0)]
)
def test_senseless_pools_are_refused(argument: str, value: float) -> None:
    with pytest.raises(RewardError, match=f"is {value}"):
        WorkerPool(**{argument: value})  # type: ignore[arg-type]


def test_the_parents_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with WorkerPool(1) as workers:
        workers.score(Faulty(), batch(1))
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_closing_ends_the_workers_and_use_starts_new_ones(small: list[Molecule]) -> None:
    workers = WorkerPool(1)
    (first,) = workers.score(Surroundings(), small[:1])
    workers.close()
    workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(first.value), 0)  # type: ignore[arg-type]
    (second,) = workers.score(Surroundings(), small[:1])
    workers.close()
    assert first.value != second.value


def test_workers_that_are_killed_from_outside_are_replaced(small: list[Molecule]) -> None:
    with WorkerPool(2, time_limit=10.0) as workers:
        for _ in range(3):
            for outcome in workers.score(Surroundings(), small[:8]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(outcome.value), signal.SIGKILL)  # type: ignore[arg-type]
            molecules = batch(30)
            assert_exact(molecules, workers.score(Faulty(), molecules))


def test_exceptions_that_nothing_catches_or_prints_cost_their_molecule_only(pool: WorkerPool) -> None:
    molecules = batch(12, base=2)
    outcomes = pool.score(Faulty(), molecules)
    assert_exact(molecules, outcomes)
    reasons = {outcome.failure.reason for outcome in outcomes if outcome.failure is not None}
    assert reasons == {"Baseless, which cannot be printed"}


def test_only_the_first_process_answers_for_a_reward_that_forks(pool: WorkerPool) -> None:
    molecules = batch(6, fork=2)
    assert [outcome.value for outcome in pool.score(Faulty(), molecules)] == [
        float(molecule.properties["value"])  # type: ignore[arg-type]
        for molecule in molecules
    ]


def test_what_is_checked_ends_a_batch_that_gives_no_outcome() -> None:
    checks: list[float] = []

    def check() -> None:
        checks.append(time.monotonic())
        if len(checks) == 3:
            raise InterruptedError

    start = time.monotonic()
    with WorkerPool(1, time_limit=60.0) as workers:
        with pytest.raises(InterruptedError):
            workers.score(Faulty(), batch(1, hang=1), check=check)
        assert [late - early < 2.0 for early, late in zip([start, *checks], checks, strict=False)] == [True] * 3
    assert time.monotonic() - start < 20.0


def test_workers_are_replaced_before_they_have_leaked_much(
    small: list[Molecule], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit counts chunks; 0.1 MB a molecule is what the engines leak."""
    assert 0.1 * CHUNK_SIZE * TASKS_PER_WORKER <= 100
    monkeypatch.setattr("molvm.rewards.pool.TASKS_PER_WORKER", 1)
    with WorkerPool(1, chunk_size=2) as workers:
        # Batches of so few molecules have chunks of one.
        assert len({outcome.value for outcome in workers.score(Surroundings(), small[:3])}) == 3


def test_a_worker_that_grows_makes_room_for_another() -> None:
    with WorkerPool(1, chunk_size=1) as workers:
        processes = [outcome.value for outcome in workers.score(Leaking(each=110 * 2**20), batch(24))]
    # After its first, a worker leaks five times before it is larger than it may be.
    assert [processes.count(process) for process in set(processes)] == [6, 6, 6, 6]


def test_what_a_reward_loads_at_first_is_no_leak() -> None:
    with WorkerPool(1, chunk_size=1) as workers:
        assert len({outcome.value for outcome in workers.score(Leaking(first=600 * 2**20), batch(6))}) == 1


def test_a_worker_that_leaves_with_status_0_has_crashed(pool: WorkerPool) -> None:
    started = time.monotonic()
    molecules = batch(8, stop=2)
    outcomes = pool.score(Faulty(), molecules)
    assert_exact(molecules, outcomes)
    assert {outcome.failure.reason for outcome in outcomes if outcome.failure} == {"the worker ended with code 0"}
    assert time.monotonic() - started < pool.time_limit


def test_a_reward_that_ends_its_worker_as_one_that_has_grown_has_crashed(pool: WorkerPool) -> None:
    molecules = batch(8, mimic=2)
    assert_exact(molecules, pool.score(Faulty(), molecules))


def test_a_reward_that_workers_cannot_import_fails_for_every_molecule(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fleeting_rewards.py").write_text(
        "from molvm.rewards import reward\n\n@reward()\ndef constant(mol):\n    return 1.0\n"
    )
    pool.score(Faulty(), batch(4))
    monkeypatch.syspath_prepend(str(tmp_path))
    outcomes = pool.score(importlib.import_module("fleeting_rewards").constant, batch(3))
    assert [outcome.failure.kind for outcome in outcomes if outcome.failure] == ["reward_error"] * 3


def test_an_isolated_reward_is_a_reward_with_the_same_description(small: list[Molecule]) -> None:
    with isolated(tpsa, 1) as reward:
        assert isinstance(reward, Reward)
        assert (reward.name, reward.unit, reward.direction, reward.floor) == ("tpsa", "Å²", "maximise", None)
        assert [o.value for o in reward(small)] == [o.value for o in tpsa(small)]


@pytest.mark.parametrize("settings", [{"n_workers": 0}, {"chunk_size": 0}, {"time_limit": 0.0}, {"time_limit": np.inf}])
def test_senseless_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(RewardError, match="positive"):
        WorkerPool(**settings)  # type: ignore[arg-type]


def test_it_uses_the_cores_there_are() -> None:
    assert WorkerPool().n_workers == available_cores() >= 1


SCRIPT = """
import sys
from molvm.chem.formats.smiles import parse_smiles
from molvm.rewards import isolated, qed, reward

print("running", __name__)
molecules = [parse_smiles("CCO", "ethanol", {}).molecule]

@reward()
def weight(mol):
    return mol.GetNumAtoms()

def main():
    with isolated(%s, 1) as scorer:
        print("scored", scorer(molecules)[0].value is not None)

%s
"""


def run_script(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    path.write_text(text)
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False, timeout=120)


def test_a_script_without_guard_is_run_once_with_a_shipped_reward(tmp_path: Path) -> None:
    done = run_script(tmp_path / "script.py", SCRIPT % ("qed()", "main()"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["running __main__", "scored True", ""]


def test_a_script_with_guard_may_define_its_reward(tmp_path: Path) -> None:
    done = run_script(tmp_path / "script.py", SCRIPT % ("weight", 'if __name__ == "__main__":\n    main()'))
    assert done.returncode == 0, done.stderr
    assert "scored True" in done.stdout


def test_a_script_without_guard_that_defines_its_reward_is_told(tmp_path: Path) -> None:
    done = run_script(tmp_path / "script.py", SCRIPT % ("weight", "main()"))
    assert done.returncode != 0
    assert "scored" not in done.stdout
    assert '`if __name__ == "__main__":`' in done.stderr


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys, time\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from faulty_rewards import Surroundings\nfrom molvm.chem.formats.smiles import parse_smiles\n"
        "from molvm.rewards import isolated\n"
        "reward = isolated(Surroundings(), 1)\n"
        "print(int(reward([parse_smiles('O', 'w', {}).molecule])[0].value), flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)
        parent.kill()
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline and runs(worker):
        time.sleep(0.05)
    assert not runs(worker)


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_importing_the_rewards_is_light() -> None:
    script = (
        "import sys, molvm.rewards, molvm.chem.io\n"
        "heavy = {'torch', 'rdkit', 'scipy', 'pebble', 'dask', 'distributed', 'tblite', 'gfnff', 'xtb'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_thousand_evaluations_lose_a_hundred_faults() -> None:
    molecules = batch(1000, abort=20, exit=5, hang=25, **{"raise": 25}, nan=25)
    with WorkerPool(2, time_limit=TIME_LIMIT) as workers:
        assert_exact(molecules, workers.score(Faulty(), molecules))
