"""Names that a shell completes (`molvm --install-completion`)."""

from __future__ import annotations


def rewards(incomplete: str) -> list[str]:
    """The rewards that begin so."""
    from molvm.rewards.registry import reward_names

    return _beginning(reward_names(), incomplete)


def models(incomplete: str) -> list[str]:
    """The base models that begin so."""
    from molvm.models.hub import model_names

    return _beginning(model_names(), incomplete)


def _beginning(names: list[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
