"""Texts of files and users, made harmless for Markdown."""

from __future__ import annotations

import re
from typing import Final

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=\"'])")

LONGEST: Final = 400


def plain(text: object, longest: int = LONGEST) -> str:
    """The text as Markdown that shows it as it is: no emphasis, links, HTML, mathematics or icons; in one line.

    Args:
        text: Anything that can be printed.
        longest: Characters after which it is cut.
    """
    line = " ".join(str(text).split())
    cut = line if len(line) <= longest else line[: longest - 1] + "…"
    return _SPECIAL.sub(r"\\\1", cut)


def rounded(number: float | None, digits: int = 3) -> str:
    """A number with so many significant digits; a dash for none or not a number."""
    return "–" if number is None or number != number else f"{number:.{digits}g}"
