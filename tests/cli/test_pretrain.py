"""`molvm pretrain` as its user sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from molvm.cli import console
from molvm.cli.pretrain import pretrain
from molvm.runs import pretraining
from molvm.training.pretrain import PretrainProgress


def test_what_an_earlier_call_has_done_does_not_count_as_done_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[int, ...]] = []

    @contextmanager
    def bar(what: str) -> Iterator[Callable[..., None]]:
        yield lambda *counts: seen.append(counts)

    def resumed(*_: Any, report: Callable[[PretrainProgress], None], **__: Any) -> tuple[Path, int]:
        for step in (701, 702, 703):
            report(PretrainProgress(step, 1000, {}, 1e-3))
        return tmp_path / "model", 0

    monkeypatch.setattr(console, "counting_bar", bar)
    monkeypatch.setattr(pretraining, "run_pretraining", resumed)
    pretrain(out=tmp_path, resume=True)
    assert seen == [(701, 1000, 700), (702, 1000, 700), (703, 1000, 700)]
