from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from molvm.chem.molecule import Molecule
from molvm.errors import MoleculeError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.decode import decode_molecules
from molvm.models.flowmol.encode import encode_molecules

CONFIG = FlowMolConfig()


def molecule(**changes: object) -> Molecule:
    """Formamide's heavy atoms, roughly, far from the origin."""
    made = Molecule(
        elements=np.array([6, 8, 7]),
        positions=np.array([[100.0, 0, 0], [101.2, 0, 0], [99.3, 1.2, 0]]),
        formal_charges=np.array([0, -1, 2]),
        bonds=np.array([[0, 1], [0, 2]]),
        orders=np.array([2, 4]),
        id="formamide",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_what_is_encoded_is_decoded_again() -> None:
    atom = Molecule(np.array([9]), np.ones((1, 3)), np.array([3]), np.zeros((0, 2)), np.array([]), "fluorine")
    molecules = [molecule(), atom]
    state = encode_molecules(molecules, CONFIG)
    decoded = decode_molecules(state, CONFIG, [one.id for one in molecules])
    for given, back in zip(molecules, decoded, strict=True):
        np.testing.assert_allclose(back.positions, given.positions - given.positions.mean(axis=0), atol=1e-6)
        for field in ("elements", "formal_charges", "bonds", "orders"):
            np.testing.assert_array_equal(getattr(back, field), getattr(given, field))


def test_states_lie_in_the_space_and_classes_are_one_hot() -> None:
    state = encode_molecules([molecule(), molecule()], CONFIG)
    for name, part in state.project().parts.items():
        torch.testing.assert_close(part, state.parts[name])
    assert torch.equal(state.types.sum(dim=-1), state.mask.float())
    assert torch.equal(state.bonds.sum(dim=-1), state.pair_mask.float())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"elements": np.array([6, 8, 16])}, "element without a class"),
        ({"formal_charges": np.array([0, 0, -3])}, "formal charge without a class"),
        ({"formal_charges": np.array([0, 0, 4])}, "formal charge without a class"),
    ],
)
def test_what_has_no_class_is_refused(changes: dict[str, object], match: str) -> None:
    with pytest.raises(MoleculeError, match=match):
        encode_molecules([molecule(**changes)], CONFIG)


def test_aromatic_bonds_have_no_class_in_a_kekulised_model() -> None:
    with pytest.raises(MoleculeError, match="kekulised"):
        encode_molecules([molecule()], FlowMolConfig(n_bonds=4))


def test_nothing_is_refused() -> None:
    with pytest.raises(MoleculeError, match="no molecule"):
        encode_molecules([], CONFIG)
