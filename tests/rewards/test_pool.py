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
from faulty_rewards import Faulty, Surroundings, interrupting, leaving, raising, tpsa

from molvm.chem.molecule import Molecule
from molvm.cores import available_cores
from molvm.errors import RewardError
from molvm.rewards import Outcome, PythonReward, Reward, WorkerPool, isolated, qed
from molvm.rewards.base import MoleculeReward
from molvm.rewards.pool import CHUNK_SIZE, TASKS_PER_WORKER

TIME_LIMIT = 1.5
KIND_OF_FAULT = {
    "abort": "crashed",
    "exit": "crashed",
    "hang": "timeout",
    "raise": "reward_error",
    "nan": "reward_error",
}


def helium(number: int, fault: str | None = None) -> Molecule:
    return Molecule(
        [2],  # type: ignore[arg-type]
        [[0.0, 0.0, 0.0]],  # type: ignore[arg-type]
        [0],  # type: ignore[arg-type]
        [],  # type: ignore[arg-type]
        [],  # type: ignore[arg-type]
        id=f"m{number}",
        properties={"value": number, "fault": fault},
    )


def batch(n: int, **faults: int) -> list[Molecule]:
    """`n` molecules in random order, with so many of each fault."""
    kinds = [kind for kind, count in faults.items() for _ in range(count)]
    drawn: list[str | None] = [*kinds, *[None] * (n - len(kinds))]
    order = np.random.default_rng(1).permutation(n)
    return [helium(number, drawn[place]) for number, place in enumerate(order)]


def assert_exact(molecules: list[Molecule], outcomes: list[Outcome]) -> None:
    assert [outcome.id for outcome in outcomes] == [molecule.id for molecule in molecules]
    for molecule, outcome in zip(molecules, outcomes, strict=True):
        fault = molecule.properties["fault"]
        if fault is None:
            assert outcome.value == molecule.properties["value"]
        else:
            assert outcome.failure is not None
            assert outcome.failure.kind == KIND_OF_FAULT[str(fault)], molecule.id


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2, time_limit=TIME_LIMIT) as workers:
        yield workers


@pytest.mark.parametrize("chunk_size", [1, 16])
def test_exactly_the_faulty_molecules_fail(chunk_size: int) -> None:
    molecules = batch(200, abort=4, exit=2, hang=3, **{"raise": 5}, nan=5)
    with WorkerPool(2, time_limit=TIME_LIMIT, chunk_size=chunk_size) as workers:
        assert_exact(molecules, workers.score(Faulty(), molecules))


def test_a_pool_serves_many_batches_and_rewards(pool: WorkerPool, small: list[Molecule]) -> None:
    for n in (0, 1, 50):
        molecules = batch(n)
        assert_exact(molecules, pool.score(Faulty(), molecules))
    assert [o.value for o in pool.score(qed(), small)] == [o.value for o in qed()(small)]


def test_only_faults(pool: WorkerPool) -> None:
    molecules = batch(5, abort=4, hang=1)
    assert_exact(molecules, pool.score(Faulty(), molecules))


@pytest.mark.parametrize("reward", [leaving, interrupting])
def test_a_reward_that_wants_to_end_the_program_fails(
    pool: WorkerPool, small: list[Molecule], reward: PythonReward
) -> None:
    outcomes = pool.score(reward, small[:3])
    assert [outcome.failure.kind for outcome in outcomes if outcome.failure is not None] == ["reward_error"] * 3


@pytest.mark.parametrize(
    ("argument", "value"), [("n_workers", 0), ("time_limit", 0.0), ("time_limit", float("nan")), ("chunk_size", 0)]
)
def test_senseless_pools_are_refused(argument: str, value: float) -> None:
    with pytest.raises(RewardError, match=f"is {value}"):
        WorkerPool(**{argument: value})  # type: ignore[arg-type]


def test_progress_sees_every_outcome_once(pool: WorkerPool) -> None:
    seen: list[str] = []
    molecules = batch(40, **{"raise": 3})
    pool.score(Faulty(), molecules, lambda outcome: seen.append(outcome.id))
    assert sorted(seen) == sorted(molecule.id for molecule in molecules)


def test_workers_are_single_threaded_silent_and_know_neither_torch_nor_main(
    pool: WorkerPool, small: list[Molecule], capfd: pytest.CaptureFixture[str]
) -> None:
    for outcome in pool.score(Surroundings(), small[:4]):
        assert outcome.details == {"torch": "False", "threads": "1", "openblas": "1", "main": "False", "scored": "True"}
        assert outcome.value != os.getpid()
    assert capfd.readouterr() == ("", "")


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


def test_an_interrupted_batch_leaves_a_usable_pool(pool: WorkerPool) -> None:
    def interrupt(outcome: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.score(Faulty(), batch(40, hang=2), interrupt)
    molecules = batch(20)
    assert_exact(molecules, pool.score(Faulty(), molecules))


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


def test_python_rewards_fail_the_same_way_in_workers(pool: WorkerPool, small: list[Molecule]) -> None:
    outcomes = pool.score(raising, small[:3])
    assert [o.failure.kind for o in outcomes if o.failure] == ["reward_error"] * 3
    assert all("no idea" in o.failure.reason for o in outcomes if o.failure)


def test_a_reward_that_cannot_be_sent_is_an_error(pool: WorkerPool) -> None:
    class Local(MoleculeReward):
        name, unit, direction, floor = "local", "", "maximise", None

        def evaluate(self, molecule: Molecule) -> Outcome:
            return self.succeed(molecule, 1.0)

    with pytest.raises(RewardError, match="cannot be sent"):
        pool.score(Local(), batch(1))


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
        "print(sorted({'torch', 'rdkit', 'scipy', 'pebble', 'tblite', 'gfnff', 'xtb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_thousand_evaluations_lose_a_hundred_faults() -> None:
    molecules = batch(1000, abort=20, exit=5, hang=25, **{"raise": 25}, nan=25)
    with WorkerPool(2, time_limit=TIME_LIMIT) as workers:
        assert_exact(molecules, workers.score(Faulty(), molecules))
