from __future__ import annotations

import pytest
import torch

from molvm.errors import ConfigError
from molvm.runs.shown import Shown, shown_among

KNOWN = {3: "great white shark, white shark", 7: "cock", 9: "a red cat"}


@pytest.mark.parametrize(
    ("wanted", "conditions"),
    [
        (["3"], (3,)),
        (["white shark", "9"], (3, 9)),
        (["a red cat", "cock", "7"], (7, 9)),
        (["great white shark, white shark"], (3,)),
    ],
)
def test_they_are_called_by_number_name_or_prompt(wanted: list[str], conditions: tuple[int, ...]) -> None:
    assert shown_among(KNOWN, wanted) == Shown(conditions)


def test_what_was_not_learned_of_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'a red hat'.*'cock'.*Did you mean 'a red cat'"):
        shown_among(KNOWN, ["a red hat"])
    with pytest.raises(ConfigError, match="and 5 more"):
        shown_among(dict.fromkeys(range(15), "x"), ["8", "y"])


def test_each_is_drawn_as_often_as_the_others() -> None:
    drawn = Shown((3, 9)).draw(4000, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {3, 9}
    assert abs(float((drawn == 3).double().mean()) - 0.5) < 4 * 0.5 / 4000**0.5
