from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from molvm.studio.serving import ROOT_VARIABLE, studio_folder

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Runs a page on a folder of its own, with parameters of its address."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(studio_folder()), *sys.path])

    def run(name: str, parameters: dict[str, str | list[str]] | None = None) -> AppTest:
        page = AppTest.from_file(str(studio_folder() / "app.py"), default_timeout=60)
        page.run()
        page.switch_page(f"{name}.py")
        page.query_params.clear()  # as in a browser; the first page has written its own
        for key, value in (parameters or {}).items():
            page.query_params[key] = value
        return page.run()

    return run
