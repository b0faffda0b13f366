"""Open Babel's descriptors: against RDKit's and known values, and what happens when Open Babel does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from properties import from_smiles, value
from rdkit import Chem
from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors

from molvm.chem import openbabel_descriptors, openbabel_process
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, MissingDependencyError, RewardError
from molvm.rewards import isolated, parse_reward
from molvm.rewards.openbabel import openbabel


@pytest.mark.parametrize(
    ("descriptor", "reference", "correlation", "median"),
    [
        ("logP", Crippen.MolLogP, 0.9, 0.1),
        ("MR", Crippen.MolMR, 0.99, 0.4),
        ("MW", Descriptors.MolWt, 0.9999, 0.01),
        ("TPSA", rdMolDescriptors.CalcTPSA, 0.95, 0.001),
        ("bonds", Chem.Mol.GetNumBonds, 0.9999, 0.0),
    ],
)
def test_it_is_near_rdkit_where_the_method_is_one(
    descriptor: str,
    reference: Callable[[Chem.Mol], float],
    correlation: float,
    median: float,
    small: list[Molecule],
    drug_like: list[Molecule],
) -> None:
    """The methods are the same, the atom types of small heterocycles and charged groups are not."""
    molecules = [*small, *drug_like]
    ours = np.array([outcome.value for outcome in openbabel(descriptor)(molecules)], dtype=float)
    theirs = np.array([reference(Chem.MolFromSmiles(molecule.smiles())) for molecule in molecules], dtype=float)
    assert np.corrcoef(ours, theirs)[0, 1] >= correlation
    assert np.median(np.abs(ours - theirs)) <= median


def test_hydrogens_are_no_acceptors() -> None:
    """Open Babel's HBA1 counts hydrogens that are atoms."""
    assert value("openbabel(HBA1)", "CCO") == 1
    assert value("openbabel(HBD)", "C[NH3+]") == 1


def test_units_and_floors() -> None:
    declared = {name: parse_reward(f"openbabel({name})") for name in ("logP", "TPSA", "MR", "HBD")}
    assert {name: (r.unit, r.floor) for name, r in declared.items()} == {
        "logP": ("", None),
        "TPSA": ("Å²", 0.0),
        "MR": ("cm³/mol", 0.0),
        "HBD": ("", 0.0),
    }
    assert parse_reward("openbabel(TPSA, direction=minimise)").floor is None


@pytest.mark.parametrize("name", ["logp", "InChI", "smarts", ""])
def test_what_is_no_number_of_open_babel_s_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(ConfigError, match=r"HBA1.*logP.*rotors") as caught:
        openbabel(name)
    if name == "logp":
        assert "Did you mean 'logP'" in str(caught.value)


def test_there_is_no_such_direction() -> None:
    with pytest.raises(RewardError, match="direction"):
        openbabel("logP", direction="up")  # type: ignore[arg-type]


def test_values_are_kept_by_version() -> None:
    reward = openbabel("logP")
    assert reward.cached_as is not None
    assert openbabel_descriptors.known_descriptors().version in reward.cached_as
    assert reward.cached_as != openbabel("MR").cached_as


def test_workers_compute_the_same(small: list[Molecule]) -> None:
    reward = openbabel("MR")
    with isolated(reward, 1) as pool:
        assert [o.value for o in pool(small)] == [o.value for o in reward(small)]


# --- When Open Babel does not answer --------------------------------------------------------------------------------


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Replaces what runs in the process that answers."""

    def run_instead(program: str) -> None:
        path = tmp_path / "worker.py"
        path.write_text(program)
        monkeypatch.setattr(openbabel_process, "WORKER", path)
        openbabel_descriptors._companion.cache_clear()

    openbabel("logP")
    yield run_instead
    openbabel_descriptors._companion.cache_clear()


@pytest.mark.parametrize(
    ("program", "kind", "words"),
    [
        ("import os; os.abort()", "crashed", "status -6"),
        ("import time; time.sleep(60)", "timeout", "longer than"),
        ("""print('{"refused": "on demand"}', flush=True); input()""", "failed", "on demand"),
        ("""print('{"value": NaN}', flush=True); input()""", "failed", "no value"),
    ],
)
def test_it_is_a_failure_of_its_kind(
    worker: Callable[[str], None], program: str, kind: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openbabel_descriptors, "SECONDS", 1.0 if kind == "timeout" else 60.0)
    worker(program)
    failure = openbabel("logP").outcome(from_smiles("CCO")).failure
    assert failure is not None
    assert (failure.kind, failure.stage) == (kind, "openbabel")
    assert words in failure.reason


def test_without_open_babel_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openbabel.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    openbabel_descriptors.known_descriptors.cache_clear()
    with pytest.raises(MissingDependencyError, match=r"pip install 'molvm\[obabel\]'"):
        openbabel("logP")
