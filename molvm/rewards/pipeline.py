"""How a property is computed: relaxation, single point, engine, solvent, and how many electrons there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal, get_args

from molvm.chem.electrons import electrons_gate
from molvm.chem.engines.base import METHODS, Method
from molvm.chem.engines.external import TIME_LIMIT, External
from molvm.chem.engines.tblite import ALPB_SOLVENTS, TBLite
from molvm.chem.engines.xtb import XTBPython
from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria
from molvm.chem.relaxers import RELAXATION_METHODS, RelaxationMethod, Relaxer
from molvm.chem.validity import Gate
from molvm.errors import ConfigError, MissingDependencyError, UnknownNameError

EngineName = Literal["tblite", "xtb", "external"]

DEFAULT_METHOD: Method = "gfn2"

ENGINES: tuple[EngineName, ...] = get_args(EngineName)

LARGEST_CHARGE, LARGEST_SPIN = 8, 8
"""What a setting may ask for; more is a slip."""

EXTRAS = {"xtb": "xtb", "dftd4": "d4"}
"""The extra of molvm that brings a package; the others come with molvm."""


@dataclass(frozen=True)
class Pipeline:
    """The steps from a molecule to its electronic structure. Equal pipelines share what they compute.

    Args:
        relaxation: "gfnff", "gfn2", "mmff", "external", or "none" or None for the geometry as it is. Always in vacuum.
        single_point: "gfn2" or "gfn1".
        engine: "tblite", or "xtb" (xtb-python), which has neither ALPB nor electric fields, or "external".
        solvent: Of the single point, by ALPB: one of `ALPB_SOLVENTS`; None for vacuum.
        charge: Total charge in elementary charges; None for the sum of the formal charges.
        spin: Number of unpaired electrons.
        criteria: When a relaxation is converged.
        program: What "external" stands for: a program and its arguments (`molvm.chem.engines.external`).
        time_limit: Seconds that the program may take for a geometry.

    Raises:
        UnknownNameError: A relaxation, method, engine or solvent that does not exist.
        ConfigError: Settings that do not go together, or a number that makes no sense.
    """

    relaxation: RelaxationMethod | None = "gfnff"
    single_point: Method = DEFAULT_METHOD
    engine: EngineName = "tblite"
    solvent: str | None = None
    charge: int | None = None
    spin: int = 0
    criteria: Criteria = field(default_factory=Criteria)
    program: tuple[str, ...] | None = None
    time_limit: float = TIME_LIMIT

    def __post_init__(self) -> None:
        if self.relaxation is None:  # The word `none` in an expression.
            object.__setattr__(self, "relaxation", "none")
        _known("relaxation", self.relaxation, RELAXATION_METHODS)
        _known("single point", self.single_point, METHODS)
        _known("engine", self.engine, ENGINES)
        if self.solvent is not None:
            _known("ALPB solvent", self.solvent, ALPB_SOLVENTS)
        if self.charge is not None:
            _whole("charge", self.charge, -LARGEST_CHARGE, LARGEST_CHARGE)
        _whole("spin (number of unpaired electrons)", self.spin, 0, LARGEST_SPIN)
        self._check_together()

    def _check_together(self) -> None:
        self._check_program()
        if self.engine == "xtb" and self.solvent is not None:
            raise ConfigError(
                f"The engine 'xtb' cannot compute in {self.solvent}: xtb-python has GBSA but not ALPB.",
                remedy="engine=tblite, or no solvent",
            )
        if self.relaxation == "mmff" and (self.charge is not None or self.spin):
            raise ConfigError(
                "The relaxation 'mmff' takes neither charge nor spin: MMFF94 reads formal charges of closed shells.",
                remedy="relaxation=gfnff, relaxation=gfn2 or relaxation=none",
            )

    def _check_program(self) -> None:
        if (self.program is None) == ("external" in (self.relaxation, self.engine)):
            raise ConfigError(
                f"The relaxation is {self.relaxation!r}, the engine {self.engine!r}, and the program {self.program!r}.",
                allowed="a program where one of them is external, and only there",
                remedy="engine=external, program='PROGRAM {xyz} {charge} {unpaired}'",
            )
        if self.program is None and self.time_limit != TIME_LIMIT:
            raise ConfigError(
                f"The time limit of {self.time_limit} s is that of a program, and there is none.",
                remedy="engine=external, or the time limit of the command",
            )
        if self.engine == "external" and (self.solvent is not None or self.single_point != DEFAULT_METHOD):
            raise ConfigError(
                "The engine 'external' takes neither a single_point nor a solvent: the program knows its method.",
                remedy="an argument of the program",
            )
        self.external()

    def external(self) -> External | None:
        """The program as an engine, where there is one.

        Raises:
            ConfigError: Its arguments or its time limit are not as they should be.
        """
        return None if self.program is None else External(self.program, self.spin, self.time_limit)

    @property
    def seconds_needed(self) -> float:
        """What all runs of the program for a molecule may take together; 0 without one."""
        runs = (self.engine == "external") + (self.criteria.max_steps + 3) * (self.relaxation == "external")
        return runs * self.time_limit

    @property
    def relaxer(self) -> Relaxer:
        """The first step."""
        # GFN-FF knows no spin, so that pipelines of different spin share its relaxation.
        return Relaxer(
            self.relaxation or "none",
            self.criteria,
            self.charge,
            self.spin if self.relaxation == "gfn2" else 0,
            self.external() if self.relaxation == "external" else None,
        )

    def total_charge(self, molecule: Molecule) -> int:
        """The total charge of a molecule in elementary charges."""
        return molecule.charge if self.charge is None else self.charge

    def gate(self, *, neutral: bool) -> Gate:
        """What a molecule must be before the first step; ions are turned away if `neutral`."""
        return electrons_gate(self.charge, self.spin, neutral=neutral)

    def calculator(self) -> TBLite | XTBPython | External:
        """The engine, set up for the single point."""
        external = self.external()
        if self.engine == "external" and external is not None:
            return external
        if self.engine == "xtb":
            return XTBPython(self.single_point, self.spin)
        return TBLite(self.single_point, self.solvent, self.spin)

    def relaxer_packages(self) -> tuple[str, ...]:
        """What must be installed to relax."""
        needs: dict[RelaxationMethod, tuple[str, ...]] = {
            "gfnff": ("gfnff",),
            "gfn2": ("gfnff", "tblite"),
            "external": ("gfnff",),
        }
        return needs.get(self.relaxation or "none", ())

    def packages(self) -> tuple[str, ...]:
        """What must be installed for all of it."""
        engine = () if self.engine == "external" else (self.engine,)
        return tuple(dict.fromkeys((*self.relaxer_packages(), *engine)))


def require_packages(packages: tuple[str, ...], name: str) -> None:
    """Say at once what is not installed.

    Args:
        packages: Needed.
        name: Of the reward that needs them.

    Raises:
        MissingDependencyError: One is missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingDependencyError(package, EXTRAS.get(package), f"The reward {name!r}")


def _known(kind: str, name: object, names: tuple[str, ...]) -> None:
    if name not in names:
        raise UnknownNameError(kind, str(name), names)


def _whole(what: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"The {what} is {value!r}.", allowed=f"a whole number from {low} to {high}")
