"""A set of samples: molecules with the weights of their paths and, once scored, their outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from molvm.arguments import typed
from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.chem.validity import is_valid_and_connected
from molvm.errors import ConfigError, EvaluationError, MoleculeError
from molvm.frames import data_frame
from molvm.rewards.base import Outcome, Reward
from molvm.rewards.subjects import require_subject
from molvm.rewards.workers import Workers
from molvm.runs.scoring import evaluate_reward
from molvm.subject import Subject

if TYPE_CHECKING:
    import pandas as pd
    from rdkit import Chem


class NoSuchSampleError(ConfigError, IndexError):
    """A set of samples has none at a position.

    Args:
        index: The position.
        count: How many samples there are.
    """

    def __init__(self, index: int, count: int) -> None:
        super().__init__(f"There is no sample {index}.", allowed=f"0 to {count - 1}" if count else "none")


@dataclass(frozen=True, eq=False)
class SampleSet:
    """n molecules, broken ones included, in the order in which they were drawn.

    Args:
        molecules: As generated.
        path_cost: (n,) ½∫|u|² of each path; its mean is the KL from the base, in nats. NaN for samples that were chosen
            among others, of which no path can say it.
        ito: (n,) ∫u·dB of each path, likewise.
        strength: λ of the run; 0 for the base model.
        reward: What has scored them; None until `score`.
        own_reward: Gives what the run was trained on, or None for a base model. It is asked for only to score, so that
            a run can be sampled where its reward cannot be had.
        outcomes: What the reward says of each molecule; empty until `score`.
        asked: Molecules that the reward was asked about on the way, by a method that steers by it.
        workers: Processes to score with, or the address of a Dask scheduler; None for a process a core.
        time_limit: Seconds that one molecule may take in the reward.
    """

    noun: ClassVar[str] = "molecule"
    judged: ClassVar[Subject] = "molecules"

    molecules: tuple[Molecule, ...]
    path_cost: NDArray[np.float64]
    ito: NDArray[np.float64]
    strength: float = 0.0
    reward: Reward | None = None
    own_reward: Callable[[], Reward] | None = None
    outcomes: tuple[Outcome, ...] = ()
    asked: int = 0
    workers: Workers | None = None
    time_limit: float = 60.0

    def __len__(self) -> int:
        return len(self.molecules)

    def __repr__(self) -> str:
        """Short: the molecules would fill a screen."""
        scored = f", scored with {self.reward_name}" if self.outcomes else ""
        return f"{type(self).__name__}({len(self)} {self.judged}{scored})"

    def _repr_html_(self) -> str:
        """The first of them drawn, for notebooks."""
        from molvm.runs.notebook import samples_html

        return samples_html(self)

    def __iter__(self) -> Iterator[Molecule]:
        return iter(self.molecules)

    @overload
    def __getitem__(self, index: int) -> Molecule: ...

    @overload
    def __getitem__(self, index: slice) -> SampleSet: ...

    @typed()
    def __getitem__(self, index: int | slice) -> Molecule | SampleSet:
        """The molecule at a position, from the end if it is negative; or the samples of a slice.

        Raises:
            NoSuchSampleError: There is none at the position; an IndexError, by which Python ends iterations.
        """
        if isinstance(index, slice):
            return self.select(range(len(self))[index])
        if not -len(self) <= index < len(self):
            raise NoSuchSampleError(index, len(self))
        return self.molecules[index]

    @typed()
    def score(self, reward: Reward | str | None = None, *, workers: Workers | None = None) -> SampleSet:
        """The same samples with outcomes.

        Args:
            reward: A reward or the name of one; the run's own by default.
            workers: Where to score, if not where the run did.

        Raises:
            ConfigError: None is given, and the samples are those of a base model.
            UnknownNameError: There is no such reward.
            RewardError: The run's own was an object and not given to `Run.open`; or the reward judges something else.
        """
        from molvm.runs.reward_source import resolve_reward

        chosen = resolve_reward(reward, self.judged) if isinstance(reward, str) else reward or self.reward
        if chosen is None and self.own_reward is not None:
            chosen = self.own_reward()
        if chosen is None:
            raise ConfigError("The samples of a base model have no reward of their own.", remedy="score('qed')")
        require_subject(chosen, self.judged, "these samples are")
        where = self.workers if workers is None else workers
        outcomes = evaluate_reward(chosen, self.molecules, workers=where, time_limit=self.time_limit)
        return replace(self, reward=chosen, outcomes=tuple(outcomes))

    @property
    def reward_name(self) -> str:
        """The name of what has scored the samples; empty before."""
        return "" if self.reward is None else self.reward.name

    @typed()
    def top(self, count: int) -> SampleSet:
        """The best samples, the best first, failures left out; scored by the run's reward if they are not yet.

        Raises:
            ConfigError: The number is not positive.
        """
        require_some(count)
        scored = self if self.outcomes else self.score()
        direction = scored.reward.direction if scored.reward is not None else "maximise"
        sign = -1.0 if direction == "maximise" else 1.0
        valued = [(sign * outcome.value, i) for i, outcome in enumerate(scored.outcomes) if outcome.value is not None]
        return scored.select([index for _, index in sorted(valued)[:count]])

    @typed()
    def select(self, indices: Sequence[int]) -> SampleSet:
        """The samples at these positions, in this order.

        Raises:
            ConfigError: There is none at a position.
        """
        for index in indices:
            if not -len(self) <= index < len(self):
                raise NoSuchSampleError(index, len(self))
        return replace(
            self,
            molecules=tuple(self.molecules[index] for index in indices),
            path_cost=self.path_cost[list(indices)],
            ito=self.ito[list(indices)],
            outcomes=tuple(self.outcomes[index] for index in indices) if self.outcomes else (),
        )

    @typed()
    def log_weights(self, floor: float) -> NDArray[np.float64]:
        """(n,) log dP*/dP^u + log Z of each path, within its number of atoms (VM, Girsanov).

        Args:
            floor: What a failure is worth, in the reward's unit, and the least that a value is.

        Raises:
            EvaluationError: The samples are not scored, were steered without noise, or chosen among others.
        """
        if not self.outcomes or self.reward is None:
            raise EvaluationError("Weights need rewards.", remedy="score() first")
        if not bool(np.isfinite(self.path_cost).all()):
            raise EvaluationError(
                "Paths that were steered without noise, or chosen among others, have no weights.",
                remedy="some noise, and no method that chooses",
            )
        sign = 1.0 if self.reward.direction == "maximise" else -1.0
        values = np.array([floor if outcome.value is None else outcome.value for outcome in self.outcomes])
        return self.strength * np.maximum(sign * values, sign * floor) - self.path_cost - self.ito

    @typed()
    def save(self, path: Path | str, *, overwrite: bool = False) -> int:
        """Write the samples as files of their kind: molecules as an SD file.

        Returns:
            The number of samples written.

        Raises:
            OutputExistsError: There is something at `path`, or it cannot be written.
        """
        return self.to_sdf(path, overwrite=overwrite)

    @typed()
    def to_sdf(self, path: Path | str, *, overwrite: bool = False) -> int:
        """Write an SD file with what is known of each molecule as fields.

        Returns:
            The number of molecules written.

        Raises:
            OutputExistsError: The file exists, or cannot be written.
        """
        return write_sdf(path, (self._annotated(index) for index in range(len(self))), overwrite=overwrite)

    def to_rdkit(self) -> list[Chem.RWMol | None]:
        """The molecules in RDKit, not sanitised; None for one with an atom that is no element."""
        return [_rdkit_or_none(molecule) for molecule in self.molecules]

    def to_pandas(self) -> pd.DataFrame:
        """One row a sample: id, SMILES, atoms, whether valid, path_cost in nats; once scored reward and failure.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return data_frame(self._row(index) for index in range(len(self)))

    def _row(self, index: int) -> dict[str, object]:
        return {"id": self.molecules[index].id, **self._known(index), **self._judgement(index)}

    def _known(self, index: int) -> dict[str, object]:
        molecule = self.molecules[index]
        return {
            "smiles": molecule.smiles(),
            "atoms": molecule.n_atoms,
            "valid": is_valid_and_connected(molecule),
            "path_cost": float(self.path_cost[index]),
        }

    def _judgement(self, index: int) -> dict[str, object]:
        if not self.outcomes:
            return {}
        outcome = self.outcomes[index]
        failure = (outcome.failure.kind, outcome.failure.reason) if outcome.failure else (None, None)
        return {self.reward_name: outcome.value, "failure": failure[0], "reason": failure[1]}

    def _annotated(self, index: int) -> Molecule:
        molecule = self.molecules[index]
        properties: dict[str, object] = {
            "smiles": molecule.smiles() or "",
            "valid": "yes" if is_valid_and_connected(molecule) else "no",
            "path_cost": f"{self.path_cost[index]:.6g}",
        }
        if self.outcomes and self.reward is not None:
            outcome = self.outcomes[index]
            properties[self.reward.name] = "" if outcome.value is None else f"{outcome.value:.6g}"
            if outcome.failure is not None:
                properties |= {"failure": outcome.failure.kind, "reason": outcome.failure.reason}
        return replace(molecule, properties=properties)


def _rdkit_or_none(molecule: Molecule) -> Chem.RWMol | None:
    try:
        return molecule.to_rdkit()
    except MoleculeError:
        return None


def require_some(count: int) -> None:
    """Refuse to choose the best none.

    Raises:
        ConfigError: The number is not positive.
    """
    if count < 1:
        raise ConfigError(f"The number of best samples is {count}.", allowed="a whole number from 1")
