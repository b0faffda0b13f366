"""Laws of the shipped rewards."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import QED

from molvm.chem.engines.base import Electronic
from molvm.chem.engines.xtb import XTBPython
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria
from molvm.errors import EngineError, MissingDependencyError
from molvm.rewards import describe, dipole, make_reward, parse_reward, qed, reward_names
from molvm.rewards.dipole import Dipole

KNOWN = str(Path(__file__).parent.parent / "chem" / "data" / "drug_like.smi")

PROGRAM = Path(__file__).with_name("programs.py")

EXPRESSIONS = {
    "at_least": "at_least(qed, 0.5)",
    "at_most": "at_most(sa, 4, share=0.9)",
    "atoms_of": "atoms_of(C, direction=minimise)",
    "command": f"command({f'{sys.executable} {PROGRAM}'!r})",
    "constrained": "constrained(logp, at_most(sa, 4))",
    "diverse": "diverse(qed, per_scaffold=3)",
    "geometric_mean": "geometric_mean(qed, sigmoid(sa, 6, 3))",
    "lexicographic": "lexicographic(lipinski, qed)",
    "linear": "linear(logp, -2, 4)",
    "novel": f"novel(qed, known={KNOWN!r})",
    "openbabel": "openbabel(logP)",
    "product": "product(qed, window(tpsa, low=20, high=130))",
    "shape_similarity": "shape_similarity('CC(=O)Nc1ccc(O)cc1', features=true)",
    "sigmoid": "sigmoid(mw, 500, 200)",
    "similarity": "similarity('CC(=O)Nc1ccc(O)cc1')",
    "step": "step(rings, 1)",
    "substructure": "substructure('[OX2H]', wanted=false)",
    "weighted_sum": "weighted_sum(logp, sa, weights=[1, 0.5])",
    "window": "window(tpsa, 20, 130)",
}
"""An example of every reward that does not stand alone."""

OF_IMAGES = {"brightness", "colour", "compressed", "jpeg"}
OF_IMAGES |= {"aesthetic", "aesthetic_v1", "clip_score", "hps", "image_reward", "pickscore"}

REWARDS = (
    *(EXPRESSIONS.get(name, name) for name in reward_names() if name not in OF_IMAGES),
    *(
        f"{name}(direction=minimise)"
        for name in ("logp", "tpsa", "mw", "rings", "aromatic_rings", "rotatable_bonds", "heavy_atoms")
    ),
    "hbond_donors(direction=minimise)",
    "hbond_acceptors(direction=minimise)",
    "similarity('CCO', direction=minimise)",
    "substructure('[OX2H]', count=true)",
    "substructure('[OX2H]', count=true, wanted=false)",
    "weighted_sum(sa, alerts)",
)
"""Every reward that is shipped, in every direction it has."""

PROPERTIES = (
    "dipole",
    "homo",
    "lumo",
    "gap",
    "energy_per_atom",
    "atomisation_energy",
    "solvation_energy",
    "strain",
    "polarisability",
)
"""What takes more than a moment."""

IN_PIECES = {"water 500 bohr away", "water beside it"}
"""What `fragmentation` is about."""


def load_broken_versions() -> Callable[[Molecule], dict[str, Molecule]]:
    """The broken molecules of the chemistry's tests, whatever the import mode of the test run."""
    path = Path(__file__).parent.parent / "chem" / "broken.py"
    specification = importlib.util.spec_from_file_location("broken_molecules", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.broken_versions  # type: ignore[no-any-return]


def turned(molecule: Molecule, seed: int) -> Molecule:
    """The molecule rotated at random and moved."""
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    return replace(molecule, positions=molecule.positions @ rotation.T + [3.0, -5.0, 7.0])


def from_smiles(smiles: str) -> Molecule:
    molecule = parse_smiles(smiles, smiles, {}).molecule
    assert molecule is not None
    return molecule


@dataclass(frozen=True)
class Constant:
    """A single point that always finds the same dipole, or fails."""

    dipole: float = 1.0
    name: str = "constant"

    def __call__(self, elements: object, positions: object, charge: int) -> Electronic:
        if self.dipole < 0:
            raise EngineError("on demand")
        return Electronic(-1.0, np.array([0.0, 0.0, self.dipole]), float("nan"))


@pytest.mark.parametrize("expression", REWARDS)
def test_no_broken_molecule_is_ever_rewarded(expression: str, drug_like: list[Molecule], small: list[Molecule]) -> None:
    reward = parse_reward(expression)
    for molecule in (drug_like[0], small[5]):
        versions = load_broken_versions()(molecule)
        for version, outcome in zip(versions, reward(list(versions.values())), strict=True):
            if expression == "fragmentation" and version in IN_PIECES:
                assert 0 < outcome.value < 1  # type: ignore[operator]
                continue
            assert outcome.failure is not None, version
            assert outcome.failure.kind in {"invalid", "rejected", "failed"}, version
            assert outcome.value is None


@pytest.mark.parametrize("expression", REWARDS)
def test_sound_molecules_have_values_and_none_is_worse_than_a_failure(
    expression: str, drug_like: list[Molecule], small: list[Molecule]
) -> None:
    reward = parse_reward(expression)
    molecules = small if expression in (*PROPERTIES, EXPRESSIONS["novel"]) else small + drug_like
    outcomes = reward(molecules)
    assert [outcome.id for outcome in outcomes] == [molecule.id for molecule in molecules]
    assert all(outcome.ok for outcome in outcomes), [outcome.failure for outcome in outcomes if not outcome.ok]
    assert all(outcome.unit == reward.unit for outcome in outcomes)
    sign = 1 if reward.direction == "maximise" else -1
    values = [sign * outcome.value for outcome in outcomes if outcome.value is not None]
    if reward.floor is not None:
        assert min(values) >= sign * reward.floor
    if getattr(reward, "desirability", False):
        assert reward.direction == "maximise"
        assert min(values) >= 0
        assert max(values) <= 1


@pytest.mark.parametrize("expression", REWARDS)
def test_values_do_not_depend_on_the_frame(expression: str, small: list[Molecule]) -> None:
    reward, molecule = parse_reward(expression), small[9]
    # Alignments start from a few orientations and find the same optimum to some digits.
    tolerance = 0.01 if expression.startswith(("shape", *PROPERTIES)) else 1e-9
    values = [outcome.value for outcome in reward([molecule, turned(molecule, 3)])]
    assert values[0] == pytest.approx(values[1], abs=tolerance)


@pytest.mark.parametrize("expression", REWARDS)
def test_every_reward_travels_to_workers_and_describes_itself(expression: str, small: list[Molecule]) -> None:
    reward = parse_reward(expression)
    again = pickle.loads(pickle.dumps(reward))  # noqa: S301
    assert again.outcome(small[7]).value == pytest.approx(reward([small[7]])[0].value, abs=1e-6)
    assert describe(again) == describe(reward)
    assert reward.name in describe(reward)


def test_only_what_is_useless_without_a_reference_takes_one() -> None:
    for name in set(reward_names()) - set(EXPRESSIONS) - OF_IMAGES:
        assert make_reward(name).name == name


def test_qed_is_that_of_the_smiles(drug_like: list[Molecule]) -> None:
    for molecule, outcome in zip(drug_like, qed()(drug_like), strict=True):
        assert outcome.value == pytest.approx(QED.qed(Chem.MolFromSmiles(molecule.smiles())), abs=1e-9)


def test_qed_does_not_depend_on_the_order_of_atoms(drug_like: list[Molecule]) -> None:
    molecule = drug_like[3]
    order = np.random.default_rng(0).permutation(molecule.n_atoms)
    mol = Chem.RenumberAtoms(Chem.Mol(molecule.to_rdkit()), order.tolist())
    assert qed().outcome(Molecule.from_rdkit(mol)).value == pytest.approx(qed().outcome(molecule).value)


def test_the_dipole_does_not_depend_on_the_frame(drug_like: list[Molecule], small: list[Molecule]) -> None:
    for seed, molecule in enumerate([drug_like[0], drug_like[3], *small[::6]]):
        first, second = dipole()([molecule, turned(molecule, seed)])
        assert first.value == pytest.approx(second.value, abs=0.005), molecule.id


@pytest.mark.parametrize(
    ("smiles", "measured", "tolerance"),
    [("O", 1.85, 0.5), ("C=O", 2.33, 0.5), ("CC#N", 3.92, 0.6), ("C", 0.0, 0.01), ("O=C=O", 0.0, 0.01)],
)
def test_dipoles_are_near_the_measured_ones(smiles: str, measured: float, tolerance: float) -> None:
    assert dipole().outcome(from_smiles(smiles)).value == pytest.approx(measured, abs=tolerance)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="xtb-python has no wheels for this Python")
