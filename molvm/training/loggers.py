"""Where metrics go."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from molvm.durable import replace_text


class Logger(Protocol):
    """Takes the metrics of one iteration after the other."""

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a finished iteration."""
        ...


class JsonLinesLogger:
    """One JSON object a line, on the disk when `log` returns.

    Args:
        path: The file; lines are appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Append a line with the iteration and its metrics."""
        line = json.dumps({"iteration": iteration, **metrics}, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[dict[str, Any]]:
        """All whole lines, oldest first; a last line that was cut by a crash is left out."""
        return read_json_lines(self.path)

    def drop_from(self, iteration: int) -> None:
        """Forget this iteration and later ones; the file is replaced in one step.

        Raises:
            OutputExistsError: It cannot be written.
        """
        if not self.path.exists():
            return
        kept = [row for row in self.read() if row["iteration"] < iteration]
        replace_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file with one JSON object a line, up to the first line that is not whole.

    Metrics are finite numbers; whatever else somebody has put into a line is left out.

    Returns:
        An empty list if there is no file.
    """
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break
        if not isinstance(row, dict) or not isinstance(row.get("iteration"), int):
            break
        rows.append({name: value for name, value in row.items() if _is_number(value)})
    return rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
