"""Programs of users': what they may do, and what they may not."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.formats.sdf import read_sdf
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards import WorkerPool, command, parse_reward
from molvm.rewards.command import Command, request

PROGRAM = Path(__file__).with_name("programs.py")


@pytest.fixture(scope="module")
def water() -> Molecule:
    molecule = parse_smiles("O", "water", {}).molecule
    assert molecule is not None
    return molecule


@pytest.fixture(scope="module")
def reward() -> Command:
    return command([sys.executable, str(PROGRAM), "marker"], unit="atoms", time_limit=10)


@pytest.mark.parametrize("how", ["plain", "chatter", "details"])
def test_an_answer_is_a_value(reward: Command, water: Molecule, how: str) -> None:
    (outcome,) = reward([replace(water, id=how)])
    assert (outcome.value, outcome.unit, outcome.failure) == (3.0, "atoms", None)
    assert outcome.details == ({"pose": 3, "smiles": "O"} if how == "details" else {})


@pytest.mark.parametrize(
    ("how", "kind", "stage", "words"),
    [
        ("crash", "crashed", "program", "exit status 7; it said: out of cheese"),
        ("fail", "failed", "program", "no pose found"),
        ("flood", "reward_error", "program", "more output"),
        ("silent", "reward_error", "answer", "said nothing"),
        ("garbage", "reward_error", "answer", "no JSON: '3.5 kcal/mol'"),
        ("other", "reward_error", "answer", "not about the molecule 'other'"),
        ("nan", "reward_error", "answer", "no finite number"),
        ("text", "reward_error", "answer", "no finite number"),
    ],
)
def test_everything_else_is_a_failure(
    reward: Command, water: Molecule, how: str, kind: str, stage: str, words: str
) -> None:
    (outcome,) = reward([replace(water, id=how)])
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.stage) == (kind, stage)
    assert words in outcome.failure.reason


def test_a_broken_molecule_never_reaches_the_program(reward: Command, water: Molecule) -> None:
    (outcome,) = reward([replace(water, positions=np.zeros((3, 3)), id="crash")])
    assert outcome.failure is not None
    assert outcome.failure.kind == "invalid"


def running(marker: str) -> list[int]:
    """The processes that have this among their arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def gone(marker: str, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while running(marker) and time.monotonic() < until:
        time.sleep(0.05)
    return not running(marker)


def test_too_long_ends_the_program_and_its_children(water: Molecule) -> None:
    slow = command([sys.executable, str(PROGRAM), "family-of-molvm"], time_limit=1.0)
    (outcome,) = slow([replace(water, id="family")])
    assert outcome.failure is not None
    assert outcome.failure.kind == "timeout"
    assert outcome.seconds < 8
    assert gone("family-of-molvm")


def test_the_program_ends_with_its_worker(water: Molecule) -> None:
    """The pool ends a worker without asking; what that had started must not stay."""
    patient = command([sys.executable, str(PROGRAM), "orphan-of-molvm"], time_limit=1000.0)
    started: list[int] = []

    def check() -> None:
        started.extend(running("orphan-of-molvm"))
        if started:
            raise KeyboardInterrupt

    with WorkerPool(1) as pool, pytest.raises(KeyboardInterrupt):
        pool.score(patient, [replace(water, id="hang")], check=check)
    assert gone("orphan-of-molvm")


def test_each_program_has_an_empty_directory_of_its_own(reward: Command, water: Molecule) -> None:
    first, second = (outcome.details for outcome in reward([replace(water, id="litter")] * 2))
    assert first["files"] == second["files"] == "['left_behind']"
    assert first["folder"] != second["folder"]
    assert not Path(str(first["folder"])).exists()


def test_a_limit_of_its_own_may_be_longer_than_the_pool_s(water: Molecule) -> None:
    """Else its worker would be ended first, and the molecule blamed for it."""
    reward = command([sys.executable, "-c", "import time; time.sleep(3); print('done')"], time_limit=9.0)
    with WorkerPool(1, time_limit=0.5) as pool:
        (outcome,) = pool.score(reward, [water])
    assert outcome.failure is not None
    assert outcome.failure.stage == "answer"


def test_the_request_is_the_whole_molecule(small: list[Molecule]) -> None:
    for molecule in small[:8]:
        asked = json.loads(json.dumps(request(molecule)))
        assert asked["protocol"] == 1
        assert asked["smiles"] == molecule.smiles()
        (record,) = read_sdf(asked["sdf"].splitlines(keepends=True))
        assert record.molecule is not None
        assert record.molecule.smiles() == molecule.smiles()
        np.testing.assert_allclose(np.array(asked["positions"]), molecule.positions, rtol=0, atol=0)
        assert [[i, j] for i, j, _ in asked["bonds"]] == molecule.bonds.tolist()
        assert len(asked["elements"]) == len(asked["formal_charges"]) == molecule.n_atoms


def test_it_is_written_as_an_expression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dock.py").write_text("")
    monkeypatch.chdir(tmp_path)
    reward = parse_reward(f"command('{sys.executable} dock.py --fast', name=dock, direction=minimise, unit='kcal/mol')")
    assert isinstance(reward, Command)
    assert reward.argv == (sys.executable, str(tmp_path / "dock.py"), "--fast")
    assert (reward.name, reward.direction, reward.unit) == ("dock", "minimise", "kcal/mol")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"program": ""}, "empty"),
        ({"program": "no-such-program-of-molvm"}, "not found"),
        ({"program": "true", "direction": "up"}, "direction"),
        ({"program": "true", "time_limit": 0}, "time limit"),
        ({"program": "true", "floor": float("nan")}, "floor"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], words: str) -> None:
    with pytest.raises(RewardError, match=words):
        command(**settings)  # type: ignore[arg-type]
