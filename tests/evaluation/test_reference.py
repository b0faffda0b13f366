from __future__ import annotations

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.datasets.pack import pack
from molvm.errors import EvaluationError, UnknownNameError
from molvm.evaluation.energy import energy_divergence, mmff_energy
from molvm.evaluation.reference import derive_reference, load_reference, parse_reference

SYMBOLS = ("C", "H", "N", "O", "F")
# Published marginals of FlowMol's QM9 training split (its own bonds, but nearly the same molecules).
FLOWMOL_ELEMENTS = {6: 0.3528, 1: 0.5121, 7: 0.0562, 8: 0.0776, 9: 0.0013}
FLOWMOL_MEAN_SIZE = 18.03


def test_the_packaged_reference_is_a_distribution_like_flowmols() -> None:
    reference = load_reference("qm9")
    for shares in (reference.sizes.values(), reference.elements.values(), reference.energies.tolist()):
        assert sum(shares) == pytest.approx(1.0, abs=1e-4)
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
    assert seen[-1] == (len(sound), len(sound))


def test_what_is_no_reference_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        load_reference("qm7")
    with pytest.raises(EvaluationError):
        parse_reference({"name": "x", "molecules": 1, "sizes": {}, "elements": {}, "energy_shares": []})
