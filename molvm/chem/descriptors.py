"""Numbers that medicinal chemists ask of a bond graph, by name.

Each is a function of a sanitised RDKit molecule whose hydrogens have been removed (`Chem.RemoveHs`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rdkit import Chem
from rdkit.Chem import QED, Crippen, Descriptors, Lipinski, rdMolDescriptors
from rdkit.Contrib.SA_Score import sascorer

Descriptor = Callable[[Chem.Mol], float]


def qed(graph: Chem.Mol) -> float:
    """Quantitative estimate of drug-likeness, 0 to 1 (Bickerton et al., Nat. Chem. 2012, 4, 90)."""
    return float(QED.qed(graph))  # type: ignore[no-untyped-call]


def log_p(graph: Chem.Mol) -> float:
    """Decadic logarithm of the octanol-water partition.

    Wildman and Crippen, J. Chem. Inf. Comput. Sci. 1999, 39, 868.
    """
    return float(Crippen.MolLogP(graph))  # type: ignore[attr-defined]


def sa_score(graph: Chem.Mol) -> float:
    """Synthetic accessibility, 1 easy to 10 hard (Ertl and Schuffenhauer, J. Cheminform. 2009, 1, 8)."""
    return float(sascorer.calculateScore(graph))


def tpsa(graph: Chem.Mol) -> float:
    """Topological polar surface area in Å² from nitrogen and oxygen (Ertl et al., J. Med. Chem. 2000, 43, 3714)."""
    return float(rdMolDescriptors.CalcTPSA(graph))


def weight(graph: Chem.Mol) -> float:
    """Molecular weight in g/mol, hydrogens included, elements in their natural mixture of isotopes."""
    return float(Descriptors.MolWt(graph))  # type: ignore[attr-defined]


def lipinski_share(graph: Chem.Mol) -> float:
    """Which share of the rule of five holds (Lipinski et al., Adv. Drug Deliv. Rev. 1997, 23, 3), 0 to 1.

    Its four rules: at most 500 g/mol, log P at most 5, at most 5 N-H and O-H, at most 10 N and O.
    """
    rules = (
        weight(graph) <= 500,
        log_p(graph) <= 5,
        Lipinski.NHOHCount(graph) <= 5,  # type: ignore[attr-defined]
        Lipinski.NOCount(graph) <= 10,  # type: ignore[attr-defined]
    )
    return float(sum(rules)) / len(rules)


DESCRIPTORS: Final[Mapping[str, Descriptor]] = {
    "qed": qed,
    "logp": log_p,
    "sa": sa_score,
    "tpsa": tpsa,
    "mw": weight,
    "lipinski": lipinski_share,
    "rings": rdMolDescriptors.CalcNumRings,
    "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
    "rotatable_bonds": rdMolDescriptors.CalcNumRotatableBonds,
    "heavy_atoms": rdMolDescriptors.CalcNumHeavyAtoms,
    "hbond_donors": rdMolDescriptors.CalcNumHBD,
    "hbond_acceptors": rdMolDescriptors.CalcNumHBA,
}
"""Those that a reward can be named after."""
