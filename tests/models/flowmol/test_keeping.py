"""Guidance towards a part: it is the base's endpoint moved by one gradient, and turns with the molecule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.errors import ModelError, MoleculeError
from molvm.models.flowmol.decode import decode_molecules
from molvm.models.flowmol.encode import encode_molecules
from molvm.models.flowmol.keeping import PULL, KeepingFlowMol
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.substructure import Substructure
from molvm.models.spread import SPREAD_KEY
from molvm.states import MoleculeState
from tests.runs.tiny import TINY, tiny_model

CALIBRATED = {"times": [0.0, 1.0], "variances": {"positions": [2.0, 0.0]}}
NOTHING_UNKNOWN = {"positions": torch.zeros(1)}


def built(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


def model() -> FlowMolModel:
    made = tiny_model(config=replace(TINY, self_conditioning=True))
    made.card[SPREAD_KEY] = CALIBRATED
    made.network.double()
    return made


def draw(base: FlowMolModel) -> tuple[MoleculeState, torch.Tensor]:
    x = base.noise(torch.tensor([3, 5, 4]), 3, torch.Generator().manual_seed(0))
    return x.to(dtype=torch.float64), torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)


def turned(x: MoleculeState, matrix: torch.Tensor) -> MoleculeState:
    return x.replace({**x.parts, "positions": x.positions @ matrix.T})


def test_the_endpoint_is_moved_by_the_gradient_of_the_mismatch() -> None:
    base = model()
    x, t = draw(base)
    keeping = KeepingFlowMol(base, Substructure.of(built("CO"), TINY))
    plain, gradient = base.differentiate_endpoint(
        x, t, lambda found, t: keeping.part.mismatch(found, {"positions": 2 * (1 - t)})
    )
    by = {name: PULL * base.schedules.beta(t)[name] ** 2 / alpha for name, alpha in base.schedules.alpha(t).items()}
    found = keeping.predict_endpoint(x, t)
    assert float((found - plain).squared_norm().min()) > 1e-6
    for name, part in (plain - gradient.scale(by)).parts.items():
        torch.testing.assert_close(found.parts[name], part, msg=name)
    # What steers beside it sees what the base alone expects.
    seen, slope = keeping.differentiate_endpoint(x, t, lambda found, _: found.types[..., 0].sum(dim=1))
    _, expected = base.differentiate_endpoint(x, t, lambda found, _: found.types[..., 0].sum(dim=1))
    for name in x.parts:
        torch.testing.assert_close(seen.parts[name], found.parts[name])
        torch.testing.assert_close(slope.parts[name], expected.parts[name])


def test_it_turns_with_the_molecule() -> None:
    base = model()
    x, t = draw(base)
    keeping = KeepingFlowMol(base, Substructure.of(built("CCO"), TINY))
    q = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    q = q * torch.linalg.det(q)
    here, there = keeping.predict_endpoint(x, t), keeping.predict_endpoint(turned(x, q), t)
    for name, part in turned(here, q).parts.items():
        torch.testing.assert_close(there.parts[name], part, atol=1e-9, rtol=1e-7, msg=name)


def test_the_part_itself_fits_wherever_it_lies_and_its_mirror_image_does_not() -> None:
    chiral = Substructure.of(built("C[C@H](N)O"), TINY)
    lying = encode_molecules([built("C[C@H](N)O")], TINY).to(dtype=torch.float64)
    q = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    q = q * torch.linalg.det(q)
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    assert float(chiral.mismatch(turned(lying, q), NOTHING_UNKNOWN)) == pytest.approx(0.0, abs=1e-3)
    assert float(chiral.mismatch(turned(lying, mirror), NOTHING_UNKNOWN)) > 10
    unsure = float(chiral.mismatch(turned(lying, mirror), {"positions": torch.ones(1)}))
    assert 0 < unsure < 1


def test_a_part_is_recognised_by_elements_charges_bonds_and_places() -> None:
    whole = built("C1CCNC1")
    part = Substructure.of(whole, TINY)
    assert part.n_atoms == 5
    assert set(part.molecule.elements.tolist()) == {6, 7}
    (decoded,) = decode_molecules(encode_molecules([whole], TINY), TINY)
    assert part.is_kept(decoded)
    elements = decoded.elements.copy()
    elements[0] = 8
    assert not part.is_kept(replace(decoded, elements=elements))
    charges = decoded.formal_charges.copy()
    charges[3] = 1
    assert not part.is_kept(replace(decoded, formal_charges=charges))
    assert not part.is_kept(replace(decoded, bonds=decoded.bonds[1:], orders=decoded.orders[1:]))
    assert not part.is_kept(replace(decoded, positions=decoded.positions * np.array([1.0, 1.0, -2.0])))
    assert not part.is_kept(part.molecule.__class__(**vars(built("CC"))))
    # A hydrogen may be replaced by anything.
    elements = decoded.elements.copy()
    elements[-1] = 9
    assert part.is_kept(replace(decoded, elements=elements))


def test_aromatic_rings_are_what_the_model_knows() -> None:
    kekulised = Substructure.of(built("c1ccccc1"), TINY)
    aromatic = Substructure.of(built("c1ccccc1"), replace(TINY, n_bonds=5))
    assert sorted(kekulised.molecule.orders.tolist()) == [1, 1, 1, 2, 2, 2]
    assert aromatic.molecule.orders.tolist() == [4] * 6


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(MoleculeError, match="one heavy atom"):
        Substructure.of(built("C"), TINY)
    with pytest.raises(MoleculeError, match="element without a class"):
        Substructure.of(built("CBr"), TINY)
    with pytest.raises(ModelError, match="6 heavy atoms"):
        KeepingFlowMol(model(), Substructure.of(built("CCCCCC"), TINY))
    with pytest.raises(ModelError, match="how sure") as refused:
        KeepingFlowMol(tiny_model(), Substructure.of(built("CC"), TINY))
    assert "calibrate" in str(refused.value)


def test_molecules_are_large_enough_for_the_part() -> None:
    keeping = KeepingFlowMol(model(), Substructure.of(built("CCCO"), TINY))
    assert set(keeping.sample_condition(50, torch.Generator().manual_seed(0)).tolist()) == {4, 5}
