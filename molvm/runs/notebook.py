"""Runs and samples as notebooks show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from molvm.chem.depiction import drawing
from molvm.chem.molecule import Molecule
from molvm.images.files import png_bytes
from molvm.rewards.base import Outcome
from molvm.templates import png_address, rendered, svg_address

if TYPE_CHECKING:
    from molvm.runs.run import Run
    from molvm.runs.samples import SampleSet
    from molvm.runs.scoring import ScoreTable

SHOWN: Final = 12
"""Samples that are drawn."""

TEMPLATE: Final = Path(__file__).parent / "cards.html.j2"


@dataclass(frozen=True)
class Card:
    """A sample, small.

    Args:
        picture: The address of an image.
        name: What it is called.
        value: Its reward or the stage at which that failed, for people; empty if it was not asked.
    """

    picture: str
    name: str
    value: str = ""


def samples_html(samples: SampleSet) -> str:
    """The first samples, drawn."""
    outcomes: Sequence[Outcome | None] = samples.outcomes or [None] * len(samples)
    pairs = list(zip(samples, outcomes, strict=True))[:SHOWN]
    cards = [Card(_picture(sample), _name(sample), _said(outcome)) for sample, outcome in pairs]
    return _cards(repr(samples), {}, cards, len(samples) - len(cards))


def scores_html(table: ScoreTable) -> str:
    """The first molecules that could be read, drawn, with what every reward says of them."""
    readable = [index for index, molecule in enumerate(table.molecules) if molecule is not None]
    cards = []
    for index in readable[:SHOWN]:
        said = {name: _said(outcomes[index]) for name, outcomes in table.outcomes.items()}
        cards.append(
            Card(
                _picture(table.molecules[index]),
                table.ids[index],
                ", ".join(f"{name} {text}".strip() for name, text in said.items()),
            )
        )
    return _cards(repr(table), {}, cards, len(table) - len(cards))


def run_html(run: Run) -> str:
    """How a run stands, and its best samples."""
    manifest, metrics = run.manifest, run.store.metrics()
    facts = {
        "state": f"{manifest.status or 'new'}, {len(metrics)} of {run.config.training.iterations} rounds",
        "reward": f"{manifest.direction} {manifest.reward}, λ = {run.config.training.strength:g}",
        "base model": manifest.model,
        "last round": last_round(metrics[-1], manifest.unit) if metrics else "none",
    }
    best = run.store.best(SHOWN)
    cards = [Card(_picture(each.sample), _name(each.sample), f"{each.value:.4g} {manifest.unit}") for each in best]
    return _cards(f"Run {run.path}", facts, cards, 0)


def last_round(row: Mapping[str, Any], unit: str) -> str:
    """What a round came to, in words."""
    said = f"mean reward {row['reward']:.4g} {unit}".strip()
    return f"{said}, KL {row['kl']:.3g} nats" if "kl" in row else said


def _cards(title: str, facts: Mapping[str, str], cards: Sequence[Card], left_out: int) -> str:
    return rendered(TEMPLATE, title=title, facts=facts, cards=cards, left_out=left_out)


def _picture(sample: Any) -> str:
    if isinstance(sample, Molecule):
        return svg_address(drawing(sample, 200, 150))
    return png_address(png_bytes(sample))


def _name(sample: Any) -> str:
    return (sample.smiles() or sample.formula) if isinstance(sample, Molecule) else sample.prompt or sample.id


def _said(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    return outcome.failure.stage if outcome.value is None and outcome.failure else f"{outcome.value:.4g} {outcome.unit}"
