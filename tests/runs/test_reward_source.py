from __future__ import annotations

import sys
from pathlib import Path

import pytest

from molvm.errors import RewardError, UnknownNameError
from molvm.rewards import QED, Command, PythonReward, Reward
from molvm.rewards.registry import _FACTORIES
from molvm.runs.reward_source import resolve_reward, reward_location
from tests.conftest import REWARD_FILE

SOURCE = """
from molvm import reward

@reward(unit="u")
def decorated(mol):
    return 1.0

def plain(mol):
    return 2.0

class Thing:
    pass
"""


def first(*terms: Reward) -> Reward:
    return terms[0]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rewards") / "rewards_of_a_user.py"
    path.write_text(SOURCE)
    return path


def test_names_and_files_are_found(file: Path) -> None:
    assert isinstance(resolve_reward("qed"), QED)
    assert resolve_reward(f"{file}:decorated").unit == "u"
    plain = resolve_reward(f"{file}:plain")
    assert isinstance(plain, PythonReward)
    assert plain.name == "plain"
    assert resolve_reward(f"{REWARD_FILE}:spread").name == "spread"


def test_unknown_names_come_with_the_nearest(file: Path) -> None:
    with pytest.raises(UnknownNameError, match="'dipole'"):
        resolve_reward("dipol")
    with pytest.raises(UnknownNameError, match="'plain'"):
        resolve_reward(f"{file}:plane")
    for name in ("Thing", "reward_names", "_private"):
        with pytest.raises(UnknownNameError):
            resolve_reward(f"{file}:{name}")


def test_files_that_cannot_be_used_are_named(file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken_reward.py"
    broken.write_text("1 / 0")
    twin = tmp_path / "json.py"
    twin.write_text(SOURCE)
    for name, words in (
        (f"{tmp_path / 'none.py'}:f", "does not exist"),
        (f"{broken}:f", "ZeroDivisionError"),
        (f"{twin}:plain", "name of another module"),
        (str(file), "names a file only"),
    ):
        with pytest.raises(RewardError, match=words):
            resolve_reward(name)


def test_a_run_can_be_opened_from_another_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert reward_location(f"{file.name}:plain") == f"{file}:plain"
    assert reward_location("qed") == "qed"
    with pytest.raises(UnknownNameError, match="'qed'"):
        reward_location("qde")


def test_paths_within_an_expression_are_kept_absolute(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.rewards.registry._FACTORIES", {**_FACTORIES, "first": first})
    monkeypatch.chdir(file.parent)
    stored = reward_location(f"first('{file.name}:plain',qed)")
    assert stored == f"first('{file}:plain', qed)"
    assert resolve_reward(stored).name == "plain"
    with pytest.raises(RewardError, match="names no reward"):
        resolve_reward("first('plain')")


def test_data_files_within_an_expression_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known.smi").write_text("CCO\n")
    stored = reward_location("novel(qed, known='known.smi')")
    assert stored == f"novel(qed, known='{tmp_path / 'known.smi'}')"
    monkeypatch.chdir("/")
    assert resolve_reward(stored).name == "novel(qed)"


@pytest.mark.parametrize("smiles", ["CC.O", "C", "c1ccccc1", "C" * 5000])
def test_a_smiles_is_no_path(smiles: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "C").touch()
    assert reward_location(f"similarity('{smiles}')") == f"similarity('{smiles}')"


@pytest.mark.parametrize(
    "written",
    ["command('{python} dock.py', name=dock)", "first(command(program='{python} dock.py'))"],
)
def test_a_program_of_a_stored_run_is_found_from_another_folder(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("molvm.rewards.registry._FACTORIES", {**_FACTORIES, "first": first})
    (tmp_path / "dock.py").write_text("")
    monkeypatch.chdir(tmp_path)
    stored = reward_location(written.format(python=sys.executable))
    monkeypatch.chdir("/")
    found = resolve_reward(stored)
    assert isinstance(found, Command)
    assert found.argv == (sys.executable, str(tmp_path / "dock.py"))


def test_an_engine_of_a_stored_run_is_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    stored = reward_location(f"dipole(engine=external, program='{sys.executable} engine.py {{xyz}}')")
    monkeypatch.chdir("/")
    found = resolve_reward(stored)
    assert found.pipeline.program == (sys.executable, str(tmp_path / "engine.py"), "{xyz}")  # type: ignore[attr-defined]
