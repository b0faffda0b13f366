"""The whole dipole pipeline against the `xtb` program."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from molvm.chem.engines.tblite import TBLite
from molvm.chem.molecule import Molecule


def load_benchmark() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "chemistry.py"
    specification = importlib.util.spec_from_file_location("chemistry_benchmark", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("xtb") is None, reason="the xtb program is not installed")
def test_the_pipeline_agrees_with_the_program(drug_like: list[Molecule]) -> None:
    benchmark = load_benchmark()
    rows = benchmark.compare(drug_like[::3], TBLite())
    assert len(rows) >= 8
    difference = [abs(row["dipole"] - row["dipole_program"]) for row in rows]
    assert np.median(difference) <= 0.1
    assert np.quantile(difference, 0.8) <= 0.5
