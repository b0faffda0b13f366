"""What medicinal chemists ask of a bond graph: QED, logP, synthetic accessibility."""

from __future__ import annotations

from dataclasses import dataclass

from rdkit import Chem, rdBase

from molvm.chem.descriptors import log_p, qed, sa_score
from molvm.chem.molecule import Molecule
from molvm.chem.rdkit_bridge import sanitised


@dataclass(frozen=True)
class Descriptors:
    """Of one bond graph, hydrogens removed before they are computed.

    Attributes:
        qed: Quantitative estimate of drug-likeness, 0 to 1 (Bickerton et al., Nat. Chem. 2012, 4, 90; RDKit's).
        log_p: Decadic logarithm of the octanol-water partition (Wildman and Crippen, J. Chem. Inf. Comput. Sci. 1999,
            39, 868).
        sa_score: Synthetic accessibility, 1 easy to 10 hard (Ertl and Schuffenhauer, J. Cheminform. 2009, 1, 8), by
            the program of RDKit's Contrib.
    """

    qed: float
    log_p: float
    sa_score: float


def describe(molecule: Molecule) -> Descriptors | None:
    """The descriptors of a molecule, one or two milliseconds.

    Returns:
        None if RDKit does not sanitise the molecule or has no answer. The answers for a molecule with open valences or
        in several pieces mean little; that is for the caller to decide.
    """
    mol = sanitised(molecule)
    if isinstance(mol, str) or not mol.GetNumAtoms():
        return None
    with rdBase.BlockLogs():
        try:
            skeleton = Chem.RemoveHs(mol)
            return Descriptors(qed=qed(skeleton), log_p=log_p(skeleton), sa_score=sa_score(skeleton))
        except (ValueError, RuntimeError, ArithmeticError):
            return None
