"""124 molecules each, examined by FlowMol's own code at v0.1 and v3.1.0 (MIT, (c) 2023 University of Pittsburgh)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from molvm.chem.molecule import Molecule
from molvm.evaluation.energy import mmff_energy
from molvm.evaluation.fragments import examine_fragments
from molvm.evaluation.metrics import summarise
from molvm.evaluation.stability import is_stable, stable_atoms, valencies
from molvm.evaluation.valency_tables import ValencyTable, load_valency_table, parse_table

PARITY = Path(__file__).parents[1] / "parity"
EXPECTED_CASES = 124


def documents() -> list[tuple[str, dict[str, Any]]]:
    return [(name, json.loads((PARITY / f"metrics_{name}.json").read_text())) for name in ("v0.1", "v3.1.0")]


CASES = [
    pytest.param(name, case, id=f"{name} {case['smiles']} {case['edit']}")
    for name, document in documents()
    for case in document["cases"]
]


def molecule_of(case: dict[str, Any]) -> Molecule:
    periodic = Chem.GetPeriodicTable()
    return Molecule(
        elements=[periodic.GetAtomicNumber(symbol) for symbol in case["atoms"]],
        positions=case["positions"],
        formal_charges=case["charges"],
        bonds=np.sort(np.array([bond[:2] for bond in case["bonds"]], dtype=np.int32).reshape(-1, 2), axis=1),
        orders=[bond[2] for bond in case["bonds"]],
        id=case["smiles"],
    )


def tables(name: str) -> dict[str, ValencyTable]:
    midi = load_valency_table("midi")
    if name == "v0.1":
        return {"": midi}
    return {"": load_valency_table("geom"), "_midi": replace(midi, convention="float")}


def test_all_cases_are_here() -> None:
    assert [len(document["cases"]) for _, document in documents()] == [EXPECTED_CASES] * 2
    # Both conventions are put to the test: one of them sees aromatic bonds, the other kekulised ones.
    assert any(bond[2] == 4 for case in documents()[0][1]["cases"] for bond in case["bonds"])


def test_nothing_that_upstream_said_is_left_out() -> None:
    """What the tests below hold against ours, and the input."""
    held = {"valencies", "n_stable", "mol_stable", "n_stable_midi", "mol_stable_midi", "validity", "mmff_energy"}
    held_of_validity = {"frac_valid_mols", "avg_frag_frac", "avg_num_components", "frac_connected"}
    for _, document in documents():
        for case in document["cases"]:
            assert set(case) - held == {"smiles", "edit", "atoms", "charges", "bonds", "positions"}
            assert set(case["validity"]) <= held_of_validity


@pytest.mark.parametrize(("name", "ours"), [("v0.1", "midi"), ("v3.1.0", "geom")])
def test_the_tables_of_valencies_are_upstreams(name: str, ours: str) -> None:
    theirs = dict(documents())[name]["meta"]["valency_table"]
    wrapped = {symbol: entry if isinstance(entry, dict) else {"any": entry} for symbol, entry in theirs.items()}
    document = {
        "name": ours,
        "convention": "integer" if name == "v0.1" else "float",
        "charge_fallback": name == "v0.1",
        "valencies": {
            symbol: {charge: values if isinstance(values, list) else [values] for charge, values in entry.items()}
            for symbol, entry in wrapped.items()
        },
    }
    assert parse_table(document) == load_valency_table(ours)


@pytest.mark.parametrize("name", ["v0.1", "v3.1.0"])
def test_a_summary_of_all_cases_is_the_mean_of_theirs(name: str) -> None:
    cases = dict(documents())[name]["cases"]
    summary = summarise([molecule_of(case) for case in cases], table=tables(name)[""])
    n_atoms = sum(len(case["atoms"]) for case in cases)

    def mean(key: str) -> float:
        return float(np.mean([case["validity"][key] for case in cases]))

    expected = {
        "atoms_stable": sum(case["n_stable"] for case in cases) / n_atoms,
        "molecules_stable": np.mean([case["mol_stable"] for case in cases]),
        "valid_permissive": mean("frac_valid_mols"),
        "largest_fragment_share": mean("avg_frag_frac"),
        "fragments": mean("avg_num_components"),
        "energy": np.mean([case["mmff_energy"] for case in cases if case["mmff_energy"] is not None]),
    }
    if name == "v3.1.0":
        expected["connected"] = mean("frac_connected")
        expected["fragmented"] = 1 - mean("frac_connected")
    found = {**summary.shares, **summary.means}
    for key, value in expected.items():
        estimate = found[key]
        assert estimate is not None
        assert estimate.value == pytest.approx(value, rel=1e-6), key


@pytest.mark.parametrize(("name", "case"), CASES)
def test_valencies_and_stability(name: str, case: dict[str, Any]) -> None:
    molecule = molecule_of(case)
    for suffix, table in tables(name).items():
        assert valencies(molecule, table.convention).tolist() == case["valencies"]
        assert int(stable_atoms(molecule, table).sum()) == case[f"n_stable{suffix}"]
        assert is_stable(molecule, table) == case[f"mol_stable{suffix}"]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_validity(name: str, case: dict[str, Any]) -> None:
    report, expected = examine_fragments(molecule_of(case)), case["validity"]
    assert report.largest_valid == bool(expected["frac_valid_mols"])
    assert report.largest_share == pytest.approx(expected["avg_frag_frac"], abs=1e-12)
    assert report.count == expected["avg_num_components"]
    if "frac_connected" in expected:
        assert (report.count == 1) == bool(expected["frac_connected"])


@pytest.mark.parametrize(("name", "case"), CASES)
def test_energy(name: str, case: dict[str, Any]) -> None:
    energy = mmff_energy(molecule_of(case))
    if case["mmff_energy"] is None:
        assert energy is None
    else:
        assert energy == pytest.approx(case["mmff_energy"], rel=1e-6, abs=1e-6)
