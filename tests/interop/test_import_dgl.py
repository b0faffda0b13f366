"""How DGL is imported, on packages of that name which fail in the ways that it does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from molvm.errors import InteropError, MissingDependencyError
from molvm.interop.dgl import GRAPHBOLT, import_dgl

WHOLE = "import warnings; warnings.warn('old', DeprecationWarning); from . import graphbolt"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Makes a package `dgl` with a part `graphbolt`."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "dgl"}

    def make(whole: str, graphbolt: str) -> None:
        (tmp_path / "dgl").mkdir()
        (tmp_path / "dgl" / "__init__.py").write_text(whole)
        (tmp_path / "dgl" / "graphbolt.py").write_text(graphbolt)
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()

    monkeypatch.setenv("DGLBACKEND", "pytorch")
    yield make
    for name in [name for name in sys.modules if name.split(".")[0] == "dgl"]:
        del sys.modules[name]
    sys.modules.update(kept)


def test_a_dgl_that_works_is_left_as_it_is(package: Callable[[str, str], None]) -> None:
    package(WHOLE, "speed = 1")
    assert import_dgl().graphbolt.speed == 1


def test_a_graphbolt_that_fails_is_kept_out(package: Callable[[str, str], None]) -> None:
    package(WHOLE, "raise ImportError('Cannot find DGL C++ graphbolt library')")
    assert import_dgl() is import_dgl()
    assert vars(sys.modules[GRAPHBOLT]).get("speed") is None


def test_a_dgl_that_fails_without_it_too_is_an_error(package: Callable[[str, str], None]) -> None:
    package("import os; from . import graphbolt; raise OSError('libdgl.so')", "raise ImportError('graphbolt')")
    with pytest.raises(InteropError, match=r"graphbolt; without dgl.graphbolt: libdgl.so.*make test-dgl"):
        import_dgl()
    assert not [name for name in sys.modules if name.split(".")[0] == "dgl"]


def test_without_dgl_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dgl", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'molvm\[dgl\]'"):
        import_dgl()
