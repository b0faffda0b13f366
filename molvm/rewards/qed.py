"""QED, the quantitative estimate of drug-likeness (Bickerton et al., Nature Chemistry 2012, 4, 90)."""

from __future__ import annotations

from dataclasses import dataclass

from molvm.chem.molecule import Molecule
from molvm.chem.validity import SOUND
from molvm.rewards.base import Direction, MoleculeReward, Outcome


@dataclass(frozen=True)
class QED(MoleculeReward):
    """RDKit's QED with its mean weights, of strictly valid molecules in one piece; 0 to 1, more is better."""

    name: str = "qed"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = 0.0

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The QED, or the check that the molecule did not pass."""
        from rdkit import Chem, rdBase
        from rdkit.Chem import QED as RDKIT_QED

        from molvm.chem.rdkit_bridge import sanitised

        rejection = SOUND(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        mol = sanitised(molecule)
        if isinstance(mol, str):
            return self.fail(molecule, "invalid", "valences", mol)
        with rdBase.BlockLogs():
            value = float(RDKIT_QED.qed(Chem.RemoveHs(mol)))  # type: ignore[no-untyped-call]
        return self.succeed(molecule, value)


def qed() -> QED:
    """Quantitative estimate of drug-likeness, 0 to 1 (Bickerton et al. 2012)."""
    return QED()
