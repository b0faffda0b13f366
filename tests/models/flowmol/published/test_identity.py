"""A published name belongs to the published file, or at least to a model that could be it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from molvm.digests import sha256_of
from molvm.errors import ModelError
from molvm.models.flowmol.published.catalogue import PUBLISHED
from molvm.models.flowmol.published.convert import convert
from tests.models.flowmol.published.token_folder import token_folder
from tests.models.flowmol.upstream import PARITY

FOLDER = PARITY / "tiny_gaussian"
CHECKPOINT = FOLDER / "checkpoints" / "model.ckpt"


def test_another_file_is_not_the_published_model() -> None:
    with pytest.raises(ModelError, match=r"is not the published model geom_gaussian: it has .* not 48974411") as caught:
        convert(FOLDER, "geom_gaussian")
    assert "--name" in str(caught.value)
    assert str(PUBLISHED["geom_gaussian"].sha256) in str(caught.value)
    assert convert(FOLDER, "mine").name == "mine"


def test_the_digest_decides_where_the_size_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    known = replace(PUBLISHED["geom_gaussian"], size=CHECKPOINT.stat().st_size)
    monkeypatch.setitem(PUBLISHED, "geom_gaussian", known)
    with pytest.raises(ModelError, match=f"its SHA-256 is {sha256_of(CHECKPOINT)}"):
        convert(FOLDER, "geom_gaussian")
    monkeypatch.setitem(PUBLISHED, "geom_gaussian", replace(known, sha256=sha256_of(CHECKPOINT)))
    model = convert(FOLDER, "geom_gaussian")
    assert (model.name, model.card["source"]["published_as"]) == ("geom_gaussian", "geom_gaussian")


def test_another_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "geom_gaussian").mkdir()
    (tmp_path / "geom_gaussian" / "model.ckpt").write_text("anything")
    with pytest.raises(ModelError, match="is not the published model"):
        convert(tmp_path / "geom_gaussian")


@pytest.mark.parametrize(
    ("case", "name", "said"),
    [
        ("v20_tiny_ctmc", "geom_ctmc", "of the kind ctmc and knows the elements C, H, N, O, F"),
        ("v20_tiny_ctmc", "flowmol3", "of the kind ctmc"),
        ("v31_tiny", "geom_ctmc", "of the kind flowmol3"),
        ("v31_tiny", "qm9_ctmc", "of the kind flowmol3"),
    ],
)
def test_without_a_digest_kind_and_elements_decide(case: str, name: str, said: str, tmp_path: Path) -> None:
    folder = token_folder(tmp_path / "mine", case)
    with pytest.raises(ModelError, match=f"cannot be the published model {name}: .*{said}") as caught:
        convert(folder, name)
    assert "--name" in str(caught.value)


@pytest.mark.parametrize(("case", "name"), [("v20_tiny_ctmc", "qm9_ctmc"), ("v31_tiny", "flowmol3")])
def test_what_could_be_it_is_taken(case: str, name: str, tmp_path: Path) -> None:
    assert convert(token_folder(tmp_path / "mine", case), name).name == name


def test_a_continuous_model_is_none_over_tokens() -> None:
    with pytest.raises(ModelError, match="cannot be the published model qm9_ctmc: it is of the kind gaussian"):
        convert(FOLDER, "qm9_ctmc")
