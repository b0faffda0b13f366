"""`molvm rewards`."""

from __future__ import annotations

from typing import Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import rewards

rewards_app = typer.Typer(help="List rewards, and show what one means and takes.", no_args_is_help=True)


@rewards_app.command("list")
def list_rewards(as_json: Json = False) -> None:
    """The rewards that --reward can name, each with what it measures."""
    from molvm.rewards.description import summary
    from molvm.rewards.registry import reward_names

    found = {name: summary(name) for name in reward_names()}
    width = max(map(len, found))
    answer(found, "\n".join(f"{name:{width}}  {what}" for name, what in found.items()), as_json=as_json)


@rewards_app.command("describe")
def describe(
    reward: Annotated[
        str, typer.Argument(help="A name, an expression as --reward takes it, or path.py:name.", autocompletion=rewards)
    ],
    as_json: Json = False,
) -> None:
    """What a reward measures, takes, and is made of."""
    from molvm.rewards.description import describe as described
    from molvm.rewards.description import manual
    from molvm.rewards.registry import reward_names
    from molvm.runs.reward_source import resolve_reward

    text = manual(reward) if reward in reward_names() else described(resolve_reward(reward))
    answer({"reward": reward, "description": text}, text, as_json=as_json)
