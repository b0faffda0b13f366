from __future__ import annotations

import pytest

from molvm.studio.markup import plain, rounded
from tests.studio.hostile import TEXTS


@pytest.mark.parametrize("text", TEXTS)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    shown = plain(text)
    assert shown.replace("\\", "") == text.replace("\\", "")
    unescaped = [c for at, c in enumerate(shown) if c in "<>[]()$`*" and shown[at - 1] != "\\"]
    assert unescaped == []


def test_numbers_are_short() -> None:
    assert [rounded(1.23456), rounded(None), rounded(float("nan"))] == ["1.23", "–", "–"]
