"""D4's polarisabilities: against measured ones, and what makes no polarisability."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from properties import failure, from_smiles, value

from molvm.chem.engines.d4 import atomic_polarisabilities
from molvm.errors import EngineError, MissingDependencyError
from molvm.rewards import make_reward

MODULE = import_module("molvm.rewards.polarisability")
"""Whose name in the package is the reward's."""

MEASURED = {
    "O": 9.8,
    "N": 14.3,
    "C": 17.3,
    "CC": 29.6,
    "CO": 21.9,
    "CC(C)=O": 43.0,
    "c1ccccc1": 67.5,
    "O=C=O": 17.5,
    "C=C": 28.7,
    "C#C": 22.5,
    "CC#N": 29.7,
    "C1CCCCC1": 73.9,
    "N#N": 11.7,
    "[H][H]": 5.4,
}
"""a₀³. Compilations differ by a few per cent, depending on how the frequency and the vibrations are taken out."""


@pytest.fixture(scope="module")
def errors() -> dict[str, float]:
    """Relative errors."""
    return {smiles: value("polarisability", smiles) / measured - 1 for smiles, measured in MEASURED.items()}


def test_it_is_near_what_is_measured(errors: dict[str, float]) -> None:
    """The figures of the docstring."""
    assert np.mean(np.abs(list(errors.values()))) == pytest.approx(0.038, abs=0.003)
    assert np.mean(list(errors.values())) == pytest.approx(0.001, abs=0.002)
    assert max(errors, key=lambda smiles: abs(errors[smiles])) == "N#N"
    assert abs(errors["N#N"]) < 0.13


def test_each_further_methylene_adds_the_same() -> None:
    values = [value("polarisability", "C" * n) for n in (2, 4, 6, 8)]
    np.testing.assert_allclose(np.diff(values) / 2, 12.0, atol=0.5)


def test_an_anion_is_softer_than_its_acid() -> None:
    assert value("polarisability", "CC(=O)[O-]") > value("polarisability", "CC(=O)O")


def test_it_depends_on_what_it_uses() -> None:
    kept = make_reward("polarisability").cached_as  # type: ignore[attr-defined]
    assert "dftd4" in kept
    assert "; tblite" not in kept


def test_what_d4_cannot_take_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="D4"):
        atomic_polarisabilities(np.array([1, 1], dtype=np.uint8), np.zeros((2, 3)), 0)
    with pytest.raises(EngineError, match="no parameters"):
        atomic_polarisabilities(np.array([104], dtype=np.uint8), np.zeros((1, 3)), 0)

    def fails(*_: object) -> np.ndarray:
        raise EngineError("on demand")

    monkeypatch.setattr(MODULE, "atomic_polarisabilities", fails)
    assert failure("polarisability", "C") == ("failed", "polarisability")


@pytest.mark.parametrize("nonsense", [0.0, -5.0, 1e6, float("nan")])
def test_nonsense_is_out_of_range(nonsense: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "atomic_polarisabilities", lambda elements, *_: np.full(len(elements), nonsense))
    assert failure("polarisability", from_smiles("C")) == ("failed", "range")


def test_without_d4_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.rewards.pipeline.find_spec", lambda name: None if name == "dftd4" else name)
    with pytest.raises(MissingDependencyError, match=r"'polarisability'.*molvm\[d4\]"):
        make_reward("polarisability")
