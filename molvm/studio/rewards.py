"""Rewards that may be written into a page: registered ones and expressions of them, nothing that runs a program."""

from __future__ import annotations

import ast
from typing import Final

from molvm.errors import RewardError
from molvm.rewards.base import Reward
from molvm.rewards.description import summary
from molvm.rewards.expression import parse_reward, parse_tree
from molvm.rewards.registry import reward_names

RUNS_PROGRAMS: Final = ("command", "openbabel")
"""Names of rewards that start a program."""

PROGRAM_SETTING: Final = "program"


def offered_rewards() -> dict[str, str]:
    """The registered names that need no argument and start no program, and what each means."""
    offered = {}
    for name in reward_names():
        try:
            page_reward(name)
        except Exception:  # noqa: BLE001, S112 - whatever keeps it from being made, it is not offered
            continue
        offered[name] = summary(name)
    return offered


def page_reward(text: str) -> Reward:
    """The reward that an expression describes.

    A link can fill a field, so what a field may ask for is only what cannot do harm: no file of Python, no program.

    Raises:
        UnknownNameError: A name that is not registered.
        RewardError: It is no expression, or it would run a program or a file.
        ConfigError: It has settings that do not exist.
    """
    tree = parse_tree(text)
    for node in ast.walk(tree):
        named = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.keyword) else None
        if named in RUNS_PROGRAMS or named == PROGRAM_SETTING:
            raise RewardError(
                f"{named!r} starts a program, and the studio starts none for a text in a field.",
                remedy="`molvm score` or `molvm train`, where the command line is yours",
            )
    return parse_reward(text)
