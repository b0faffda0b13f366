"""Shares of molecules and atoms, each with Wilson's interval; `Summary` says what each is a share of."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from molvm.evaluation.intervals import Estimate, wilson, wilson_clustered
from molvm.evaluation.strain import TOPOLOGY_KEPT
from molvm.evaluation.verdict import Verdict
from molvm.rewards.base import Outcome

Shares = dict[str, Estimate | None]
"""Name to share; None for a share of nothing."""


def stability_shares(verdicts: Sequence[Verdict]) -> Shares:
    """Stable atoms and molecules, by the table of the verdicts and by MiDi's."""
    atoms = [verdict.n_atoms for verdict in verdicts]
    counted = {
        "stable": [verdict.stable_atoms for verdict in verdicts],
        "stable_permissive": [verdict.permissive_stable_atoms for verdict in verdicts],
    }
    shares: Shares = {}
    for name, stable in counted.items():
        whole = [n > 0 and good == n for good, n in zip(stable, atoms, strict=True)]
        shares[f"atoms_{name}"] = wilson_clustered(stable, atoms) if sum(atoms) else None
        shares[f"molecules_{name}"] = _share(whole)
    return shares


def validity_shares(verdicts: Sequence[Verdict]) -> Shares:
    """Valid by both conventions, connected, fragmented."""
    return {
        "valid_permissive": _share([verdict.largest_valid for verdict in verdicts]),
        "strictly_valid": _share([verdict.strictly_valid for verdict in verdicts]),
        "strictly_valid_and_connected": _share([verdict.strictly_valid_and_connected for verdict in verdicts]),
        "connected": _share([verdict.fragments == 1 for verdict in verdicts]),
        "fragmented": _share([verdict.fragments > 1 for verdict in verdicts if verdict.fragments]),
    }


def variety_shares(verdicts: Sequence[Verdict], known: Collection[str] | None) -> Shares:
    """Unique and, if the SMILES of the training set are known, novel."""
    smiles = [verdict.smiles for verdict in verdicts if verdict.smiles is not None]
    distinct = set(smiles)
    shares = {"unique": wilson(len(distinct), len(smiles)) if smiles else None}
    if known is not None:
        shares["novel"] = _share([one not in known for one in distinct])
    return shares


def relaxation_shares(verdicts: Sequence[Verdict]) -> Shares:
    """Relaxed and with its bonds kept; empty if nothing was relaxed."""
    if not any(verdict.strain is not None for verdict in verdicts):
        return {}
    outcomes = relaxations(verdicts)
    return {
        "relaxed": _share([outcome.ok for outcome in outcomes]),
        "topology_kept": _share([outcome.details.get(TOPOLOGY_KEPT) == 1 for outcome in outcomes]),
    }


def relaxations(verdicts: Sequence[Verdict]) -> list[Outcome]:
    """What relaxing gave, of the strictly valid and connected molecules, if they were relaxed."""
    return [each.strain for each in verdicts if each.strain is not None and each.strictly_valid_and_connected]


def posebusters_shares(verdicts: Sequence[Verdict]) -> Shares:
    """`pb_valid`; empty if PoseBusters was not asked."""
    if not any(verdict.posebusters for verdict in verdicts):
        return {}
    return {"pb_valid": _share([all(part.value == 1 for part in verdict.posebusters) for verdict in verdicts])}


def shares_by_test(verdicts: Sequence[Verdict]) -> Shares:
    """The share that passes each of PoseBusters' tests; a molecule of which a test has no answer has not passed it."""
    answers = [
        {key: value for part in verdict.posebusters for key, value in part.details.items()} for verdict in verdicts
    ]
    tests = dict.fromkeys(test for answer in answers for test in answer)
    return {test: _share([answer.get(test) == 1 for answer in answers]) for test in tests}


def _share(flags: Sequence[bool]) -> Estimate | None:
    return wilson(sum(flags), len(flags)) if flags else None
