from __future__ import annotations

from pathlib import Path

import pytest

from molvm.errors import InputFileError, MolVMError, UnknownNameError
from molvm.studio.rewards import offered_rewards, page_reward
from molvm.studio.scoring import Uploads, score_arguments


@pytest.mark.parametrize("name", ["../../x.sdf", "/etc/x.SDF", "a b<script>.sdf"])
def test_the_name_of_an_upload_leads_nowhere(tmp_path: Path, name: str) -> None:
    source, out = Uploads(tmp_path).keep("abc123", name, b"text")
    assert source == tmp_path / "uploads" / "abc123.sdf"
    assert source.read_bytes() == b"text"
    assert out == tmp_path / "scores" / "abc123.csv"


@pytest.mark.parametrize("name", ["x.gz", "x.sdf.gz", "x.py", "sdf", ""])
def test_other_kinds_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputFileError):
        Uploads(tmp_path).keep("abc123", name, b"text")


def test_a_table_is_found_by_its_token_alone(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    _, out = uploads.keep("abc123", "x.sdf", b"")
    (tmp_path / "secret.csv").touch()
    out.touch()
    assert uploads.table("abc123") == out
    for token in ("../secret", "abc124", "", "zz"):
        with pytest.raises(UnknownNameError):
            uploads.table(token)


def test_rewards_are_arguments_of_their_own() -> None:
    argv = score_arguments(Path("a.sdf"), ["qed", "--out=x"], Path("b.csv"))
    assert argv == ["score", "a.sdf", "--reward", "qed", "--reward", "--out=x", "--out", "b.csv", "--overwrite"]


def test_offered_rewards_can_be_made() -> None:
    offered = offered_rewards()
    assert {"qed", "dipole", "logp"} <= set(offered)
    assert not {"command", "openbabel"} & set(offered)
    for name in offered:
        assert page_reward(name).name


@pytest.mark.parametrize("text", ["command('sh -c x')", "'x.py:f'", "x.py:f", "product(qed, 'x.py:f')", "(", "no_such"])
def test_programs_files_and_nonsense_are_refused(text: str) -> None:
    with pytest.raises(MolVMError):
        page_reward(text)
