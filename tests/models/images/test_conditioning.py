from __future__ import annotations

import pytest

from molvm.errors import ModelError
from molvm.models.images.conditioning import Conditioning

LABELS = {0: "tench", 1: "goldfish, Carassius auratus"}
NUMBERS = {"tench": 0, "goldfish": 1, "Carassius auratus": 1}


@pytest.mark.parametrize("name", ["1", "goldfish", "Carassius auratus", "goldfish, Carassius auratus"])
def test_a_class_is_called_by_number_by_a_name_or_by_all(name: str) -> None:
    assert Conditioning(classes=(name,)).chosen_classes("m", LABELS, NUMBERS) == {1: LABELS[1]}


def test_a_class_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"no class 'goldfihs'.*Did you mean 'goldfish'"):
        Conditioning(classes=("goldfihs",)).chosen_classes("m", LABELS, NUMBERS)
