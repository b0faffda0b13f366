from __future__ import annotations

from pathlib import Path

import pytest

from molvm.cli.endings import require_ending
from molvm.errors import ConfigError
from tests.cli.conftest import Molvm


@pytest.mark.parametrize("name", ["a.sdf", "A.SDF", "a.sd", "a"])
def test_endings_that_say_what_is_written(name: str) -> None:
    require_ending(Path(name), ".sdf", ".sd")


def test_other_endings_are_refused_before_anything_is_drawn(molvm: Molvm, tiny_path: Path) -> None:
    Path("in.smi").write_text("C\n")
    for command in (
        ("sample", tiny_path, "-n", 2, "--out", "a.xyz"),
        ("trajectory", tiny_path, "--out", "a.xyz"),
        ("score", "in.smi", "--reward", "qed", "--out", "a.xyz"),
    ):
        said = molvm(*command)
        assert said.code == 2
        assert "a.xyz would be no .xyz file" in said.err
        assert "Try: a." in said.err
    assert [path.name for path in Path().iterdir()] == ["in.smi"]


def test_reports_exports_and_settings_are_called_what_they_are(molvm: Molvm) -> None:
    for command, allowed in (
        (("report", "run", "--out", "r.pdf"), ".html"),
        (("data", "export", "qm9", "--out", "q.csv"), ".parquet"),
        (("init", "a.xyz"), ".toml"),
        (("init", "-"), ".toml"),
    ):
        said = molvm(*command)
        assert said.code == 2
        assert allowed in said.err
    assert not list(Path().iterdir())


def test_a_folder_is_not_called_like_a_file() -> None:
    require_ending(Path("images"))
    require_ending(Path("run.2"))
    with pytest.raises(ConfigError, match=r"i\.sdf would be a folder"):
        require_ending(Path("i.sdf"))
