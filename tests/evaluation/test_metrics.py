from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import EvaluationError
from molvm.evaluation.intervals import wilson
from molvm.evaluation.metrics import Summary, summarise, summarise_verdicts
from molvm.evaluation.reference import load_reference
from molvm.evaluation.valency_tables import load_valency_table
from molvm.evaluation.verdict import examine
from molvm.rewards.base import Failure, Outcome


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
    for name in set(summary.shares) - {"novel", "fragmented"}:
        assert share(summary, name) == 1.0, name
    assert share(summary, "fragmented") == 0.0
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
    assert set(document["distances"]) == {"elements", "sizes", "energy", "qed", "log_p", "sa_score"}
    assert (document["format"], document["format_version"], document["reference"]) == ("molvm-metrics", 1, "qm9")


def test_energies_may_be_left_out_and_progress_is_told(sound: list[Molecule]) -> None:
    seen: list[int] = []
    summary = summarise(sound, energies=False, progress=seen.append)
    assert summary.means["energy"] is None
    assert seen == list(range(1, len(sound) + 1))


def test_the_fragmented_are_those_that_are_not_connected_where_all_can_be_split(
    mixed: list[Molecule], sound: list[Molecule]
) -> None:
    splittable = [molecule for molecule in mixed if molecule.id not in ("ghost", "nothing")]
    summary = summarise(splittable)
    assert share(summary, "fragmented") == pytest.approx(1 - share(summary, "connected"))
    both = summarise(mixed)
    assert share(both, "fragmented") == pytest.approx(share(summary, "fragmented")), "of those that can be split"
    assert share(both, "connected") < share(summary, "connected"), "of all"


def test_intervals_end_where_the_quantity_does(make: Callable[..., Molecule]) -> None:
    summary = summarise([make("CCO"), make("CO.N"), make("C")])
    for name, low, high in (("largest_fragment_share", 0, 1), ("qed", 0, 1), ("sa_score", 1, 10), ("atoms", 0, 1e9)):
        estimate = summary.means[name]
        assert estimate is not None
        assert low <= estimate.low <= estimate.value <= estimate.high <= high, name


def test_properties_are_of_the_strictly_valid_and_connected(mixed: list[Molecule], sound: list[Molecule]) -> None:
    summary = summarise(mixed)
    for name in ("qed", "log_p", "sa_score"):
        assert summary.distributions[name].defined == len(sound)
    assert summary.distributions["atoms"].defined == len(mixed)
    assert summary.distributions["fragments"].bins.edges.tolist() == [0.5, 1.5, 2.5]
    assert summary.distributions["atoms"].counts.sum() == len(mixed)


def test_relaxation_is_of_the_strictly_valid_and_connected(mixed: list[Molecule], sound: list[Molecule]) -> None:
    torn_apart = replace(sound[0], positions=sound[0].positions * 1e-3)
    summary = summarise([*mixed, torn_apart], strain=True, workers=1)
    assert summary.shares["relaxed"] == wilson(len(sound), len(sound) + 1)
    assert summary.shares["topology_kept"] == summary.shares["relaxed"]
    assert summary.failures == {"strain": {"invalid: distances": 1}}
    assert summary.distributions["strain"].defined == len(sound)
    assert "strain" not in summarise(sound[:1]).means


def test_a_crash_and_a_hang_are_counted_and_end_nothing(sound: list[Molecule]) -> None:
    table = load_valency_table("qm9")
    failures = [Failure(kind, "worker", "") for kind in ("crashed", "timeout")]  # type: ignore[arg-type]
    lost = [Outcome("", None, failure=failure) for failure in failures]
    verdicts = [
        replace(examine(molecule, table), strain=outcome, posebusters=(outcome,))
        for molecule, outcome in zip(sound, [*lost, *[Outcome("", 1.0)] * 5], strict=True)
    ]
    summary = summarise_verdicts(verdicts, table_name="qm9")
    assert share(summary, "relaxed") == share(summary, "pb_valid") == pytest.approx(5 / 7)
    for name in ("strain", "posebusters"):
        assert summary.failures[name] == {"crashed: worker": 1, "timeout: worker": 1}


def test_five_subsets_are_summaries_of_every_fifth_molecule(mixed: list[Molecule]) -> None:
    reference = load_reference("qm9")
    summary = summarise(mixed * 3, reference=reference)
    parts = [summarise((mixed * 3)[start::5], reference=reference) for start in range(5)]
    for name, found in summary.subsets["shares"].items():
        values = [share(part, name) for part in parts]
        assert found is not None
        assert found.value == pytest.approx(np.mean(values))
        assert found.half_width == pytest.approx(1.96 * np.std(values, ddof=1) / np.sqrt(5))
    assert set(summary.subsets["distances"]) == set(summary.distances)
    assert summarise(mixed[:4]).subsets == {}


def test_no_molecules_have_no_metrics() -> None:
    with pytest.raises(EvaluationError, match="no molecules"):
        summarise([])


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("metrics", {"torch"}), ("strain", {"torch", "scipy.stats"}), ("posebusters", {"torch", "scipy.stats", "pandas"})],
)
def test_modules_load_little(module: str, heavy: set[str]) -> None:
    """A worker that only relaxes molecules, say, starts without SciPy's statistics."""
    code = f"import sys, molvm.evaluation.{module}; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not heavy & set(loaded)


@pytest.mark.parametrize("given", ["best.sdf", Path("best.sdf"), None, ["CCO"]])
def test_what_is_no_molecule_is_told(given: Any) -> None:
    with pytest.raises(EvaluationError, match=r"is no molecule.*molvm evaluate"):
        summarise(given)
