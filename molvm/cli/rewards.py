"""`molvm rewards`."""

from __future__ import annotations

from typing import Annotated

import typer

rewards_app = typer.Typer(help="List rewards, and show what one means and takes.", no_args_is_help=True)


@rewards_app.command("list")
def list_rewards() -> None:
    """The rewards that --reward can name, each with what it measures."""
    from molvm.rewards.description import summary
    from molvm.rewards.registry import reward_names

    names = reward_names()
    width = max(len(name) for name in names)
    for name in names:
        typer.echo(f"{name:{width}}  {summary(name)}")


@rewards_app.command("describe")
def describe(
    reward: Annotated[str, typer.Argument(help="A name, an expression as --reward takes it, or path.py:name.")],
) -> None:
    """What a reward measures, takes, and is made of."""
    from molvm.rewards.description import describe as described
    from molvm.rewards.description import manual
    from molvm.rewards.registry import reward_names
    from molvm.runs.reward_source import resolve_reward

    typer.echo(manual(reward) if reward in reward_names() else described(resolve_reward(reward)))
