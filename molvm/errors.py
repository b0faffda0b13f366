"""The error tree: every message says what went wrong, where, what is allowed and what to try."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from molvm.legible import legible


class MolVMError(Exception):
    """Root of all errors that molvm raises on purpose.

    Args:
        what: What went wrong and where, in one sentence.
        allowed: What would have been accepted, if that can be said.
        remedy: What the user can do about it.
    """

    exit_code = 2

    def __init__(self, what: str, *, allowed: str | None = None, remedy: str | None = None) -> None:
        self.what = what
        self.allowed = allowed
        self.remedy = remedy
        parts = [what]
        if allowed:
            parts.append(f"Allowed: {allowed}.")
        if remedy:
            parts.append(remedy[0].upper() + remedy[1:] if remedy.endswith("?") else f"Try: {remedy}.")
        super().__init__(legible(" ".join(parts)))


class ConfigError(MolVMError):
    """A setting is missing, unknown or out of range."""


class UnknownNameError(ConfigError):
    """A dataset, reward, objective or model of that name does not exist.

    Args:
        kind: What was looked up ("reward", "dataset", ...).
        name: The name the user gave.
        known: The names that exist.
        remedy: Overrides the suggestion of the nearest spelling.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, remedy: str | None = None) -> None:
        names = sorted(known)
        spelling = {each.lower(): each for each in reversed(names)}
        near = [spelling[each] for each in difflib.get_close_matches(name.lower(), spelling, n=1, cutoff=0.5)]
        if remedy is None and names:
            remedy = f"did you mean {near[0]!r}?" if near else f"one of these names for the {kind}"
        super().__init__(f"There is no {kind} named {name!r}.", allowed=", ".join(names) or None, remedy=remedy)


class MissingDependencyError(MolVMError):
    """An optional package is not installed.

    Args:
        package: The distribution that is missing.
        extra: The molvm extra that brings it; None for one that molvm itself brings where there are wheels.
        purpose: What it is needed for.
        remedy: Overrides how to install it.
    """

    def __init__(self, package: str, extra: str | None, purpose: str, *, remedy: str | None = None) -> None:
        from_extra = f"pip install 'molvm[{extra}]' (in a clone: pip install -e '.[{extra}]')"
        plainly = f"pip install {package}, on a platform that has wheels of it"
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed.",
            remedy=remedy or (plainly if extra is None else from_extra),
        )


class OutputExistsError(MolVMError):
    """The output path cannot be used without overwriting something."""


class InputFileError(MolVMError):
    """A file the user named cannot be read."""


class CheckpointError(MolVMError):
    """A checkpoint is damaged, missing or of another kind than expected."""


class ModelError(MolVMError):
    """A base model cannot be found, loaded or used as asked."""


class StateError(MolVMError):
    """Two states do not fit together, or a state has the wrong shape."""


class DivergenceError(MolVMError):
    """Training or sampling produced values that are not finite."""


class RewardError(MolVMError):
    """A reward is wrongly declared, or failed on so much of a batch that training cannot go on."""


class DatasetError(MolVMError):
    """A dataset is missing, damaged, or asked for something it does not hold."""


class MoleculeError(MolVMError):
    """Arrays or a file record do not describe a molecule."""


class ImageError(MolVMError):
    """Pixels or a file do not describe an image."""


class EvaluationError(MolVMError):
    """A metric cannot be computed from what it was given."""


class EngineError(MolVMError):
    """A quantum-chemistry engine refused a molecule, did not converge, or returned nonsense."""


class InteropError(MolVMError):
    """Another package crashed, hung, or holds a molecule in a form that cannot be taken over."""
