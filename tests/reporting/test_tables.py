from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from molvm.evaluation.intervals import mean_interval
from molvm.reporting import figures, tables
from molvm.reporting.evidence import Evidence, thinned
from molvm.reporting.provenance import commands, own_settings
from molvm.reporting.report import page
from molvm.runs.config import RunConfig
from molvm.runs.groups import Group


def test_the_groups_are_the_first_round_and_the_last(evidence: Evidence) -> None:
    assert {record.iteration for record in evidence.base.records} == {0}
    assert {record.iteration for record in evidence.run.records} == {1}
    assert [len(group.records) for group in evidence.groups] == [6, 6]


def test_reasons_are_counted_without_their_numbers(evidence: Evidence) -> None:
    reasons = ["atom 3 (C) has an open valence", "atom 17 (C) has an open valence", "no charge"]
    failed = tuple(
        replace(record, value=None, failure="invalid", stage="valences", reason=reason)
        for record, reason in zip(evidence.run.records, reasons, strict=False)
    )
    rows = tables.failure_rows([Group("base", evidence.run.records[:1]), Group("run", failed)])
    assert [row[-1] for row in rows][:2] == ["66.7 %", "33.3 %"]
    assert rows[0][:3] == ("invalid", "valences", "atom … (C) has an open valence")


@pytest.mark.parametrize(
    ("reason", "general"),
    [
        ("GFN2-xTB is not converged after 250 cycles", "GFN2-xTB is not converged after … cycles"),
        ("ValueError: <script>alert(1)</script>", "ValueError: <script>alert(…)</script>"),
        ("-1.5e-07 is below -3", "… is below …"),
        ("2 fragments", "… fragments"),
        ("C12 is odd", "C12 is odd"),
    ],
)
def test_words_keep_their_digits(reason: str, general: str) -> None:
    assert tables._general(reason) == general


def test_a_single_value_has_no_interval() -> None:
    assert tables.interval(mean_interval([0.5]), tables.percent) == "50.0 % (no interval)"
    assert tables.interval(mean_interval([0.5], low=0.0, high=1.0), tables.percent) == "50.0 % (no interval)"
    assert tables.interval(mean_interval([0.5, 0.5], low=0.0), tables.percent) == "50.0 % (50.0 % to 50.0 %)"
    assert tables.interval(None, tables.percent) == tables.NOTHING


def test_what_comes_from_path_weights_is_marked_and_said_to_be_within_a_size(evidence: Evidence) -> None:
    marking = ("kl_gap", "ess", "log_z")
    marked = [label for label, _ in tables.divergence_rows(evidence) if label.endswith("¹")]
    assert [label.split(",")[0] for label in marked] == [
        "estimated KL to the target",
        "effective sample size",
        "log Z",
    ]
    note = "¹ within each number of atoms of a round"
    assert note in page(evidence)
    bare = [{key: value for key, value in row.items() if key not in marking} for row in evidence.metrics]
    assert note not in page(replace(evidence, metrics=bare))


def test_the_packages_can_be_installed_from_an_index(evidence: Evidence) -> None:
    manifest = replace(evidence.manifest, versions={"molvm": "1.0", "torch": "2.13.0+cpu", "python": "3.11"})
    (line, _), *_ = commands(replace(evidence, manifest=manifest))
    assert line == "pip install molvm==1.0 torch==2.13.0"


def test_alike_molecules_have_no_distance_and_different_ones_have() -> None:
    assert tables.tanimoto_distance(["CCO"]) is None
    assert tables.tanimoto_distance(["CCO", "CCO", "CCO"]) == pytest.approx(0)
    assert tables.tanimoto_distance(["CCO", "c1ccccc1"]) == pytest.approx(1)


def test_diversity_is_that_of_equally_many(evidence: Evidence) -> None:
    alike = tuple(replace(evidence.run.records[0], smiles="CCO") for _ in range(4))
    rows = {row[0]: row[1:] for row in tables.diversity_rows([Group("base", alike), Group("run", alike * 3)])}
    assert rows["distinct SMILES"] == ("25.0 %", "25.0 %")


@pytest.mark.parametrize(("number", "most"), [(3, 5), (10, 4), (1000, 7)])
def test_what_is_left_is_spread_evenly(number: int, most: int) -> None:
    kept = thinned(list(range(number)), most)
    assert len(kept) == min(number, most)
    gaps = [b - a for a, b in pairwise(kept)]
    assert max(gaps) - min(gaps) <= 1


def test_joined_bins_keep_their_molecules_and_are_as_wide_for_all(evidence: Evidence) -> None:
    found = {name: summary.distributions["energy"] for name, summary in evidence.summaries().items()}
    joined = figures.coarsened(found, 5)
    for name, each in joined.items():
        used = each.counts.nonzero()[0]
        assert each.counts.sum() == found[name].counts.sum()
        assert used[-1] - used[0] < 6
        assert each.bins.edges[0] == found[name].bins.edges[0]
    assert len({each.bins.edges[1] - each.bins.edges[0] for each in joined.values()}) == 1


def test_only_what_is_not_the_default_is_told() -> None:
    assert own_settings(RunConfig()) == []
    changed = RunConfig.from_mapping({"training": {"seed": 3}, "value": {"size": "D"}})
    assert [row[:3] for row in own_settings(changed)] == [("value.size", "D", "B"), ("training.seed", "3", "0")]


def test_a_reward_that_was_an_object_has_no_command(evidence: Evidence) -> None:
    assert any(line.startswith("molvm train --config") for line, _ in commands(evidence))
    given = replace(evidence, manifest=replace(evidence.manifest, reward_is_object=True))
    assert not any("molvm train" in line for line, _ in commands(given))
