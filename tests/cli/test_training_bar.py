from __future__ import annotations

import io

import pytest
import torch
from rich.console import Console
from rich.progress import Progress, TextColumn

from molvm.cli.console import Throttle, counting_bar, duration, pace, tally
from molvm.cli.training_bar import Summary, TrainingBar, TrainingLines, display
from molvm.training.trainer import Iteration


def report(index: int, **metrics: float) -> Iteration:
    measured = {"reward": 1.5, "reward_valid": 2.0, "failures": 0.25, "kl": 3.0, **metrics}
    return Iteration(index, measured, [], [], torch.zeros(0), torch.zeros(0))


def test_the_numbers_worth_watching() -> None:
    assert Summary("D")(report(0)) == "reward 1.5 (valid 2) D  failures 25 %  KL 3"
    assert Summary("")(report(0, reward=-1.5)).startswith("reward -1.5 ")
    broken = report(0)
    del broken.metrics["reward_valid"]  # type: ignore[attr-defined]
    assert "valid" not in Summary("D")(broken)


def test_plain_lines_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    lines = TrainingLines(Summary("D"))
    lines.begin(10, 200)
    for index in range(10, 200):
        lines.step(1, 2)
        lines.scored(1, 2)
        lines.iteration(report(index))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0] == "starting at iteration 10 of 200"
    assert said[1].startswith("iteration 11/200")
    assert said[2].startswith("iteration 200/200")


def test_the_bar_only_moves_forward() -> None:
    stream = io.StringIO()
    with Progress(TextColumn("{task.description}"), console=Console(file=stream)) as shown:
        bar = TrainingBar(Summary("D"), shown)
        bar.begin(0, 2)
        places = []
        for index in range(2):
            for act in (lambda: bar.step(1, 2), lambda: bar.step(2, 2), lambda: bar.scored(1, 2)):
                act()
                places.append(shown.tasks[0].completed)
            bar.iteration(report(index))
            places.append(shown.tasks[0].completed)
        assert places == sorted(places)
        assert places[-1] == 2
        assert "reward 1.5" in shown.tasks[0].description
        assert "2/2" in shown.tasks[0].description


def test_a_terminal_of_80_columns_shows_every_number() -> None:
    stream = io.StringIO()
    with display(Console(file=stream, width=80, force_terminal=True)) as shown:
        bar = TrainingBar(Summary("D"), shown)
        bar.begin(998, 1000)
        bar.iteration(report(998, reward=-10.25, reward_valid=-12.75, kl=123.456))
        bar.step(99, 100)
    said = stream.getvalue()
    for text in ("iteration 999/1000", "sampling 99/100", "failures 25 %", "KL 123"):
        assert text in said
    assert "…" not in said


def test_counting_says_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with counting_bar("counting", "sheep") as progress:
        for done in range(1, 101):
            progress(done, 100)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[-1].startswith("counting: 100/100 sheep, ")
    assert said[-1].endswith("a second, 0:00:00 left")


def test_a_terminal_is_shown_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("molvm.cli.console.is_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with counting_bar("counting", "sheep") as progress:
        progress(3, 10)
    said = capsys.readouterr().err
    assert "3/10 sheep" in said
    assert "a second" in said


@pytest.mark.parametrize("terminal", [False, True])
def test_what_was_there_before_does_not_count_as_fast(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("molvm.cli.console.is_terminal", lambda: terminal)
    times = iter([0.0] + [10.0] * 50)
    monkeypatch.setattr("molvm.cli.console.time.monotonic", lambda: next(times))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with counting_bar("counting", "sheep") as progress:
        progress(60, 100, 60)
        progress(80, 100, 60)
    said = capsys.readouterr().err
    assert "80/100 sheep" in said
    assert "2 a second" in said
    assert terminal or said.endswith("0:00:10 left\n")


def test_the_uncounted_is_told_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Throttle.__init__, "__defaults__", (0.0,))
    with tally("reading", "records") as seen:
        seen(7)
    assert capsys.readouterr().err.startswith("reading: 7 records, ")


def test_a_pace_is_readable() -> None:
    assert pace(20, 8.0) == "2.5 a second"
    assert pace(1, 20.0) == "3 a minute"


def test_times_are_readable() -> None:
    assert [duration(seconds) for seconds in (0, 59.9, 3661)] == ["0:00:00", "0:00:59", "1:01:01"]
    due = Throttle(seconds=1000)
    assert [due(), due()] == [True, False]
