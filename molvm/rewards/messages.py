"""What is sent to a worker process, and how it is opened there."""

from __future__ import annotations

import pickle
from typing import Any

from molvm.errors import RewardError
from molvm.rewards.base import SampleReward


def pack(content: object) -> bytes:
    """Rewards, molecules, or both as bytes. Raises whatever pickling raises."""
    return pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(message: bytes) -> Any:
    """What was packed. Raises whatever the modules raise that it names.

    Only for what the process that has started this one has just written, or a client of its own Dask scheduler.
    """
    return pickle.loads(message)  # noqa: S301 - see above; nothing that lay on a disk


def packed(reward: SampleReward) -> bytes:
    """The reward as it is sent to a worker process.

    Raises:
        RewardError: It cannot be sent.
    """
    try:
        return pack(reward)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise RewardError(
            f"The reward {reward.name!r} cannot be sent to a worker process: {error}.",
            allowed="rewards defined at the top level of a module",
            remedy="move it into a file of its own and import it",
        ) from error
