"""Names of models are names of folders, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from molvm.errors import ConfigError
from molvm.models.flowmol.published.catalogue import PUBLISHED
from molvm.models.flowmol.published.naming import default_name, require_name


@pytest.mark.parametrize("name", [*PUBLISHED, "a", "v1.2", "-x", "_", "A-b_c.3"])
def test_names(name: str) -> None:
    assert require_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "../../evil", "a/b", "a\\b", "/a", "a:b", "a b", "a\n", "ä", "a\x1b[31m"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be called") as caught:
        require_name(name)
    assert "--name" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "named", "expected"),
    [
        ("mine/checkpoints/model.ckpt", "mine", "mine"),
        ("mine/checkpoints/model.ckpt", "mine/checkpoints", "mine"),
        ("mine/checkpoints/model.ckpt", "mine/checkpoints/model.ckpt", "mine"),
        ("mine/checkpoints/epoch=3.ckpt", "mine/checkpoints/epoch=3.ckpt", "mine"),
        ("mine/last.ckpt", "mine/last.ckpt", "mine"),
        ("downloads/mine.ckpt", "downloads/mine.ckpt", "mine"),
    ],
)
def test_a_model_is_called_as_its_folder(file: str, named: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert default_name(tmp_path / named) == expected
