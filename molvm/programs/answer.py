"""What a program says: a JSON object in the last line of its output."""

from __future__ import annotations

import json
from typing import Any


def last_object(output: bytes) -> tuple[dict[str, Any], str]:
    """The object in the last line that is not empty, and the line.

    Raises:
        ValueError: There is none; the message says what there is instead.
    """
    lines = output.decode("utf-8", "replace").strip().splitlines()
    if not lines:
        raise ValueError("the program said nothing")
    try:
        answer = json.loads(lines[-1])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the program's last line is no JSON: {lines[-1]!r:.120}") from error
    if not isinstance(answer, dict):
        raise ValueError(f"the program's last line is no JSON object: {lines[-1]!r:.120}")  # noqa: TRY004
    return answer, lines[-1]
