from __future__ import annotations

from pathlib import Path

import pytest

from molvm.training.loggers import JsonLinesLogger, read_json_lines


@pytest.fixture
def log(tmp_path: Path) -> JsonLinesLogger:
    log = JsonLinesLogger(tmp_path / "metrics.jsonl")
    for iteration in range(4):
        log.log(iteration, {"loss": iteration / 7})
    return log


def test_numbers_come_back_bit_for_bit(log: JsonLinesLogger) -> None:
    assert [row["loss"] for row in log.read()] == [iteration / 7 for iteration in range(4)]


def test_what_is_not_finite_is_refused(log: JsonLinesLogger) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        log.log(4, {"loss": float("nan")})
    assert len(log.read()) == 4


@pytest.mark.parametrize("tail", ['{"iteration": 4', "null\n", '{"loss": 1}\n', "\x00\x00", '{"iteration": "4"}\n'])
def test_reading_ends_at_the_first_line_that_is_not_whole(log: JsonLinesLogger, tail: str) -> None:
    with log.path.open("a") as file:
        file.write(tail)
    assert len(log.read()) == 4


def test_dropping_keeps_what_came_before(log: JsonLinesLogger, tmp_path: Path) -> None:
    log.drop_from(2)
    assert [row["iteration"] for row in log.read()] == [0, 1]
    log.log(2, {"loss": 0.0})
    assert [row["iteration"] for row in log.read()] == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_log_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert read_json_lines(tmp_path / "none.jsonl") == []
    JsonLinesLogger(tmp_path / "none.jsonl").drop_from(0)


def test_what_is_no_finite_number_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"iteration": 0, "ess": "text", "kl": NaN, "loss": 1.5}\n{"iteration": 1, "kl": [1], "loss": 1e999}\n'
    )
    assert read_json_lines(path) == [{"iteration": 0, "loss": 1.5}, {"iteration": 1}]
