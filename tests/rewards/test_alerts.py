from __future__ import annotations

import pytest

from molvm.errors import RewardError
from molvm.rewards.alerts import alerts, catalogue_names
from tests.rewards.molecules import from_smiles

RHODANINE = "O=C1CSC(=S)N1"
BENZYLIDENE_RHODANINE = "O=C1NC(=S)SC1=Cc1ccccc1"


def test_a_notorious_frequent_hitter_is_a_pain() -> None:
    outcome = alerts("pains").outcome(from_smiles(BENZYLIDENE_RHODANINE))
    assert outcome.value == 1
    assert "rhod" in str(outcome.details["alerts"])


def test_catalogues_add_up() -> None:
    molecule = from_smiles(BENZYLIDENE_RHODANINE)
    pains, brenk, both, default = (
        alerts(*names).outcome(molecule).value for names in (["pains"], ["BRENK"], ["pains", "brenk"], [])
    )
    assert both == default == pains + brenk  # type: ignore[operator]
    assert brenk


def test_ethanol_has_none_and_less_is_better() -> None:
    outcome = alerts().outcome(from_smiles("CCO"))
    assert (outcome.value, outcome.details) == (0, {"alerts": ""})
    assert (alerts().direction, alerts().floor) == ("minimise", None)


def test_unknown_catalogues() -> None:
    with pytest.raises(RewardError, match=r"pians.*brenk, .*pains"):
        alerts("pians")
    assert {"pains", "brenk", "nih"} <= set(catalogue_names())
