"""Gates for a given number of electrons: total charge and unpaired electrons."""

from __future__ import annotations

from molvm.chem.molecule import Molecule
from molvm.chem.validity import GEOMETRY, SHAPE, STRICT, Check, Gate, check_xtb_elements


def electrons_gate(charge: int | None = None, unpaired: int = 0, *, neutral: bool = False) -> Gate:
    """What the semi-empirical methods need of a molecule: sound, and its electrons can be paired as asked.

    Args:
        charge: Total charge in elementary charges; None for the sum of the formal charges.
        unpaired: Number of unpaired electrons. With some, the bond graph may have as many radical electrons, or none:
            the latter is an excited or ionised state of a closed-shell graph.
        neutral: Whether ions are turned away.
    """

    def check_neutral(molecule: Molecule) -> str | None:
        total = _total(molecule, charge)
        return f"the charge is {total:+d}" if total else None

    def check_electrons(molecule: Molecule) -> str | None:
        return electron_problem(int(molecule.elements.sum(dtype=int)) - _total(molecule, charge), unpaired)

    def check_valences(molecule: Molecule) -> str | None:
        return radical_problem(molecule, unpaired)

    valences = Check("valences", "invalid", check_valences)
    strict = Gate(tuple(valences if unpaired and each.name == "valences" else each for each in STRICT.checks))
    ions = (Check("neutral", "rejected", check_neutral),) if neutral else ()
    shell = Check("open shell" if unpaired else "closed shell", "rejected", check_electrons)
    return strict + GEOMETRY + SHAPE + Gate((*ions, shell, Check("xtb elements", "rejected", check_xtb_elements)))


def electron_problem(n_electrons: int, unpaired: int) -> str | None:
    """Why so many electrons cannot have so many unpaired ones."""
    if n_electrons % 2 != unpaired % 2:
        parity = "odd" if n_electrons % 2 else "even"
        return f"{n_electrons} electrons, an {parity} number" + (
            f", cannot have {unpaired} unpaired" if unpaired else ""
        )
    return f"{n_electrons} electrons, fewer than {max(unpaired, 1)}" if n_electrons < max(unpaired, 1) else None


def radical_problem(molecule: Molecule, unpaired: int) -> str | None:
    """Why the bond graph does not fit so many unpaired electrons: implicit hydrogens, or another number of radicals."""
    from molvm.chem.rdkit_bridge import sanitised

    mol = sanitised(molecule)
    if isinstance(mol, str):
        return mol
    if any(atom.GetTotalNumHs() for atom in mol.GetAtoms()):
        return "an atom has an open valence"
    radicals = sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    return None if radicals in (0, unpaired) else f"{radicals} radical electrons in the bond graph, not {unpaired}"


def _total(molecule: Molecule, charge: int | None) -> int:
    return molecule.charge if charge is None else charge
