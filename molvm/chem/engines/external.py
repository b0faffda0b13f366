"""Any program as an engine: it reads an XYZ file and answers with energy, dipole, gradient and orbitals as JSON.

It is started without a shell, once a geometry, in a directory of its own that holds the file and vanishes afterwards.
In its arguments `{xyz}` stands for the file (positions in Å), `{charge}` for the total charge, `{unpaired}` for the
number of unpaired electrons, `{task}` for what is needed: `energy`, or `gradient` for both. The last line of its
standard output is the answer (`molvm.chem.engines.external_answer`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from molvm.chem.engines.base import Array, Electronic, guard_input
from molvm.chem.engines.external_answer import read_electronic, read_energy_and_gradient
from molvm.chem.units import ANGSTROM_PER_BOHR
from molvm.errors import ConfigError, EngineError
from molvm.programs.run import run_program

TIME_LIMIT: Final = 60.0

XYZ_FILE: Final = "molecule.xyz"

PLACEHOLDERS: Final = ("{xyz}", "{charge}", "{unpaired}", "{task}")

Task = Literal["energy", "gradient"]


@dataclass(frozen=True)
class External:
    """Single points by a program.

    Args:
        argv: The program and its arguments, with `PLACEHOLDERS`; `{xyz}` must be among them.
        unpaired: Number of unpaired electrons.
        time_limit: Seconds a geometry may take; the program and its process group are ended then.

    Raises:
        ConfigError: The arguments lack the file or have an unknown placeholder, or the time limit is not positive.
    """

    argv: tuple[str, ...]
    unpaired: int = 0
    time_limit: float = TIME_LIMIT

    def __post_init__(self) -> None:
        used = [each for part in self.argv[1:] for each in re.findall(r"\{[a-z_]+\}", part)]
        unknown = [each for each in used if each not in PLACEHOLDERS]
        if unknown or "{xyz}" not in used:
            what = f"has the unknown placeholder {unknown[0]}" if unknown else "is not told the file, {xyz}"
            raise ConfigError(f"The external engine {' '.join(self.argv)!r} {what}.", allowed=", ".join(PLACEHOLDERS))
        if not 0 < self.time_limit < math.inf:
            raise ConfigError(
                f"The time limit of the external engine is {self.time_limit}.", allowed="a positive number of seconds"
            )

    @property
    def name(self) -> str:
        """The program."""
        return f"Program {Path(self.argv[0]).name!r}"

    def __call__(self, elements: NDArray[np.uint8], positions: Array, charge: int) -> Electronic:
        """The electronic structure of one molecule; what the program does not say of it is not a number.

        Args:
            elements: (n,) atomic numbers.
            positions: (n, 3) positions in a₀.
            charge: Total charge in elementary charges.

        Raises:
            EngineError: The program failed, or its answer is none.
        """
        return read_electronic(self.name, self.run(elements, positions, charge, "energy"), self.unpaired)

    def run(self, elements: NDArray[np.uint8], positions: Array, charge: int, task: Task) -> bytes:
        """What the program writes to its standard output.

        Args:
            elements: (n,) atomic numbers.
            positions: (n, 3) positions in a₀.
            charge: Total charge in elementary charges.
            task: What is needed.

        Raises:
            EngineError: It took too long, wrote too much, ended with another status than 0, or cannot be started.
        """
        guard_input(self.name, elements, positions)
        values = dict(zip(PLACEHOLDERS, (XYZ_FILE, str(charge), str(self.unpaired), task), strict=True))
        argv = [_filled(part, values) for part in self.argv]
        files = {XYZ_FILE: xyz_text(elements, positions * ANGSTROM_PER_BOHR).encode()}
        finished = run_program(argv, b"", time_limit=self.time_limit, files=files)
        problem = finished.problem()
        if problem is not None:
            raise EngineError(f"{self.name} failed: {problem}.")
        return finished.output


class ExternalForceField:
    """Energies and gradients of one molecule by a program.

    Args:
        engine: The program.
        elements: (n,) atomic numbers.
        charge: Total charge in elementary charges.
    """

    def __init__(self, engine: External, elements: NDArray[np.uint8], charge: int) -> None:
        self._engine, self._elements, self._charge = engine, elements, charge

    def energy_and_gradient(self, positions: Array) -> tuple[float, Array]:
        """Energy in Eh and gradient (n, 3) in Eh/a₀ at positions (n, 3) in a₀.

        Raises:
            EngineError: The program failed, or answered without a gradient.
        """
        output = self._engine.run(self._elements, positions, self._charge, "gradient")
        return read_energy_and_gradient(self._engine.name, output, len(self._elements))


def xyz_text(elements: Sequence[int] | NDArray[np.uint8], positions: Array) -> str:
    """An XYZ file of one molecule, its positions (n, 3) in Å written so that reading gives the same numbers."""
    from rdkit import Chem

    symbol = Chem.GetPeriodicTable().GetElementSymbol
    atoms = zip(elements, positions.tolist(), strict=True)
    lines = [f"{symbol(int(element))} {x!r} {y!r} {z!r}" for element, (x, y, z) in atoms]
    return "\n".join([str(len(lines)), "", *lines, ""])


def _filled(part: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        part = part.replace(placeholder, value)
    return part
