"""A reward that looks at one image at a time."""

from __future__ import annotations

from abc import abstractmethod

from molvm.errors import RewardError
from molvm.images.image import Image
from molvm.rewards.base import Direction, Outcome, SampleReward
from molvm.subject import Subject


class ImageReward(SampleReward):
    """A reward of images; what pools and combinations do with those of molecules they do with it.

    Args:
        direction: Which way is better.

    Raises:
        RewardError: It is neither "maximise" nor "minimise".
    """

    judges: Subject = "images"
    floor: float | None = None
    cost: float = 0.001
    worth_keeping: bool = False

    def __init__(self, direction: Direction) -> None:
        if direction not in ("maximise", "minimise"):
            raise RewardError(f"The direction of a reward is {direction!r}.", allowed="maximise, minimise")
        self.direction = direction

    @abstractmethod
    def evaluate(self, image: Image) -> Outcome:
        """The outcome of one image. May raise: that becomes a `reward_error`."""
