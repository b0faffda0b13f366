from __future__ import annotations

from pathlib import Path

import pytest

import molvm
from molvm.reporting.evidence import Evidence, collect


@pytest.fixture(scope="session")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of the bundled base: one round of the base alone, then one that is steered."""
    out = tmp_path_factory.mktemp("runs") / "qed"
    settings = {"sampling": {"transition": "analytic_variance"}}
    molvm.train(
        "qm9", "qed", out=out, strength=20, iterations=2, batch_size=6, steps=6, value_size="A", settings=settings
    )
    return out


@pytest.fixture(scope="session")
def evidence(run_path: Path) -> Evidence:
    return collect(run_path, 6)
