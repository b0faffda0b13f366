from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import EvaluationError
from molvm.evaluation.metrics import Summary, summarise
from molvm.evaluation.reference import load_reference


def values(summary: Summary) -> dict[str, float]:
    estimates = {**summary.shares, **summary.means}
    flat = {name: estimate.value for name, estimate in estimates.items() if estimate is not None}
    return {**flat, **{f"distance {name}": value for name, value in summary.distances.items() if value is not None}}


def share(summary: Summary, name: str) -> float:
    estimate = summary.shares[name]
    assert estimate is not None
    return estimate.value


def test_whole_molecules_are_perfect(sound: list[Molecule]) -> None:
    summary = summarise(sound, known={"C", "CCO"})
    for name in set(summary.shares) - {"novel"}:
        assert share(summary, name) == 1.0, name
    assert share(summary, "novel") == pytest.approx(5 / 7)


def test_the_order_of_molecules_changes_nothing(mixed: list[Molecule]) -> None:
    reference = load_reference("qm9")
    forward = values(summarise(mixed, reference=reference, known={"C"}))
    backward = values(summarise(mixed[::-1], reference=reference, known={"C"}))
    assert forward == pytest.approx(backward, rel=1e-12)


def test_the_order_of_atoms_changes_nothing(
    mixed: list[Molecule], permute: Callable[[Molecule, np.random.Generator], Molecule]
) -> None:
    generator = np.random.default_rng(3)
    # Of two largest fragments the first counts, which an order of atoms decides; none is in this sample.
    shuffled = [permute(molecule, generator) for molecule in mixed]
    reference = load_reference("qm9")
    assert values(summarise(shuffled, reference=reference)) == pytest.approx(
        values(summarise(mixed, reference=reference)), rel=1e-6
    )


def test_shares_are_of_all_molecules_the_broken_ones_included(mixed: list[Molecule], sound: list[Molecule]) -> None:
    summary = summarise(mixed)
    assert summary.molecules == len(mixed)
    assert share(summary, "strictly_valid_and_connected") == pytest.approx(len(sound) / len(mixed))
    assert share(summary, "strictly_valid") == pytest.approx((len(sound) + 1) / len(mixed)), "and CO.N"
    assert share(summary, "molecules_stable") == pytest.approx((len(sound) + 1) / len(mixed))


def test_a_torn_molecule_is_valid_by_the_papers_and_not_strictly(
    make: Callable[..., Molecule], remove_bond: Callable[[Molecule, int], Molecule]
) -> None:
    summary = summarise([remove_bond(make("CCO"), 4)])
    assert share(summary, "valid_permissive") == 1.0
    assert share(summary, "strictly_valid") == 0.0
    assert share(summary, "connected") == 0.0


def test_copies_are_not_unique(sound: list[Molecule]) -> None:
    assert share(summarise(sound * 4), "unique") == pytest.approx(0.25)


def test_every_share_lies_in_its_interval(mixed: list[Molecule]) -> None:
    summary = summarise(mixed, known=set())
    for name, estimate in {**summary.shares, **summary.means}.items():
        assert estimate is not None, name
        assert estimate.low <= estimate.value <= estimate.high, name


def test_what_has_no_denominator_is_none_and_survives_json() -> None:
    nothing = Molecule(elements=[], positions=[], formal_charges=[], bonds=[], orders=[])
    summary = summarise([nothing], reference=load_reference("qm9"), known={"C"})
    assert summary.shares["unique"] is None
    assert summary.shares["novel"] is None
    assert summary.shares["atoms_stable"] is None
    assert summary.distances["energy"] is None
    document = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert document["means"]["atoms"] == {"value": 0.0, "low": None, "high": None, "count": 1}
    assert document["shares"]["connected"]["value"] == 0.0


def test_the_summary_is_json(mixed: list[Molecule]) -> None:
    summary = summarise(mixed, reference=load_reference("qm9"), known={"C"})
    document = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert document["shares"]["connected"]["value"] == share(summary, "connected")
    assert set(document["distances"]) == {"elements", "sizes", "energy"}


def test_energies_may_be_left_out_and_progress_is_told(sound: list[Molecule]) -> None:
    seen: list[int] = []
    summary = summarise(sound, energies=False, progress=seen.append)
    assert summary.means["energy"] is None
    assert seen == list(range(1, len(sound) + 1))


def test_no_molecules_have_no_metrics() -> None:
    with pytest.raises(EvaluationError, match="no molecules"):
        summarise([])


def test_metrics_need_no_torch() -> None:
    code = "import sys; import molvm.evaluation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
