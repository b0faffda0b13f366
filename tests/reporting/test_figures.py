"""The figures of a report: what they show of few rounds."""

from __future__ import annotations

import re
from dataclasses import replace

from molvm.reporting.evidence import Evidence
from molvm.reporting.figures import RUN_COLOUR, curves


def test_a_single_round_is_seen(evidence: Evidence) -> None:
    """Each of the four curves is a point, not a line without length, and its round is a whole number."""
    svg = curves(replace(evidence, metrics=evidence.metrics[:1])).svg
    dots = re.findall(rf"<use [^>]*style=\"[^\"]*fill: {RUN_COLOUR}", svg)
    assert len(dots) == 4
    # Texts are drawn as paths and stand in comments. Each panel has two axes; those at the bottom have numbers.
    below = re.search(r'id="matplotlib.axis_5">(.*)id="matplotlib.axis_6">', svg, re.DOTALL)
    assert below is not None
    assert re.findall(r"<!-- (.*?) -->", below[1]) == ["0", "round"]
