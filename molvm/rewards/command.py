"""Rewards computed by a program of the user's: one line of JSON in, one line of JSON out.

The program gets on its standard input, for one molecule, the object `request` describes, and answers on its standard
output with {"id": ..., "value": number} and, if it likes, "details": {name: number or text}; or with {"id": ...,
"failure": reason}. It may say which "protocol" it speaks, and may write other lines before. Whatever it writes to
standard error is shown when something goes wrong.
"""

from __future__ import annotations

import json
import math
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from molvm.arguments import typed
from molvm.chem.molecule import Molecule
from molvm.chem.validity import SOUND
from molvm.errors import RewardError
from molvm.programs.answer import last_object
from molvm.programs.argv import found_program
from molvm.programs.run import Finished, run_program
from molvm.rewards.base import Direction, FailureKind, MoleculeReward, Outcome

PROTOCOL: Final = 1
"""Version of what is asked and answered; it grows when an old program could misunderstand."""

TIME_LIMIT: Final = 30.0

_KINDS: Final[Mapping[str, FailureKind]] = {"timeout": "timeout", "output": "reward_error", "exit": "crashed"}
"""Of a failure, by how the program ended."""


@dataclass(frozen=True)
class Command(MoleculeReward):
    """The number that a program says of a molecule. It is started anew for each, in a directory of its own.

    Args:
        argv: The program and its arguments.
        name: Name of the reward.
        unit: Unit of the values.
        direction: Which way is better.
        floor: What a failure is worth; None leaves it to the objective.
        time_limit: Seconds a molecule may take.
    """

    argv: tuple[str, ...]
    name: str = "command"
    unit: str = ""
    direction: Direction = "maximise"
    floor: float | None = None
    time_limit: float = TIME_LIMIT

    def evaluate(self, molecule: Molecule) -> Outcome:
        """What the program answers, or why there is no answer."""
        rejection = SOUND(molecule)
        if rejection is not None:
            return self.fail(molecule, rejection.kind, rejection.check, rejection.reason)
        if shutil.which(self.argv[0]) is None:
            reason = f"there is no program {self.argv[0]} on {platform.node()}; programs are not sent to other machines"
            return self.fail(molecule, "reward_error", "program", reason)
        given = (json.dumps(request(molecule)) + "\n").encode()
        return self._judge(molecule, run_program(self.argv, given, time_limit=self.time_limit))

    def _judge(self, molecule: Molecule, finished: Finished) -> Outcome:
        problem = finished.problem()
        if problem is not None:
            return self.fail(molecule, _KINDS[finished.ending], "program", problem)
        try:
            answer = read_answer(finished.output, molecule.id)
        except RewardError as error:
            return self.fail(molecule, "reward_error", "answer", finished.explained(str(error)))
        if answer.get("failure") is not None:
            return self.fail(molecule, "failed", "program", str(answer["failure"]))
        return self.succeed(molecule, float(answer["value"]), answer.get("details", {}))


def request(molecule: Molecule) -> dict[str, Any]:
    """What a program is told of a molecule.

    protocol: 1. id. smiles: canonical, or null. charge: total, in elementary charges. elements: symbols.
    formal_charges. positions: Å, [x, y, z] of each atom. bonds: [i, j, order], atoms from 0. sdf: the same as a V2000
    or V3000 record.
    """
    from rdkit import Chem

    from molvm.chem.formats.sdf import sdf_text

    table = Chem.GetPeriodicTable()
    return {
        "protocol": PROTOCOL,
        "id": molecule.id,
        "smiles": molecule.smiles(),
        "charge": molecule.charge,
        "elements": [table.GetElementSymbol(number) for number in molecule.elements.tolist()],
        "formal_charges": molecule.formal_charges.tolist(),
        "positions": molecule.positions.tolist(),
        "bonds": [
            [*pair, order] for pair, order in zip(molecule.bonds.tolist(), molecule.orders.tolist(), strict=True)
        ],
        "sdf": sdf_text(molecule),
    }


def read_answer(output: bytes, id: str) -> dict[str, Any]:
    """The answer in a program's output: its last line that is not empty.

    Args:
        output: Standard output.
        id: Of the molecule that was asked about.

    Raises:
        RewardError: It is no answer, or one about another molecule.
    """
    try:
        answer, line = last_object(output)
    except ValueError as error:
        raise RewardError(str(error)) from error
    if answer.get("protocol", PROTOCOL) != PROTOCOL:
        raise RewardError(f"the program answers by protocol {answer['protocol']!r}, and was asked by {PROTOCOL}")
    if answer.get("id") != id:
        raise RewardError(f"the program's answer is not about the molecule {id!r}: {line!r:.120}")
    if answer.get("failure") is None:
        _check_value(answer, line)
    return answer


def _check_value(answer: Mapping[str, Any], line: str) -> None:
    value, details = answer.get("value"), answer.get("details", {})
    if not _is_finite(value):
        raise RewardError(f"the program's value is no finite number: {line!r:.120}")
    if not isinstance(details, dict) or not all(isinstance(each, str) or _is_finite(each) for each in details.values()):
        raise RewardError(f"the program's details are no finite numbers and texts by name: {line!r:.120}")


def _is_finite(value: object) -> bool:
    # A larger whole number, which JSON allows, is no float either.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


@typed()
def command(
    program: str | Sequence[str],
    name: str = "command",
    unit: str = "",
    direction: Direction = "maximise",
    floor: float | None = None,
    time_limit: float = TIME_LIMIT,
) -> Command:
    """What a program of yours says of a molecule: one line of JSON in, one line out.

    In: {"protocol": 1, "id", "smiles", "charge", "elements", "formal_charges", "positions" in Å, "bonds" as [i, j,
    order], "sdf"}. Out, as the last line: {"id", "value"} and, if it likes, "details", numbers or texts by name; or
    {"id", "failure": reason}. The program is started anew for every molecule, in an empty directory of its own.

    Args:
        program: The program and its arguments, as one text that is split as a shell would, or as a list. No shell runs
            it. It and those of its arguments that are files here are found from any directory. On a cluster they must
            lie at the same path on every machine.
        name: Name of the reward.
        unit: Unit of the values.
        direction: Which way is better, "maximise" or "minimise".
        floor: What a failure is worth; none leaves it to the objective.
        time_limit: Seconds a molecule may take; the program and its process group are ended then.

    Raises:
        RewardError: There is no such program, or a setting is out of range.
    """
    argv = found_program(program)
    if direction not in ("maximise", "minimise"):
        raise RewardError(f"The reward {name!r} has the direction {direction!r}.", allowed="maximise, minimise")
    if not 0 < time_limit < math.inf or not (floor is None or math.isfinite(floor)):
        raise RewardError(
            f"The reward {name!r} has the time limit {time_limit} and the floor {floor}.",
            allowed="a positive number of seconds; a finite floor or none",
        )
    return Command(argv, name, unit, direction, floor, float(time_limit))
