"""Rewards by name, open to users' own."""

from __future__ import annotations

from collections.abc import Callable

from molvm.errors import RewardError, UnknownNameError
from molvm.rewards.base import Reward
from molvm.rewards.dipole import dipole
from molvm.rewards.qed import qed

_FACTORIES: dict[str, Callable[[], Reward]] = {"qed": qed, "dipole": dipole}


def register(name: str, factory: Callable[[], Reward], *, replace: bool = False) -> None:
    """Make a reward available by name.

    Args:
        name: The name to register.
        factory: Called without arguments for every `make_reward`.
        replace: Whether an existing reward of that name may be replaced.

    Raises:
        RewardError: The name is empty or taken.
    """
    if not name or (name in _FACTORIES and not replace):
        raise RewardError(f"The reward name {name!r} is empty or taken.", remedy="another name, or replace=True")
    _FACTORIES[name] = factory


def reward_names() -> list[str]:
    """The names of all registered rewards, sorted."""
    return sorted(_FACTORIES)


def make_reward(name: str) -> Reward:
    """The reward of that name.

    Raises:
        UnknownNameError: There is none; the message has the nearest spelling.
    """
    if name not in _FACTORIES:
        raise UnknownNameError("reward", name, _FACTORIES)
    return _FACTORIES[name]()
