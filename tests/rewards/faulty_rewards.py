"""Rewards that fail on demand, in a module that worker processes can import."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import Descriptors

from molvm.chem.molecule import Molecule
from molvm.rewards import Direction, MoleculeReward, Outcome, reward
from molvm.rewards.worker import TOO_LARGE


class Baseless(BaseException):
    """What no `except Exception` sees, and no message describes."""

    def __str__(self) -> str:
        raise RuntimeError("nor does its name")


@dataclass(frozen=True)
class Faulty(MoleculeReward):
    """The molecule's property `value`, unless its property `fault` says otherwise, after so many seconds."""

    name: str = "faulty"
    unit: str = "u"
    direction: Direction = "maximise"
    floor: float | None = None
    seconds: float = 0.0

    def evaluate(self, molecule: Molecule) -> Outcome:
        time.sleep(self.seconds)
        fault = molecule.properties.get("fault")
        if fault == "abort":
            os.abort()
        if fault == "deadly":
            # The parent is the server that forks workers; its parent has the pool.
            server = Path(f"/proc/{os.getppid()}/stat").read_text()
            os.kill(int(server.rpartition(")")[2].split()[1]), signal.SIGKILL)
            time.sleep(3600)
        if fault == "exit":
            os._exit(3)
        if fault == "stop":
            os._exit(0)
        if fault == "mimic":
            os._exit(TOO_LARGE)
        if fault == "hang":
            time.sleep(3600)
        if fault == "raise":
            raise RuntimeError("on demand")
        if fault == "base":
            raise Baseless("on demand")
        if fault == "fork" and os.fork() == 0:
            return self.succeed(molecule, 777.0)
        if fault == "nan":
            return self.succeed(molecule, float("nan"))
        return self.succeed(molecule, float(molecule.properties["value"]))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Surroundings(MoleculeReward):
    """What a worker knows: threads, imported packages, its process."""

    name: str = "surroundings"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None

    def evaluate(self, molecule: Molecule) -> Outcome:
        from molvm.rewards import dipole, qed

        used = (dipole().outcome(molecule), qed().outcome(molecule))
        details: dict[str, float | str] = {
            "torch": str("torch" in sys.modules),
            "threads": os.environ.get("OMP_NUM_THREADS", ""),
            "openblas": os.environ.get("OPENBLAS_NUM_THREADS", ""),
            "main": str(hasattr(sys.modules["__main__"], "__file__")),
            "scored": str(all(outcome.ok for outcome in used)),
            "parent": float(os.getppid()),
            "blocked": str(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))),
            "variable": os.environ.get("SURROUNDINGS", ""),
        }
        print("workers must not be heard")  # noqa: T201
        return self.succeed(molecule, float(os.getpid()), details)


@dataclass(frozen=True)
class Leaking(MoleculeReward):
    """Keeps some memory at every molecule, and more at the first; its value is the process."""

    first: int = 0
    each: int = 0
    name: str = "leaking"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None

    def evaluate(self, molecule: Molecule) -> Outcome:
        _LEAKED.append(b"x" * (self.each if _LEAKED else self.first))
        return self.succeed(molecule, float(os.getpid()))


_LEAKED: list[bytes] = []


@reward(unit="Å²")
def tpsa(mol: Chem.Mol) -> float:
    """Topological polar surface area."""
    return float(Descriptors.TPSA(mol))


@reward()
def raising(mol: Chem.Mol) -> float:
    raise ValueError("no idea")


@reward()
def silent(mol: Chem.Mol) -> None:
    return None


@reward()
def infinite(mol: Chem.Mol) -> float:
    return float("inf")


@reward()
def text(mol: Chem.Mol) -> str:
    return "many"


@reward
def number_in_words(mol: Chem.Mol) -> str:
    return "5.0"


@reward
def leaving(mol: Chem.Mol) -> float:
    raise SystemExit(3)


@reward
def interrupting(mol: Chem.Mol) -> float:
    raise KeyboardInterrupt
