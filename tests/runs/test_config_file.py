from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molvm.errors import ConfigError, InputFileError
from molvm.runs.config import RunConfig
from molvm.runs.config_file import config_text, load_config, merged, parse_assignment

NAMES = st.text(min_size=1, max_size=20).filter(lambda text: "\x00" not in text and text.isprintable())

CONFIGS = st.builds(
    lambda name, strength, floor, seed, workers: RunConfig.from_mapping(
        {
            "model": {"name": name},
            "reward": {"floor": floor, "workers": workers},
            "training": {"strength": strength, "seed": seed},
            "out": Path("runs/x"),
        }
    ),
    NAMES,
    st.floats(min_value=1e-300, allow_infinity=False, allow_nan=False),
    st.none() | st.floats(allow_infinity=False, allow_nan=False),
    st.integers(min_value=0, max_value=2**63 - 1),
    st.none() | st.integers(min_value=1, max_value=64),
)


@given(CONFIGS)
def test_what_is_written_reads_back(config: RunConfig) -> None:
    assert RunConfig.from_mapping(tomllib.loads(config_text(config))) == config


def test_every_setting_is_written_with_its_meaning() -> None:
    text = config_text(RunConfig())
    assert "batch_size = 128 # molecules in a round" in text
    assert "# floor =" in text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("training.seed=3", {"training": {"seed": 3}}),
        ("training.strength=1e2", {"training": {"strength": 100.0}}),
        ("objective.gate=false", {"objective": {"gate": False}}),
        ("reward.name=my.py:tpsa", {"reward": {"name": "my.py:tpsa"}}),
        ("model.name=a=b", {"model": {"name": "a=b"}}),
        ("out = runs/x", {"out": "runs/x"}),
    ],
)
def test_overrides_are_toml_or_text(text: str, values: dict[str, object]) -> None:
    assert parse_assignment(text) == values


@pytest.mark.parametrize("text", ["training.seed", "=3", "training.=3", ""])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        parse_assignment(text)


def test_later_layers_win_setting_by_setting() -> None:
    layers = [{"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}}, {"a": {"e": 6}}]
    assert merged(layers) == {"a": {"b": 5, "c": 2, "e": 6}, "d": 3}


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    missing, broken = tmp_path / "missing.toml", tmp_path / "broken.toml"
    with pytest.raises(InputFileError, match=r"missing\.toml"):
        load_config(missing)
    for content in (b"[training", b"\xff\xfe", b"a = "):
        broken.write_bytes(content)
        with pytest.raises(ConfigError, match=r"broken\.toml"):
            load_config(broken)


def test_a_mark_that_windows_puts_first_is_no_setting(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("\ufeff[training]\nseed = 3\n", encoding="utf-8")
    assert load_config(tmp_path / "a.toml").training.seed == 3
