from __future__ import annotations

import pytest

from molvm.rewards.validity import validity
from tests.rewards.molecules import from_smiles


@pytest.mark.parametrize(("smiles", "stage"), [("[CH3]", "valences"), ("O.O", "connected")])
def test_it_fails_by_name(smiles: str, stage: str) -> None:
    failure = validity().outcome(from_smiles(smiles)).failure
    assert failure is not None
    assert failure.stage == stage


def test_ions_are_valid() -> None:
    assert validity().outcome(from_smiles("[NH3+]CC(=O)[O-]")).value == 1
