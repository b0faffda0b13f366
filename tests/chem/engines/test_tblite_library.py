from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from molvm.chem.engines import tblite_library

PROGRAM = """
import json, sys
import numpy as np
from molvm.chem.engines import tblite_library
from molvm.chem.engines.tblite import TBLite
if "plain" in sys.argv:
    tblite_library.load_with_openblas = lambda: None
water = np.array([[0.0, 0.0, 0.1], [0.0, 1.5, -1.0], [0.0, -1.5, -1.0]])
found = TBLite()(np.array([8, 1, 1], np.uint8), water, 0)
import torch
vector = torch.arange(4.0).to(torch.complex128)
libraries = sorted({line.split()[-1].rsplit("/", 1)[-1] for line in open("/proc/self/maps") if "blas" in line})
print(json.dumps([found.energy, *found.dipole, torch.vdot(vector, vector).real.item(), libraries]))
"""


def answer(*arguments: str) -> list[object]:
    """What a fresh interpreter finds: energy, dipole, a product by torch, and the linear algebra that it loaded."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    found: list[object] = json.loads(done.stdout)
    return found


def test_openblas_takes_the_place_of_the_reference_and_changes_nothing_else() -> None:
    *ours, libraries = answer()
    *plain, reference = answer("plain")
    assert ours == pytest.approx(plain, rel=1e-9, abs=1e-9)
    assert ours[-1] == 14.0
    assert isinstance(libraries, list)
    assert isinstance(reference, list)
    assert [name for name in reference if name.startswith(tblite_library.REFERENCE)]
    assert not [name for name in libraries if name.startswith(tblite_library.REFERENCE)]
    assert [name for name in libraries if name.startswith("libopenblas")]


def test_what_the_linker_refuses_is_left_alone(tmp_path: Path) -> None:
    broken = tmp_path / "_libtblite.so"
    broken.write_bytes(b"not a library")
    assert tblite_library._loaded(broken) is None


def test_other_ways_of_installing_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "tblite"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "tblite", raising=False)
    assert tblite_library.load_with_openblas() is None