def test_both_engines_give_the_same_reward(drug_like: list[Molecule]) -> None:
    for molecule in (drug_like[0], drug_like[28]):
        ours, theirs = dipole().outcome(molecule), Dipole(engine=XTBPython()).outcome(molecule)
        assert ours.value == pytest.approx(theirs.value, abs=0.01)


def test_details_and_positions(small: list[Molecule]) -> None:
    molecule = small[5]
    outcome = dipole(keep_positions=True).outcome(molecule)
    assert set(outcome.details) == {
        "energy",
        "gap",
        "gfnff_energy",
        "gradient_norm",
        "relaxation_seconds",
        "relaxation_steps",
        "single_point_seconds",
    }
    assert outcome.positions is not None
    assert outcome.positions.shape == molecule.positions.shape
    again = dipole().outcome(replace(molecule, positions=outcome.positions))
    assert again.value == pytest.approx(outcome.value, abs=0.02)
    assert again.positions is None


@pytest.mark.parametrize(
    ("smiles", "stage"),
    [("[NH4+]", "neutral"), ("O.O", "connected"), ("[CH3]", "valences"), ("[Na+].[Cl-]", "connected")],
)
def test_molecules_out_of_scope_fail_by_name(smiles: str, stage: str) -> None:
    failure = dipole().outcome(from_smiles(smiles)).failure
    assert failure is not None
    assert failure.stage == stage


