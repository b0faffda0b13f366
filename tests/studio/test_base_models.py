from __future__ import annotations

from pathlib import Path

import pytest

from molvm.datasets.home import HOME_VARIABLE
from molvm.models.hub import bundled_models, converted_home, load_model, model_names
from molvm.studio.base_models import BUNDLED, MOLECULAR, offered_models
from tests.runs.tiny import save_tiny


def test_what_is_offered_is_what_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert offered_models() == BUNDLED
    converted_home().mkdir(parents=True)
    save_tiny(converted_home() / "tiny")
    assert sorted(offered_models()) == model_names()


def test_what_is_said_of_them_is_so() -> None:
    assert set(BUNDLED) == set(bundled_models())
    assert {name for name in BUNDLED if hasattr(load_model(name), "sizes")} == set(MOLECULAR)
    sizes = load_model("drugs").sizes.sizes  # type: ignore[union-attr]
    assert f"{min(sizes)} to {max(sizes)} atoms" in BUNDLED["drugs"]
