from __future__ import annotations

import numpy as np

from molvm.chem.molecule import Molecule
from molvm.evaluation import load_valency_table
from molvm.evaluation.energy import ENERGY_EDGES
from molvm.evaluation.examination import examine_all
from molvm.evaluation.quantities import COMPARED, ENERGY_BINS, QUANTITIES, asked


def test_bins_lie_within_what_is_possible() -> None:
    for one in QUANTITIES:
        if one.bins is not None:
            assert one.low <= one.bins.start < one.bins.stop <= one.high, one.name
    np.testing.assert_allclose(ENERGY_BINS.edges, ENERGY_EDGES)


def test_every_value_is_possible_and_nothing_is_made_of_nothing(mixed: list[Molecule]) -> None:
    verdicts = examine_all(mixed, load_valency_table("qm9"))
    counts = {one.name: len(one.values(verdicts)) for one in QUANTITIES}
    assert counts["atoms"] == len(mixed)
    assert counts["fragments"] == counts["largest_fragment_share"] == len(mixed) - 2, "a ghost, and nothing"
    assert counts["strain"] == 0
    for one in asked(verdicts):
        assert all(one.low <= value <= one.high for value in one.values(verdicts)), one.name
    assert {one.name for one in asked(verdicts)} == {one.name for one in QUANTITIES if not one.relaxed}
    assert set(COMPARED) <= {one.name for one in QUANTITIES}
