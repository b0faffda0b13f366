"""What a shell is offered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from molvm.cli.completion import ELSEWHERE, SAMPLING_METHODS, TRANSITIONS, models, sources
from molvm.models.hub import GEOM
from molvm.models.images.published import PUBLISHED_IMAGES
from molvm.runs.inference import METHODS
from molvm.sde.options import TransitionName


def offered(line: str, folder: Path) -> list[str]:
    """What bash gets for the last word of a line, which may be empty."""
    words = line.split(" ")
    surroundings = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_MOLVM_COMPLETE": "complete_bash"}
    program = "import sys; sys.argv = ['molvm']\nfrom molvm.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **surroundings},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("molvm train --objective adj", {"adjoint-matching"}),
        ("molvm train --objective ", {"value-matching", "ddpo", "ct-ppo", "draft"}),
        ("molvm train --recipe ", {"digits", "few-labels", "known-molecules", "paper"}),
        ("molvm train --dataset ", {"qm9", "drugs", "geom", "sd3"}),
        ("molvm train --value-size ", set("ABCDEF")),
        ("molvm train --log ", {"tensorboard", "wandb", "mlflow"}),
        ("molvm sample q", {"qm9"}),
        ("molvm sample r", {"runs/"}),
        ("molvm sample runs/", {"runs/first/"}),
        ("molvm sample qm9 --method ", {"svdd", "feynman-kac", "best-of"}),
        ("molvm sample qm9 --transition a", {"analytic_variance"}),
        ("molvm evaluate top", {"top.sdf"}),
        ("molvm evaluate top.sdf --reference dr", {"drugs"}),
        ("molvm models info d", {"digits", "drugs"}),
        ("molvm rewards describe dip", {"dipole"}),
        ("molvm init --recipe f", {"few-labels"}),
        ("molvm init --objective d", {"ddpo", "dpok", "draft"}),
        ("molvm train --set training.it", {"training.iterations="}),
        ("molvm train --set objective.", {"objective.name="}),
        ("molvm data export ", {"qm9", "drugs", "geom"}),
    ],
)
def test_names_and_paths_are_completed(line: str, expected: set[str], tmp_path: Path) -> None:
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "top.sdf").write_text("")
    found = offered(line, tmp_path)
    assert expected <= set(found)
    assert all(name.startswith(line.rpartition(" ")[2]) for name in found)


def test_what_is_written_down_is_what_there_is() -> None:
    assert set(SAMPLING_METHODS) == set(METHODS)
    assert get_args(TransitionName) == TRANSITIONS
    assert set(ELSEWHERE) == {GEOM, *PUBLISHED_IMAGES}


def test_hidden_files_are_offered_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".studio", "some"):
        Path(name).mkdir()
    Path("file.sdf").write_text("")
    assert sources("")[-2:] == ["file.sdf", "some/"]
    assert sources(".s") == [".studio/"]
    assert models("s") == [*[name for name in models("s") if not name.endswith("/")], "some/"]
    assert sources("nowhere/x") == []


def test_no_completer_loads_torch() -> None:
    program = (
        "import sys\nfrom molvm.cli import completion as c\n"
        "for complete in (c.rewards, c.models, c.sources, c.datasets, c.objectives, c.methods, c.transitions,\n"
        "                 c.recipes, c.value_sizes, c.loggers, c.training_bases, c.settings):\n"
        "    assert complete('') is not None\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
