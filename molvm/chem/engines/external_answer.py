"""What an external engine answers.

An object of JSON. protocol: 1. energy: Eh. dipole: [x, y, z] in e·a₀, or dipole_debye: the same in debye; of an ion,
about any origin. gradient: [[x, y, z], ...] in Eh/a₀, one an atom; needed for the task `gradient` alone.
orbital_energies: Eh, ascending, and orbital_occupations: 0 to 2. All but protocol and energy may be left out: a
property that needs what is not there is a failure. Or protocol and failure: the reason in one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from molvm.chem.engines.base import Array, Electronic, electronic, guard_finite
from molvm.chem.units import DEBYE_PER_ATOMIC_UNIT
from molvm.errors import EngineError
from molvm.programs.answer import last_object

PROTOCOL: Final = 1
"""Version of what is asked and answered; it grows when an old program could misunderstand."""


def read_electronic(engine: str, output: bytes, unpaired: int) -> Electronic:
    """The electronic structure in an output; dipole and orbitals that are not there are not a number.

    Args:
        engine: Its name, for messages.
        output: What the program wrote.
        unpaired: Number of unpaired electrons.

    Raises:
        EngineError: There is no answer, the answer is a failure, or something in it is not what it should be.
    """
    answer = _answer(engine, output)
    energy = float(_numbers(engine, answer, "energy", ()))
    energies, occupations = (_optional(engine, answer, f"orbital_{each}") for each in ("energies", "occupations"))
    if len(energies) != len(occupations):
        raise EngineError(f"{engine} answers with {len(energies)} orbitals and {len(occupations)} occupations.")
    dipole = _dipole(engine, answer)
    if dipole is None:
        found = electronic(engine, energy, np.zeros(3), (energies, occupations), unpaired)
        return Electronic(found.energy, np.full(3, np.nan), found.gap, found.homo, found.lumo)
    return electronic(engine, energy, dipole, (energies, occupations), unpaired)


def read_energy_and_gradient(engine: str, output: bytes, n_atoms: int) -> tuple[float, Array]:
    """Energy in Eh and gradient (n, 3) in Eh/a₀ in an output.

    Args:
        engine: Its name, for messages.
        output: What the program wrote.
        n_atoms: n.

    Raises:
        EngineError: There is no answer, the answer is a failure, or one of both is missing or not what it should be.
    """
    answer = _answer(engine, output)
    return float(_numbers(engine, answer, "energy", ())), _numbers(engine, answer, "gradient", (n_atoms, 3))


def _answer(engine: str, output: bytes) -> dict[str, Any]:
    try:
        answer, line = last_object(output)
    except ValueError as error:
        raise EngineError(f"{engine} gives no answer: {error}.") from error
    if answer.get("protocol") != PROTOCOL:
        raise EngineError(f"{engine} answers by another protocol: {line!r:.120}.", allowed=f'"protocol": {PROTOCOL}')
    if "failure" in answer:
        raise EngineError(f"{engine} failed: {answer['failure']}.")
    return answer


def _dipole(engine: str, answer: Mapping[str, Any]) -> Array | None:
    if "dipole_debye" in answer:
        return _numbers(engine, answer, "dipole_debye", (3,)) / DEBYE_PER_ATOMIC_UNIT
    return _numbers(engine, answer, "dipole", (3,)) if "dipole" in answer else None


def _optional(engine: str, answer: Mapping[str, Any], key: str) -> Array:
    found = answer.get(key, [])
    return _numbers(engine, {key: found}, key, (len(found) if isinstance(found, list) else 0,))


def _numbers(engine: str, answer: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> Array:
    """What stands under a key.

    Raises:
        EngineError: Nothing, something of another shape, or numbers that are not finite.
    """
    try:
        found = np.array(answer[key], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError(f"{engine} answers without numbers for {key!r}.") from error
    if found.shape != shape:
        raise EngineError(f"{engine} answers with a {key} of shape {found.shape}.", allowed=str(shape))
    guard_finite(engine, key, found)
    return found
