from __future__ import annotations

import os

import pytest

from molvm.errors import MolVMError
from molvm.legible import is_legible, legible

BYTES = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize("name", ["plain", "é", "𝜆", "two\nlines", r"\xff", ""])
def test_what_is_utf_8_stays(name: str) -> None:
    assert legible(name) == name
    assert is_legible(name)


@pytest.mark.parametrize(("name", "shown"), [(BYTES, r"caf\xe9"), ("\ud800", r"\ud800")])
def test_what_is_not_is_shown(name: str, shown: str) -> None:
    assert legible(name) == shown
    assert not is_legible(name)


def test_a_message_can_be_encoded() -> None:
    error = MolVMError(f"There is no {BYTES}.", remedy=BYTES)
    assert str(error).encode() == rb"There is no caf\xe9. Try: caf\xe9."
