"""What is known of one molecule, each number with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from molvm.chem.molecule import Molecule
from molvm.chem.validity import is_valid_and_connected
from molvm.evaluation.descriptors import describe
from molvm.evaluation.quantities import UNITS
from molvm.evaluation.strain import RMSD_ALL, RMSD_HEAVY, TOPOLOGY_KEPT
from molvm.rewards.base import Outcome
from molvm.rewards.stages import DETAIL_UNITS, RELAXATION_SECONDS, SINGLE_POINT_SECONDS
from molvm.studio.closeup import dipole_of
from molvm.studio.markup import rounded
from molvm.studio.molecule_table import DESCRIPTORS, RESERVED

RELAXED: Final = "GFN-FF"

WORDS: Final = {"qed": "QED", "log_p": "logP", "sa_score": "SA score"}

SHOWN_ELSEWHERE: Final = ("id", "smiles")


def property_rows(
    row: Mapping[str, Any],
    molecule: Molecule,
    close: Outcome | None,
    reward: str,
    fields: Mapping[str, str] | None = None,
    *,
    unit: str = "",
) -> list[dict[str, str]]:
    """Rows of property, value with its unit, and origin.

    Args:
        row: Of the molecule's table.
        molecule: The molecule.
        close: What `Closeup` says of it, if it was asked.
        reward: The run's reward, or empty for a file.
        fields: What a file says of the molecule, which is shown as it stands there.
        unit: Of the reward.
    """
    own = fields or {}
    rows = [
        _row(str(name), value, unit if reward and name == reward else _unit(str(name), row), _origin(str(name), reward))
        for name, value in row.items()
        if _told(name, value) and (name not in own or name in RESERVED)
    ]
    rows += [_row(name, text, "", "record") for name, text in own.items()]
    rows.append(_row("charge", molecule.charge, "e", "formal charges"))
    whole = is_valid_and_connected(molecule)
    rows.append(_row("valid, in one piece", "yes" if whole else "no", "", "strict checks"))
    found = describe(molecule) if whole else None
    if found is not None:
        rows += [_row(WORDS[name], getattr(found, name), "", "RDKit") for name in DESCRIPTORS]
    return rows if close is None else rows + _relaxed_rows(close)


def _relaxed_rows(close: Outcome) -> list[dict[str, str]]:
    if close.value is None:
        return []
    rows = [_row("strain", close.value, "kcal/mol", RELAXED)]
    rows += [
        _row(label, float(close.details[name]), UNITS.get(name, ""), RELAXED)
        for name, label in ((RMSD_HEAVY, "RMSD, heavy atoms"), (RMSD_ALL, "RMSD, all atoms"))
        if name in close.details
    ]
    rows.append(_row("bonds kept", "yes" if close.details.get(TOPOLOGY_KEPT) else "no", "", RELAXED))
    dipole = dipole_of(close.details)
    if dipole is not None:
        rows.append(_row("dipole", float(np.linalg.norm(dipole)), "D", "GFN2-xTB"))
    return rows


def _unit(name: str, row: Mapping[str, Any]) -> str:
    """The unit of what our own computations tell; a program or a file may mean something else by the same name."""
    term, dot, key = name.rpartition(".")
    ours = any(f"{term}{dot}{seconds}" in row for seconds in (RELAXATION_SECONDS, SINGLE_POINT_SECONDS))
    return DETAIL_UNITS.get(key, "") if ours else ""


def _told(name: object, value: Any) -> bool:
    return name not in SHOWN_ELSEWHERE and value is not None and value == value


def _origin(name: str, reward: str) -> str:
    if reward and name == reward:
        return "reward"
    if name in ("atoms", "formula", "iteration"):
        return "generated" if reward else "file"
    return "record"


def _row(name: str, value: object, unit: str, origin: str) -> dict[str, str]:
    text = rounded(value, 4) if isinstance(value, float) else str(value)
    return {"property": name, "value": f"{text} {unit}".strip(), "origin": origin}
