from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import molvm


@pytest.mark.parametrize("name", molvm.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(molvm, name) is not None
    module, attribute = molvm._HOMES[name]
    home = importlib.import_module(module)
    assert getattr(molvm, name) is (home if attribute is None else getattr(home, attribute))


def test_the_lists_agree() -> None:
    assert sorted(molvm._HOMES) == molvm.__all__
    assert [name for name in dir(molvm) if not name.startswith("__")] == molvm.__all__
    with pytest.raises(AttributeError, match="nonsense"):
        molvm.nonsense  # noqa: B018


def test_importing_molvm_loads_nothing_heavy() -> None:
    program = "import sys, molvm; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & {"torch", "rdkit", "numpy", "pydantic", "pyarrow"}
