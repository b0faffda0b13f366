from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from molvm.cli.app import app
from molvm.runs import memory
from molvm.runs.memory import MemoryEstimate
from molvm.runs.method_memory import memory_by_method
from molvm.runs.objective_sections import OBJECTIVES

MB = 10**6
PARTS = MemoryEstimate(
    base=1000 * MB,
    forward=100 * MB,
    decoding=200 * MB,
    value=10 * MB,
    learning=50 * MB,
    paths=1 * MB,
    through_one=1500 * MB,
    through_two=2000 * MB,
    control=20 * MB,
    learning_control=60 * MB,
    adapter=5 * MB,
    reading=0,
    differentiated_decoding=400 * MB,
    batch=128,
)


def test_each_method_takes_what_it_has_at_once() -> None:
    found = {
        method: {kind: size / MB for kind, size in sizes.items()} for method, sizes in memory_by_method(PARTS).items()
    }
    assert {name.replace("_", "-") for name in OBJECTIVES} == set(found)
    assert found["value-matching"] == {"value": 1210}  # base, value network, decoding
    assert found["ddpo"] == {"residual": 1220, "lora": 1505, "full": 12000}
    assert found["dpok"]["lora"] == 1515  # and a critic
    assert found["draft"]["residual"] == 1420  # the decoder's graph, none of the base
    assert found["adjoint-matching"] == {"residual": 1520, "lora": 1505, "full": 12000}
    assert found["refl"]["lora"] == 1905  # both graphs at once


def test_the_batch_makes_no_difference() -> None:
    more = replace(PARTS, batch=1024)
    assert memory_by_method(more) == memory_by_method(PARTS)
    assert more.through_the_base > PARTS.through_the_base


def test_the_doctor_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    monkeypatch.setattr(memory, "estimate_memory", lambda *_, **__: PARTS)
    said = runner.invoke(app, ["doctor", "--memory", "sd3"])
    line = next(line for line in said.output.splitlines() if line.startswith("adjoint-matching"))
    assert line.split()[1:] == ["1.52", "1.50", "12.00"]
    found = json.loads(runner.invoke(app, ["doctor", "--memory", "sd3", "--json"]).output)
    assert found["methods"]["refl"]["lora"] == 1905 * MB
