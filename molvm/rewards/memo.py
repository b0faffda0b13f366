"""What was computed for a molecule is not computed again, in this process, while the molecule lives.

A sum of rewards asks several of them about the same molecule, and each begins with the same relaxation. The key is the
molecule object itself, not what is in it, so nothing must be compared; its results go when it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from molvm.chem.molecule import Molecule
from molvm.errors import EngineError

T = TypeVar("T")


@dataclass(frozen=True)
class _Failed:
    """A computation that ended in an `EngineError`; not the error itself, whose traceback would hold the molecule."""

    reason: str


_RESULTS: WeakKeyDictionary[Molecule, dict[Hashable, Any]] = WeakKeyDictionary()


def remembered(molecule: Molecule, step: object, compute: Callable[[], T]) -> T:
    """The result of a step for a molecule: computed the first time, looked up afterwards.

    Args:
        molecule: The object that the results belong to.
        step: What is computed, with all its settings; results of a step that cannot be hashed are not kept.
        compute: Computes it. The result must not refer to the molecule, which would then never go.

    Raises:
        EngineError: The computation does, or did the first time.
    """
    if not _hashable(step):
        return compute()
    results = _RESULTS.setdefault(molecule, {})
    if step not in results:
        try:
            results[step] = compute()
        except EngineError as error:
            results[step] = _Failed(str(error))
            raise
    found = results[step]
    if isinstance(found, _Failed):
        raise EngineError(found.reason)
    return cast(T, found)


def _hashable(step: object) -> bool:
    # A frozen dataclass is `Hashable` whatever it holds, so only trying tells.
    try:
        hash(step)
    except TypeError:
        return False
    return True
