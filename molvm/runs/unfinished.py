"""A scoring that may be interrupted: what programs and functions said is kept beside the table until that is whole."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from molvm.chem.molecule import Molecule
from molvm.rewards.base import Outcome, SampleReward
from molvm.rewards.cache import OutcomeCache, array_digest, outcome_key
from molvm.runs.directory import RunDirectory

ENDING: Final = ".unfinished"

_BETWEEN_WORDS: Final = re.compile(r"[\s'\"(),=]+")


class UnfinishedScoring(OutcomeCache):
    """A folder of outcomes for one table, of those rewards too that may come out otherwise another day.

    Outcomes that are known to come again go into the machine's own folder as ever. The others are found again by the
    text that names the reward and the content of the files in it; what those read in turn is not looked at.

    Args:
        table: The file that is to be written; the folder is called as it is, and `.unfinished`.
        texts: Of each reward's name, what the user called it by.
        kept: The machine's own folder.

    Attributes:
        n_known: How many molecules had an outcome in either folder.
    """

    def __init__(self, table: Path, texts: Mapping[str, str], kept: OutcomeCache) -> None:
        super().__init__(table.with_name(table.name + ENDING))
        self.kept = kept
        self.n_known = 0
        self._found: set[str | None] = set()
        self._identities = {name: identity_of(text) for name, text in texts.items()}

    def find(self, reward: SampleReward, molecule: Molecule) -> Outcome | None:
        """What is known of such a molecule, from either folder."""
        known = self.kept.find(reward, molecule)
        if known is None:
            known = super().find(reward, molecule)
            if known is not None:
                self._found.add(self.key(reward, molecule))
        self.n_known += known is not None
        return known

    @property
    def n_found(self) -> int:
        """How many outcomes of the folder beside the table were taken; equal molecules share one, as in `len`."""
        return len(self._found)

    def keep(self, reward: SampleReward, molecule: Molecule, outcome: Outcome) -> None:
        """Remember an outcome in the folder that it belongs to."""
        if outcome_key(reward, molecule) is not None:
            self.kept.keep(reward, molecule, outcome)
        else:
            super().keep(reward, molecule, outcome)

    def key(self, reward: SampleReward, molecule: Molecule) -> str | None:
        """A digest of the reward's text, the files named in it, and the molecule's arrays."""
        if not reward.worth_keeping or reward.name not in self._identities:
            return None
        return array_digest(self._identities[reward.name], molecule)

    def __len__(self) -> int:
        """How many outcomes the folder beside the table holds."""
        return len(list(self.folder.glob("??/*.json")))

    def discard(self) -> None:
        """Remove the folder beside the table, and nothing in it that is not an outcome."""
        with contextlib.suppress(OSError):
            for path in self.folder.glob("??/*.json"):
                path.unlink()
            for folder in (*self.folder.glob("??"), self.folder):
                folder.rmdir()


def identity_of(text: str) -> str:
    """A text, and digests of the files and runs that it names: with others of these it means something else."""
    parts = [text]
    for word in (text, *_BETWEEN_WORDS.split(text)):
        path, _, function = word.rpartition(":")
        for name in {word, path} if function.isidentifier() else {word}:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                parts.append(hashlib.sha256(_content(Path(name).expanduser())).hexdigest())
    return "\0".join(parts)


def _content(path: Path) -> bytes:
    """Of a file, or of the settings and the newest checkpoint of a run."""
    run = RunDirectory(path)
    if not run.is_run:
        return path.read_bytes()
    return run.config.read_bytes() + max(run.checkpoints.glob("*/manifest.json")).read_bytes()
