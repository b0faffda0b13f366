from __future__ import annotations

import pytest

from molvm.errors import RewardError
from molvm.rewards.atoms import atoms_of
from tests.rewards.molecules import from_smiles


@pytest.mark.parametrize(("element", "count"), [("C", 2), ("H", 6), ("O", 1), ("Cl", 0)])
def test_ethanol(element: str, count: int) -> None:
    reward = atoms_of(element)
    assert reward.outcome(from_smiles("CCO")).value == count
    assert reward.name == f"atoms_of({element})"


def test_less_may_be_better() -> None:
    assert (atoms_of("N").floor, atoms_of("N", direction="minimise").floor) == (0.0, None)


@pytest.mark.parametrize("element", ["Xx", "", "*", "carbon", 6])
def test_what_is_no_element(element: str) -> None:
    with pytest.raises(RewardError):
        atoms_of(element)
