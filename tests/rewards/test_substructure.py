from __future__ import annotations

import pytest

from molvm.errors import RewardError
from molvm.rewards.substructure import substructure
from tests.rewards.molecules import from_smiles

GLYCOL = "OCCO"


@pytest.mark.parametrize(
    ("smarts", "settings", "value"),
    [
        ("[OX2H]", {}, 1),
        ("[OX2H]", {"wanted": False}, 0),
        ("[NX3]", {}, 0),
        ("[NX3]", {"wanted": False}, 1),
        ("[OX2H]", {"count": True}, 2),
        ("[OX2H]", {"count": True, "wanted": False}, 2),
        ("[CH2]", {"count": True}, 2),
        ("OCCO", {"count": True}, 1),
    ],
)
def test_glycol(smarts: str, settings: dict[str, bool], value: float) -> None:
    assert substructure(smarts, **settings).outcome(from_smiles(GLYCOL)).value == value


def test_what_is_better_and_what_a_failure_is_worth() -> None:
    found = [
        substructure("C", wanted=wanted, count=count) for wanted, count in ((True, False), (True, True), (False, True))
    ]
    assert [reward.direction for reward in found] == ["maximise", "maximise", "minimise"]
    assert [reward.floor for reward in found] == [0.0, 0.0, None]
    assert [reward.desirability for reward in found] == [True, False, False]


@pytest.mark.parametrize("smarts", ["[", "", 3])
def test_what_is_no_pattern(smarts: str) -> None:
    with pytest.raises(RewardError):
        substructure(smarts)
    with pytest.raises(RewardError, match="true or false"):
        substructure("C", wanted="no")  # type: ignore[arg-type]
