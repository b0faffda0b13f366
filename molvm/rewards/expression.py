"""Rewards as they are written on a command line: `qed`, `dipole(keep_positions=true)`, sums and products of others.

The notation is that of a Python call, read as a tree and never executed: names, calls of registered rewards, numbers,
texts and lists. A bare word stands for a text where no reward is expected, so that few quotes are needed; a text stands
for a reward in a file where one is.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any, get_args

from molvm.arguments import typed
from molvm.errors import RewardError, UnknownNameError
from molvm.rewards.base import MoleculeReward, Reward, SampleReward
from molvm.rewards.registry import bind, find_factory, make_reward, reward_names

FromFile = Callable[[str], Reward]

_WORDS = {"true": True, "false": False, "none": None}


@typed()
def parse_reward(text: str, from_file: FromFile | None = None) -> Reward:
    """The reward that a text describes.

    Args:
        text: A registered name, or a call of one.
        from_file: Finds the reward that a quoted text names; without it there are none.

    Raises:
        UnknownNameError: A name that is not registered.
        RewardError: The text is no such expression, or a reward is given arguments that it does not take.
    """
    if text in reward_names():
        return make_reward(text)
    return _Reader(text, from_file or _no_files).reward(parse_tree(text))


def parse_tree(text: str) -> ast.expr:
    """The text as a tree.

    Raises:
        UnknownNameError: It is neither a name nor a call.
        RewardError: It is a call that cannot be read.
    """
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if "(" not in text:
            raise UnknownNameError("reward", text, reward_names()) from error
        where = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise RewardError(
            f"The reward {text!r} cannot be read{where}.", allowed="name, or name(key=value, ...)"
        ) from error


class _Reader:
    """Makes a reward of a tree; keeps the text for messages."""

    def __init__(self, text: str, from_file: FromFile) -> None:
        self.text, self.from_file = text, from_file

    def reward(self, node: ast.expr) -> Reward:
        match node:
            case ast.Name(id=name):
                return make_reward(name)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(name, node)
            case ast.Constant(value=str(path)):
                return self.from_file(path)
        raise self._unreadable(node, 'a reward: name, name(key=value, ...), or "path.py:name"')

    def _call(self, name: str, node: ast.Call) -> Reward:
        find_factory(name)
        if any(keyword.arg is None for keyword in node.keywords) or any(
            isinstance(each, ast.Starred) for each in node.args
        ):
            raise self._unreadable(node, "arguments without stars")
        bound = bind(name, *node.args, **{str(keyword.arg): keyword.value for keyword in node.keywords})
        for parameter in bound.signature.parameters.values():
            if parameter.name in bound.arguments:
                given = bound.arguments[parameter.name]
                bound.arguments[parameter.name] = self._argument(parameter, given)
        return find_factory(name)(*bound.args, **bound.kwargs)

    def _argument(self, parameter: inspect.Parameter, given: Any) -> Any:
        read = self.reward if _is_reward(parameter.annotation) else self._literal
        return tuple(read(node) for node in given) if isinstance(given, tuple) else read(given)

    def _literal(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return _WORDS.get(node.id, node.id)
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
            raise self._unreadable(node, "a number, a text, true, false, none, or a list of them") from error

    def _unreadable(self, node: ast.expr, allowed: str) -> RewardError:
        part = ast.get_source_segment(self.text.strip(), node) or self.text
        whole = "" if part == self.text else f" in {self.text!r}"
        return RewardError(f"{part!r}{whole} cannot be used there.", allowed=allowed)


def _is_reward(annotation: Any) -> bool:
    return any(kind in (annotation, *get_args(annotation)) for kind in (Reward, SampleReward, MoleculeReward))


def _no_files(path: str) -> Reward:
    raise RewardError(f"The reward {path!r} is a text.", allowed="registered names")
