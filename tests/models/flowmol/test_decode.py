"""Molecules survive the way into the state space and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from molvm.datasets.pack import pack
from molvm.errors import ModelError
from molvm.models.flowmol.batches import clean_state, one_size_batches
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.decode import decode_molecules
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from tests.models.flowmol.molecules import embedded

SMILES = ("CC#N", "C=O", "OC=O", "C[NH3+]", "C#C", "CO", "N#C", "CCO")
CONFIG = FlowMolConfig(n_bonds=4)


def test_round_trip() -> None:
    molecules = [embedded(smiles) for smiles in SMILES]
    dataset = pack(molecules, name="sample", element_symbols=CONFIG.elements)
    seen = []
    for batch in one_size_batches(dataset, "train", 3, np.random.default_rng(0)):
        seen.extend(molecule.smiles() for molecule in decode_molecules(clean_state(batch, CONFIG), CONFIG))
    assert sorted(seen) == sorted(molecule.smiles() for molecule in molecules)


def test_an_epoch_sees_every_molecule_once_in_batches_of_one_size() -> None:
    dataset = pack([embedded(smiles) for smiles in SMILES], name="sample", element_symbols=CONFIG.elements)
    batches = list(one_size_batches(dataset, "train", 2, np.random.default_rng(1)))
    assert sum(len(batch.types) for batch in batches) == len(SMILES)
    assert all(1 <= len(batch.types) <= 2 for batch in batches)


def test_sizes_follow_the_histogram(small_network: FlowMolNetwork) -> None:
    model = FlowMolModel(small_network, SizeHistogram((4, 9), (1, 3)), "small")
    drawn = model.sample_condition(20_000, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {4, 9}
    assert abs((drawn == 9).double().mean().item() - 0.75) < 4 * (0.75 * 0.25 / 20_000) ** 0.5


def test_impossible_sizes_are_refused(small_network: FlowMolNetwork) -> None:
    model = FlowMolModel(small_network, SizeHistogram((4,), (1,)), "small")
    with pytest.raises(ModelError, match="2 atoms or more"):
        model.noise(torch.tensor([1, 5]), 2)
    with pytest.raises(ModelError):
        SizeHistogram((), ())
