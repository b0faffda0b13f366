from __future__ import annotations

from pathlib import Path

from molvm.chem.molecule import Molecule
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.rewards.cache import OutcomeCache
from molvm.runs.unfinished import UnfinishedScoring


class Own(MoleculeReward):
    name, unit, direction, floor = "own", "", "maximise", 0.0

    def evaluate(self, molecule: Molecule) -> Outcome:
        return self.succeed(molecule, 1.0)


def test_equal_molecules_count_once_when_they_are_kept_and_when_they_are_found(tmp_path: Path) -> None:
    reward, molecules = Own(), [Molecule.from_smiles(smiles) for smiles in ("C", "C", "CC", "C")]
    table, kept = tmp_path / "table.csv", OutcomeCache(tmp_path / "kept")
    first = UnfinishedScoring(table, {"own": "own"}, kept)
    for molecule in molecules:
        first.keep(reward, molecule, reward.outcome(molecule))
    again = UnfinishedScoring(table, {"own": "own"}, kept)
    assert all(again.find(reward, molecule) is not None for molecule in molecules)
    assert (len(first), again.n_found, again.n_known) == (2, 2, 4)
