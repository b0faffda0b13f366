"""Rewards by name, open to users' own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from molvm.arguments import typed
from molvm.errors import RewardError, UnknownNameError
from molvm.rewards.alerts import alerts
from molvm.rewards.atoms import atoms_of
from molvm.rewards.base import Reward
from molvm.rewards.combination import geometric_mean, lexicographic, product, weighted_sum
from molvm.rewards.command import command
from molvm.rewards.constraint import at_least, at_most, constrained
from molvm.rewards.descriptors import (
    aromatic_rings,
    hbond_acceptors,
    hbond_donors,
    heavy_atoms,
    lipinski,
    logp,
    mw,
    rings,
    rotatable_bonds,
    sa,
    tpsa,
)
from molvm.rewards.desirability import linear, sigmoid, step, window
from molvm.rewards.dipole import dipole
from molvm.rewards.diversity import diverse
from molvm.rewards.energies import atomisation_energy, energy_per_atom
from molvm.rewards.fragmentation import fragmentation
from molvm.rewards.images.colour import brightness, colour
from molvm.rewards.images.compressed import compressed, jpeg
from molvm.rewards.images.learned import aesthetic, aesthetic_v1, clip_score, hps, image_reward, pickscore
from molvm.rewards.novelty import novel
from molvm.rewards.openbabel import openbabel
from molvm.rewards.orbitals import gap, homo, lumo
from molvm.rewards.polarisability import polarisability
from molvm.rewards.qed import qed
from molvm.rewards.shape import shape_similarity
from molvm.rewards.similarity import similarity
from molvm.rewards.solvation import solvation_energy
from molvm.rewards.strain import strain
from molvm.rewards.substructure import substructure
from molvm.rewards.validity import validity

Factory = Callable[..., Reward]
"""Makes a reward. Its parameters are those that a user may set, its docstring says what they are."""

_SHIPPED: tuple[Factory, ...] = (
    aesthetic,
    aesthetic_v1,
    alerts,
    aromatic_rings,
    at_least,
    at_most,
    atomisation_energy,
    atoms_of,
    brightness,
    clip_score,
    colour,
    command,
    compressed,
    constrained,
    dipole,
    diverse,
    energy_per_atom,
    fragmentation,
    gap,
    geometric_mean,
    hbond_acceptors,
    hbond_donors,
    heavy_atoms,
    homo,
    hps,
    image_reward,
    jpeg,
    lexicographic,
    linear,
    lipinski,
    logp,
    lumo,
    mw,
    novel,
    openbabel,
    pickscore,
    polarisability,
    product,
    qed,
    rings,
    rotatable_bonds,
    sa,
    shape_similarity,
    sigmoid,
    similarity,
    solvation_energy,
    step,
    strain,
    substructure,
    tpsa,
    validity,
    weighted_sum,
    window,
)

_FACTORIES: dict[str, Factory] = {factory.__name__: factory for factory in _SHIPPED}


@typed()
def register(name: str, factory: Factory, *, replace: bool = False) -> None:
    """Make a reward available by name.

    Args:
        name: The name to register; an identifier, if it is to be used in expressions.
        factory: Called for every reward of that name.
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


def find_factory(name: str) -> Factory:
    """What makes the rewards of that name.

    Raises:
        UnknownNameError: There is none; the message has the nearest spelling.
    """
    if name not in _FACTORIES:
        raise UnknownNameError("reward", name, _FACTORIES)
    return _FACTORIES[name]


@typed()
def make_reward(name: str, /, *arguments: Any, **settings: Any) -> Reward:
    """The reward of that name.

    Args:
        name: A registered name.
        arguments: Of its factory.
        settings: Of its factory, by name.

    Raises:
        UnknownNameError: There is none; the message has the nearest spelling.
        RewardError: It lacks an argument, or has none of that name.
    """
    factory = find_factory(name)
    bind(name, *arguments, **settings)
    return factory(*arguments, **settings)


def bind(name: str, /, *arguments: Any, **settings: Any) -> inspect.BoundArguments:
    """The arguments by the parameters of that reward.

    Raises:
        RewardError: They do not fit.
    """
    try:
        return signature(name).bind(*arguments, **settings)
    except TypeError as error:
        raise RewardError(f"The reward {name!r}: {error}.", allowed=usage(name)) from error


def signature(name: str) -> inspect.Signature:
    """The parameters of a reward, with their types."""
    return inspect.signature(find_factory(name), eval_str=True)


def usage(name: str) -> str:
    """How a reward is written, with its parameters and their defaults."""
    parameters = signature(name).parameters.values()
    shown = [_shown(parameter) for parameter in parameters]
    return f"{name}({', '.join(shown)})" if shown else name


def _shown(parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return f"{parameter.name}, …"
    if parameter.default is inspect.Parameter.empty:
        return parameter.name
    return f"{parameter.name}={parameter.default!r}"
