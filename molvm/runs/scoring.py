"""Scoring molecules or images without a model. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molvm.arguments import typed
from molvm.chem.formats.record import Record
from molvm.chem.io import write_csv, write_sdf
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError
from molvm.frames import data_frame
from molvm.images.image import Image
from molvm.rewards.base import Failure, Outcome, Reward, SampleReward
from molvm.rewards.cache import OutcomeCache
from molvm.rewards.limits import DEFAULT_TIME_LIMIT
from molvm.rewards.pools import Pool, fitting_workers, open_pool
from molvm.rewards.subjects import require_subject
from molvm.rewards.workers import Workers
from molvm.runs.images_given import images_given
from molvm.runs.kept_outcomes import kept_outcomes
from molvm.runs.records_given import records_of
from molvm.runs.reward_source import require_reward, resolve_reward
from molvm.subject import Subject

if TYPE_CHECKING:
    import pandas as pd
    import PIL.Image
    from rdkit import Chem

UNREADABLE = "reading"
"""The stage at which a record that holds no molecule fails."""

Progress = Callable[[Outcome], None]

Ask = Callable[[Reward, Sequence[Molecule]], list[Outcome]]
"""What a reward says of each, from the folder of outcomes or the pool."""


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """What rewards say of molecules, one row a molecule, in order.

    Args:
        ids: Of the molecules.
        smiles: Canonical SMILES, or None.
        outcomes: Reward name to one outcome a molecule.
        molecules: None for a record that could not be read.
        notes: What molecules have lost of their records, one a molecule, which stands where no failure has a reason.
    """

    ids: tuple[str, ...]
    smiles: tuple[str | None, ...]
    outcomes: dict[str, tuple[Outcome, ...]]
    molecules: tuple[Molecule | None, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        """Short: the outcomes would fill a screen."""
        return f"ScoreTable({len(self)} rows, {', '.join(self.outcomes)})"

    def _repr_html_(self) -> str:
        """The first of them drawn, for notebooks."""
        from molvm.runs.notebook import scores_html

        return scores_html(self)

    @property
    def columns(self) -> list[str]:
        """id, smiles, one column a reward, failure, reason, seconds."""
        return ["id", "smiles", *self.outcomes, "failure", "reason", "seconds"]

    def rows(self) -> list[dict[str, Any]]:
        """One mapping from column to value a molecule; a failed reward's value is None."""
        return [self._row(index) for index in range(len(self))]

    def values(self, reward: str) -> list[float | None]:
        """The values of one reward."""
        return [outcome.value for outcome in self.outcomes[reward]]

    def to_csv(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the rows as a table.

        Raises:
            OutputExistsError: The file exists, or cannot be written.
        """
        write_csv(path, self.columns, self.rows(), overwrite=overwrite)

    @typed()
    def to_sdf(self, path: Path | str, *, overwrite: bool = False) -> int:
        """Write the readable molecules as an SD file, their own fields and those of their rows with them.

        Returns:
            The number of molecules written.

        Raises:
            OutputExistsError: The file exists, or cannot be written.
            MoleculeError: An atomic number is no element.
        """
        rows = zip(self.molecules, self.rows(), strict=True)
        return write_sdf(path, (_with_row(each, row) for each, row in rows if each is not None), overwrite=overwrite)

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a table.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return data_frame(self.rows(), self.columns)

    def _row(self, index: int) -> dict[str, Any]:
        mine = {name: outcomes[index] for name, outcomes in self.outcomes.items()}
        failures = {name: outcome.failure for name, outcome in mine.items() if outcome.failure is not None}
        reasons = {name: f"{failure.stage}: {failure.reason}" for name, failure in failures.items()}
        return {
            "id": self.ids[index],
            "smiles": self.smiles[index],
            **{name: outcome.value for name, outcome in mine.items()},
            "failure": _by_reward({name: failure.kind for name, failure in failures.items()}, several=len(mine) > 1),
            "reason": _by_reward(reasons, several=len(mine) > 1) or (self.notes and self.notes[index]) or None,
            "seconds": round(sum(outcome.seconds for outcome in mine.values()), 4),
        }


@dataclass(frozen=True, eq=False)
class ImageScoreTable(ScoreTable):
    """What rewards say of images, which stand in the place of molecules.

    Args:
        prompts: What each image was asked to show; empty texts if nothing is known of it.
    """

    prompts: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """id, prompt, one column a reward, failure, reason, seconds."""
        return ["prompt" if name == "smiles" else name for name in super().columns]

    def to_sdf(self, path: Path | str, *, overwrite: bool = False) -> int:  # noqa: ARG002 - of molecules
        """Raises a ConfigError: images are no molecules."""
        raise ConfigError(f"Images cannot be written as the SD file {path}.", remedy="to_csv")

    def _row(self, index: int) -> dict[str, Any]:
        row = super()._row(index)
        return {name: self.prompts[index] if name == "prompt" else row[name] for name in self.columns}


def _with_row(molecule: Molecule, row: dict[str, Any]) -> Molecule:
    """The molecule with what a row says of it beside its own fields."""
    said = {name: "" if value is None else value for name, value in row.items() if name not in ("id", "smiles")}
    return replace(molecule, id=row["id"], properties={**molecule.properties, **said})


def _by_reward(texts: dict[str, str], *, several: bool) -> str | None:
    """What all failed rewards say, once; where they differ, or not all of several failed, each under its name."""
    distinct = set(texts.values())
    if len(distinct) == 1 and (len(texts) > 1 or not several):
        return distinct.pop()
    return "; ".join(f"{name}: {text}" for name, text in texts.items()) or None


@typed(but="reward")
def score(
    source: Path | str | pd.DataFrame | Iterable[Molecule | Record | Chem.Mol | Image | PIL.Image.Image | str | None],
    reward: Reward | str | Sequence[Reward | str],
    *,
    workers: Workers | None = None,
    time_limit: float = DEFAULT_TIME_LIMIT,
    cache: bool | OutcomeCache = True,
    progress: Progress | None = None,
) -> ScoreTable:
    """Score molecules or images, or those of a file.

    Args:
        source: A molecule file; molecules of molvm or RDKit, SMILES or records of a file; or a table of pandas with a
            column of SMILES. What is not of molvm is taken as a file with it would be: hydrogens are added, and
            positions where there are none in three dimensions. None and pandas' NaN are unreadable records. Or an image
            file, a folder of them, or images of molvm or Pillow.
        reward: A reward, its name, `path.py:name`, or several of these.
        workers: Worker processes, or the address of a Dask scheduler; a process a core by default.
        time_limit: Seconds that one molecule or image may take.
        cache: Whether values that are known are taken from the folder of outcomes, and new ones kept there;
            or another such folder.
        progress: Called with every outcome of a readable molecule as it comes in.

    Returns:
        Of images an `ImageScoreTable`.

    Raises:
        InputFileError: The file cannot be read.
        MoleculeError: Something is no molecule.
        UnknownNameError: There is no such reward.
        RewardError: A reward of images is asked about molecules, or the other way round.
        ImageError: An image cannot be read.
        ConfigError: There is no reward, or two have one name, or the name of another column; or a table has no column
            of SMILES.
    """
    several = list(reward) if isinstance(reward, list | tuple) else [reward]
    if not several:
        raise ConfigError("There is no reward to score by.", remedy="the name of one, such as 'qed'")
    images = images_given(source)
    subject: Subject = "molecules" if images is None else "images"
    rewards = _by_name(
        [resolve_reward(one, subject) if isinstance(one, str) else require_reward(one) for one in several]
    )
    for one in rewards.values():
        require_subject(one, subject, "what is scored are")
    kept = kept_outcomes(cache) if isinstance(cache, bool) else cache
    with open_pool(workers, time_limit=time_limit, cache=kept) as pool:
        ask = partial(_evaluate, pool=pool, progress=progress)
        return _of_records(records_of(source), rewards, ask) if images is None else _of_images(images, rewards, ask)


def _of_records(records: Sequence[Record], rewards: Mapping[str, Reward], ask: Ask) -> ScoreTable:
    molecules = [record.molecule for record in records if record.molecule is not None]
    outcomes: dict[str, tuple[Outcome, ...]] = {}
    for name, one in rewards.items():
        found = iter(ask(one, molecules))
        outcomes[name] = tuple(
            next(found) if record.molecule is not None else _unreadable(record, one.unit) for record in records
        )
    smiles = tuple(record.molecule.smiles() if record.molecule is not None else None for record in records)
    ids, read = tuple(record.id for record in records), tuple(record.molecule for record in records)
    return ScoreTable(ids, smiles, outcomes, read, tuple(record.note for record in records))


def _of_images(images: Sequence[Image], rewards: Mapping[str, Reward], ask: Ask) -> ImageScoreTable:
    given: Any = tuple(images)
    return ImageScoreTable(
        ids=tuple(image.id for image in images),
        smiles=(None,) * len(images),
        outcomes={name: tuple(ask(one, given)) for name, one in rewards.items()},
        molecules=given,
        prompts=tuple(image.prompt for image in images),
    )


def evaluate_reward(
    reward: Reward,
    molecules: Sequence[Molecule],
    *,
    workers: Workers | None = None,
    time_limit: float = DEFAULT_TIME_LIMIT,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Outcomes of the molecules, in order, known ones from the folder of outcomes, the others from worker processes."""
    with open_pool(fitting_workers(workers, reward), time_limit=time_limit, cache=kept_outcomes()) as pool:
        return _evaluate(reward, molecules, pool, progress)


def _evaluate(reward: Reward, molecules: Sequence[Molecule], pool: Pool, progress: Progress | None) -> list[Outcome]:
    if isinstance(reward, SampleReward):
        return pool.score(reward, molecules, progress)
    return reward(molecules)


def _unreadable(record: Record, unit: str) -> Outcome:
    return Outcome(record.id, None, unit, failure=Failure("invalid", UNREADABLE, record.reason or ""))


def _by_name(rewards: Sequence[Reward]) -> dict[str, Reward]:
    taken = {"id", "smiles", "prompt", "failure", "reason", "seconds"}
    for reward in rewards:
        if reward.name in taken:
            raise ConfigError(f"Two columns of the table would be called {reward.name!r}.", remedy="another name")
        taken.add(reward.name)
    return {reward.name: reward for reward in rewards}
