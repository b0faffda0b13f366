"""Rewards by what a user writes on a command line: an expression of registered names, or a function in a file."""

from __future__ import annotations

import ast
import importlib
import shlex
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from molvm.errors import RewardError, UnknownNameError
from molvm.programs.argv import with_absolute_files
from molvm.programs.pasted import pasted
from molvm.rewards.base import Reward
from molvm.rewards.expression import parse_reward, parse_tree
from molvm.rewards.python import reward as as_reward
from molvm.rewards.registry import reward_names
from molvm.subject import Subject

FILE_ENDING = ".py"


def resolve_reward(name: str, subject: Subject = "molecules") -> Reward:
    """The reward of a registered name, of an expression of such names, or of `path.py:name`.

    What the file defines under that name may be a reward, or a plain function of what is judged: of an RDKit molecule,
    or of a Pillow image. The file is run,
    here and in every worker: only ever pass paths that the user gave. Within an expression its path is quoted.

    Raises:
        UnknownNameError: No reward has that name, or the file defines none.
        RewardError: The expression cannot be read, or the file does not exist or cannot be imported.
    """
    from_file = partial(_from_file, subject=subject)
    return from_file(name) if _names_a_file(name) else parse_reward(name, from_file)


def _names_a_file(name: str) -> bool:
    path, _, attribute = name.rpartition(":")
    return name.endswith(FILE_ENDING) or (path.endswith(FILE_ENDING) and attribute.isidentifier())


def _from_file(name: str, subject: Subject) -> Reward:
    if not _names_a_file(name):
        raise RewardError(f"The text {name!r} names no reward.", allowed="path.py:name")
    if name.endswith(FILE_ENDING):
        raise RewardError(f"The reward {name!r} names a file only.", allowed="path.py:name")
    path, _, attribute = name.rpartition(":")
    module = _import_file(Path(path).expanduser())
    found: Any = getattr(module, attribute, None)
    if isinstance(found, Reward):
        return found
    if callable(found) and not isinstance(found, type):
        return as_reward(name=attribute, judges=subject)(found)
    defined = [key for key, value in vars(module).items() if _is_own(module, key, value)]
    raise UnknownNameError(f"reward in {path}", attribute, defined)


def require_reward(value: object) -> Reward:
    """The value, if it is a reward.

    Raises:
        RewardError: It is a function, or anything else.
    """
    if isinstance(value, Reward):
        return value
    called = getattr(value, "__name__", None)
    if callable(value) and called is not None:
        raise RewardError(
            f"{called!r} is a function and no reward.",
            allowed="a reward, or the name of one",
            remedy=f"`@molvm.reward` above a function of your own, or `{called}()` if it makes a reward",
        )
    raise RewardError(f"{value!r} is no reward.", allowed="a reward, or the name of one")


def reward_location(name: str) -> str:
    """The name as it is stored with a run: the paths of files made absolute, so that the run opens from anywhere."""
    if _names_a_file(name) and not name.endswith(FILE_ENDING):
        return _absolute(name)
    if name in reward_names():
        return name
    if name.endswith(FILE_ENDING):
        raise UnknownNameError(
            "reward", name, reward_names(), remedy=f"{name}:function, the name of a function in the file"
        )
    tree = parse_tree(name)
    programs = _programs(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node in programs:
            node.value = shlex.join(with_absolute_files(shlex.split(str(node.value))))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _names_a_file(node.value):
            node.value = _absolute(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_data_file(node.value):
            node.value = str(Path(node.value).expanduser().resolve())
        elif isinstance(node, ast.Name) and node is tree and node.id not in reward_names():
            raise UnknownNameError("reward", name, reward_names())
    return ast.unparse(tree)


def _programs(tree: ast.expr) -> list[ast.Constant]:
    """The texts in an expression that are whole commands, not paths."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    commands = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "command"]
    given = [*(each for call in commands for each in call.args[:1])]
    given += [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "program"]
    return [node for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _is_data_file(text: str) -> bool:
    """Whether a text is the path of a file or folder; one without an ending or a slash may be a SMILES as well."""
    try:
        path = Path(text).expanduser()
        return (bool(path.suffix) and path.is_file()) or ("/" in text and path.is_dir())
    except (OSError, ValueError, RuntimeError):
        return False


def _absolute(name: str) -> str:
    path, _, attribute = name.rpartition(":")
    return f"{Path(path).expanduser().resolve()}:{attribute}"


def _is_own(module: ModuleType, key: str, value: object) -> bool:
    if key.startswith("_"):
        return False
    return isinstance(value, Reward) or getattr(value, "__module__", None) == module.__name__


def _import_file(path: Path) -> ModuleType:
    """Import a file by its stem, as its workers will: the folder goes onto `sys.path`, which they inherit."""
    path = path.resolve()
    if not path.is_file():
        raise RewardError(f"The file {path} of the reward does not exist.", remedy="check the path")
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(path.stem)
    # SystemExit too: a script that ends itself must not end molvm, as if all had been done.
    except (Exception, SystemExit) as error:
        raise RewardError(
            f"The file {path} of the reward cannot be imported: {type(error).__name__}: {error}.",
            remedy=f"`{pasted('python', path)}` shows the whole error",
        ) from error
    if Path(getattr(module, "__file__", None) or "").resolve() != path:
        raise RewardError(
            f"The file {path} of the reward has the name of another module, {module.__name__!r}.",
            remedy="another file name",
        )
    return module
