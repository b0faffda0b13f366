"""A reward on its way to another machine: as bytes, with the user's own modules that it needs."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field

from molvm.errors import RewardError
from molvm.rewards.base import Direction, Outcome, Sample, SampleReward, time_needed
from molvm.rewards.cluster.sources import carry, own_sources
from molvm.rewards.messages import pack, packed, unpack


@dataclass(frozen=True)
class Shipped(SampleReward):
    """A reward that nobody needs to understand before a worker process opens it.

    So the code of users runs in worker processes alone, which may crash, and never in the process that keeps a machine
    in the cluster.

    Args:
        name: Of the reward within; unit, direction and floor likewise.
        time_limit: Seconds that a molecule may take by the limits of the reward's own; 0 for none.
        parcel: The reward, and the modules of the user that it needs, packed and compressed.
        digest: Of the parcel.
    """

    name: str
    unit: str
    direction: Direction
    floor: float | None
    time_limit: float
    parcel: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def evaluate(self, sample: Sample) -> Outcome:
        """What the reward within says."""
        return _opened(self).outcome(sample)


def ship(reward: SampleReward) -> Shipped:
    """The reward, ready to be sent to another machine.

    Raises:
        RewardError: It cannot be sent, or is defined by a script that is being run.
    """
    message = packed(reward)
    if b"__main__" in message:
        raise RewardError(
            f"The reward {reward.name!r} is defined in the script that is run, which other machines do not have.",
            remedy="the reward in a file of its own, imported by the script; such files are sent along",
        )
    # Compressed, the text of a module does not look like a reward that names the main module.
    parcel = zlib.compress(pack((message, own_sources(message))), level=1)
    digest = hashlib.sha256(parcel).digest()
    return Shipped(reward.name, reward.unit, reward.direction, reward.floor, time_needed(reward), parcel, digest)


_last: dict[bytes, SampleReward] = {}
"""The reward that was opened last in this process, by the digest of its parcel."""


def _opened(shipped: Shipped) -> SampleReward:
    if shipped.digest not in _last:
        _last.clear()
        message, sources = unpack(zlib.decompress(shipped.parcel))
        carry(sources)
        _last[shipped.digest] = unpack(message)
    return _last[shipped.digest]