def test_every_later_stage_can_fail_by_name(small: list[Molecule]) -> None:
    molecule = small[5]
    impatient = Dipole(criteria=Criteria(max_steps=1))
    for reward, stage in (
        (impatient, "relaxation"),
        (Dipole(engine=Constant(-1.0)), "single point"),
        (Dipole(engine=Constant(1000.0)), "range"),
    ):
        failure = reward.outcome(molecule).failure
        assert failure is not None
        assert (failure.kind, failure.stage) == ("failed", stage)
    assert Dipole(engine=Constant(1.0)).outcome(molecule).ok


def test_a_molecule_that_would_fall_apart_is_not_relaxed() -> None:
    ethane = from_smiles("CC")
    methyl = [1, *(j for i, j in ethane.bonds.tolist() if i == 1)]
    axis = ethane.positions[1] - ethane.positions[0]
    positions = np.array(ethane.positions)
    positions[methyl] += axis * (2.25 / np.linalg.norm(axis) - 1.0)
    failure = dipole().outcome(replace(ethane, positions=positions)).failure
    assert failure is not None
    assert (failure.kind, failure.stage) == ("invalid", "shape")


@pytest.mark.parametrize("package", ["gfnff", "tblite"])
def test_a_missing_engine_is_said_at_once(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "molvm.rewards.pipeline.find_spec", lambda name: None if name == package else importlib.util.find_spec(name)
    )
    with pytest.raises(MissingDependencyError, match=package):
        make_reward("dipole")
