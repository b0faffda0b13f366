"""Outcomes that were paid for once, kept by what they depend on: one small file each, safe on shared file systems."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import secrets
from pathlib import Path
from typing import Any, Final

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards.base import Failure, Outcome, SampleReward

logger = logging.getLogger(__name__)

FORMAT: Final = 1
"""Part of every key, so that files of another format are never found."""

REPEATABLE: Final = ("invalid", "rejected", "failed")
"""Failures that would come again. A crash or a time limit may have been the machine's fault."""


class OutcomeCache:
    """A folder of outcomes, by reward and molecule. One that is `cached_as` None is never looked up.

    Nothing here can fail a reward: a damaged file is no file, and a folder that cannot be written is left alone after
    one warning.

    Args:
        folder: Made when the first outcome is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writable = True

    def find(self, reward: SampleReward, molecule: Molecule) -> Outcome | None:
        """What the reward said of such a molecule before, under this molecule's id; None if it is not known."""
        key = self.key(reward, molecule)
        if key is None:
            return None
        try:
            return _outcome(json.loads(self._path(key).read_bytes()), molecule.id)
        except (OSError, ValueError, TypeError, KeyError, RewardError):
            return None

    def keep(self, reward: SampleReward, molecule: Molecule, outcome: Outcome) -> None:
        """Remember an outcome, if it would come again."""
        key = self.key(reward, molecule)
        repeatable = outcome.failure is None or outcome.failure.kind in REPEATABLE
        if key is None or not repeatable or outcome.positions is not None or not self._writable:
            return
        try:
            _write(self._path(key), json.dumps(_record(outcome)))
        except OSError as error:
            self._writable = False
            logger.warning("Outcomes are not kept: %s cannot be written (%s).", self.folder, error.strerror)

    def key(self, reward: SampleReward, molecule: Molecule) -> str | None:
        """What an outcome is kept under: `outcome_key`."""
        return outcome_key(reward, molecule)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.json"


def outcome_key(reward: SampleReward, molecule: Molecule) -> str | None:
    """A digest of all that an outcome depends on: what the reward is `cached_as`, and the molecule's arrays.

    Returns:
        64 hexadecimal digits, or None for a reward whose values may change or are faster computed than found.
    """
    settled = reward.cached_as if reward.worth_keeping else None
    return None if settled is None else array_digest(settled, molecule)


def array_digest(settled: str, molecule: Molecule) -> str:
    """64 hexadecimal digits of what decides an outcome, as a text, and of the molecule's arrays."""
    digest = hashlib.sha256(f"{FORMAT}\0{settled}\0{molecule.n_atoms}\0".encode())
    for array in (molecule.elements, molecule.positions, molecule.formal_charges, molecule.bonds, molecule.orders):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _record(outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure
    return {
        "value": outcome.value,
        "unit": outcome.unit,
        "details": dict(outcome.details),
        "failure": None if failure is None else [failure.kind, failure.stage, failure.reason],
        "seconds": outcome.seconds,
    }


def _outcome(record: dict[str, Any], id: str) -> Outcome:
    failure = None if record["failure"] is None else Failure(*record["failure"])
    return Outcome(id, record["value"], record["unit"], record["details"], failure, record["seconds"])


def _write(path: Path, text: str) -> None:
    """Whole or not at all, but not flushed to the disk: what a power cut takes is computed again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
