from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.datasets.pack import pack
from molvm.errors import EvaluationError, UnknownNameError
from molvm.evaluation.energy import energy_divergence, mmff_energy
from molvm.evaluation.metrics import summarise
from molvm.evaluation.quantities import COMPARED
from molvm.evaluation.reference import REFERENCE_NAMES, derive_reference, load_reference, parse_reference
from molvm.models.flowmol.published.convert import atom_counts

SYMBOLS = ("C", "H", "N", "O", "F")
# Published marginals of FlowMol's QM9 training split (its own bonds, but nearly the same molecules).
FLOWMOL_ELEMENTS = {6: 0.3528, 1: 0.5121, 7: 0.0562, 8: 0.0776, 9: 0.0013}
FLOWMOL_MEAN_SIZE = 18.03


@pytest.mark.parametrize("name", REFERENCE_NAMES)
def test_packaged_references_are_distributions(name: str) -> None:
    reference = load_reference(name)
    histograms = [*reference.properties.values(), reference.energies]
    for shares in (reference.sizes.values(), reference.elements.values(), *(each.tolist() for each in histograms)):
        # FlowMol's energies of GEOM sum to 0.998: some lie beyond the histogram.
        assert sum(shares) == pytest.approx(1.0, abs=2e-3)
    if name != "geom":
        assert set(reference.properties) == set(COMPARED)


def test_flowmols_statistics_of_geom_are_those_of_its_molecules() -> None:
    geom, sizes = load_reference("geom"), atom_counts("geom")
    assert geom.molecules == sum(sizes.counts) == 5_741_114
    assert geom.sizes == pytest.approx(
        {size: count / geom.molecules for size, count in zip(sizes.sizes, sizes.counts, strict=True)}
    )
    assert sum(n * share for n, share in geom.sizes.items()) == pytest.approx(46.87, abs=0.01)


def test_the_packaged_reference_is_like_flowmols() -> None:
    reference = load_reference("qm9")
    for number, share in FLOWMOL_ELEMENTS.items():
        assert reference.elements[number] == pytest.approx(share, abs=2e-3)
    assert sum(n * share for n, share in reference.sizes.items()) == pytest.approx(FLOWMOL_MEAN_SIZE, abs=0.05)


def test_a_dataset_is_at_no_distance_from_its_own_reference(sound: list[Molecule]) -> None:
    seen: list[tuple[int, int]] = []
    dataset = pack(sound, name="few", element_symbols=SYMBOLS)
    reference = parse_reference(derive_reference(dataset, progress=lambda *counts: seen.append(counts)))
    energies = [mmff_energy(dataset.molecule(index)) for index in range(len(dataset))]
    assert energy_divergence(np.array(energies, dtype=float), reference.energies) == pytest.approx(0.0, abs=1e-3)
    assert reference.molecules == len(sound)
    summary = summarise(sound, reference=reference, strain=True, workers=1)
    # All molecules are in the sample of so small a dataset; it is stored with single precision.
    assert summary.distances == pytest.approx(dict.fromkeys(summary.distances, 0.0), abs=1e-3)
    assert {*COMPARED, "elements", "sizes", "energy"} == set(summary.distances)
    assert seen[-1] == (len(sound), len(sound))


def test_the_sample_that_is_described_is_stated_and_drawn_by_its_seed(sound: list[Molecule]) -> None:
    dataset = pack(sound, name="few", element_symbols=SYMBOLS)
    document = derive_reference(dataset, described=5, relaxed=2, seed=3)
    assert document["properties"]["qed"]["defined"] == 5
    assert document["properties"]["strain"]["defined"] == 2
    assert "default_rng(3)" in document["properties_source"]
    assert document == derive_reference(dataset, described=5, relaxed=2, seed=3)
    assert document["properties"] != derive_reference(dataset, described=5, relaxed=2, seed=4)["properties"]


def test_a_reference_of_before_has_no_properties(sound: list[Molecule]) -> None:
    document = derive_reference(pack(sound, name="few", element_symbols=SYMBOLS))
    del document["properties"]
    reference = parse_reference(document)
    assert reference.properties == {}
    assert set(summarise(sound, reference=reference).distances) == {"elements", "sizes", "energy"}


@pytest.mark.parametrize("properties", [{"charm": {"counts": [1]}}, {"qed": {"counts": [1, 2]}}, {"qed": {}}])
def test_properties_that_are_none_are_refused(sound: list[Molecule], properties: dict[str, object]) -> None:
    document = derive_reference(pack(sound, name="few", element_symbols=SYMBOLS))
    with pytest.raises(EvaluationError, match="no reference"):
        parse_reference({**document, "properties": properties})


def test_what_is_no_reference_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        load_reference("qm7")
    with pytest.raises(EvaluationError):
        parse_reference({"name": "x", "molecules": 1, "sizes": {}, "elements": {}, "energy_shares": []})
