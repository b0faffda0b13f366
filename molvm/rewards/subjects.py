"""What a reward judges: molecules or images."""

from __future__ import annotations

from collections.abc import Sequence

from molvm.errors import RewardError
from molvm.rewards.base import Reward, terms_of
from molvm.subject import Subject


def subject_of(reward: Reward) -> Subject | None:
    """What the reward judges; None for one that does not say."""
    judges: Subject | None = getattr(reward, "judges", None)
    if judges is not None:
        return judges
    return next((found for term in terms_of(reward) if (found := subject_of(term)) is not None), None)


def require_subject(reward: Reward, subject: Subject, of: str) -> None:
    """Refuse a reward of molecules for images, and the other way round, before anything is computed.

    Args:
        reward: The reward.
        subject: What it is going to be asked about.
        of: Where those come from, for the message.

    Raises:
        RewardError: It judges something else.
    """
    found = subject_of(reward)
    if found is not None and found != subject:
        raise RewardError(
            f"The reward {reward.name!r} judges {found}, and {of} {subject}.",
            allowed=f"a reward of {subject}",
            remedy="`molvm rewards list` says what each reward judges, and a function of your own says it by "
            f'@molvm.reward(judges="{subject}")',
        )


def common_subject(name: str, terms: Sequence[Reward]) -> Subject:
    """What all terms of a reward judge; molecules if none of them says.

    Raises:
        RewardError: One judges molecules and another images.
    """
    found = {subject for term in terms if (subject := subject_of(term)) is not None}
    if len(found) > 1:
        judged = ", ".join(f"{term.name} judges {subject_of(term)}" for term in terms if subject_of(term))
        raise RewardError(f"The terms of {name!r} do not go together: {judged}.", allowed="terms of one kind")
    return found.pop() if found else "molecules"
