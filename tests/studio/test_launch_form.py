from __future__ import annotations

from pathlib import Path

import pytest

from molvm.errors import ConfigError, RewardError, UnknownNameError
from molvm.runs.config import RunConfig
from molvm.runs.config_file import load_config, merged
from molvm.runs.objective_sections import OBJECTIVES
from molvm.runs.recipes import PAPER, recipe_settings, recipes_for
from molvm.studio.launch_form import MAIN, NOT_IN_FORM, changed, entries, launch_arguments, settings_of


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_form_asks_for_every_setting_of_the_schema(objective: str) -> None:
    config = RunConfig.from_mapping({"objective": {"name": objective}})
    schema = {f"{section}.{name}" for section, each in config if section != "out" for name, _ in each}
    assert {entry.key for entry in entries(objective)} == schema - set(NOT_IN_FORM)
    assert set(MAIN) <= schema


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_form_that_is_left_alone_gives_the_defaults(objective: str) -> None:
    values = {entry.key: entry.default for entry in entries(objective)}
    config = settings_of(values, objective)
    assert config == RunConfig.from_mapping({"objective": {"name": objective}})
    assert changed(config) == {}


@pytest.mark.parametrize(("objective", "recipe"), [(o, r) for o in OBJECTIVES for r in recipes_for(o)])
def test_a_form_that_begins_with_a_recipe_gives_its_settings(objective: str, recipe: str) -> None:
    values = {entry.key: entry.default for entry in entries(objective, recipe)}
    config = settings_of(values, objective)
    named = {"objective": {"name": objective}}
    assert config == RunConfig.from_mapping(merged([recipe_settings(recipe, named), named]))
    assert changed(config, recipe) == {}
    assert bool(changed(config)) == (recipe != PAPER)


def test_a_recipe_is_offered_for_the_algorithms_that_it_knows() -> None:
    assert "known-molecules" in recipes_for("value_matching")
    assert recipes_for("ddpo") == ("digits", PAPER)


def test_no_link_can_send_metrics_elsewhere() -> None:
    assert not {"logging.wandb", "logging.mlflow"} & {entry.key for entry in entries()}


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("sampling.steps", "20", "0"),
        ("training.seed", "3", "1.5"),
        ("training.strength", "2.5", "much"),
        ("value.size", "A", "Z"),
        ("model.compile", "true", "maybe"),
        ("sampling.kl_limit", "", "x"),
    ],
)
def test_an_address_is_refused_what_the_form_cannot_show(key: str, good: str, bad: str) -> None:
    (entry,) = [entry for entry in entries() if entry.key == key]
    assert entry.rule.allows([good])
    assert not entry.rule.allows([bad])
    assert entry.rule.words
    assert entry.rule.allows([str(entry.default) if entry.default is not None else ""])


def test_kinds_follow_the_schema() -> None:
    kinds = {entry.key: (entry.kind, entry.optional) for entry in entries()}
    assert kinds["training.iterations"] == ("whole", False)
    assert kinds["training.strength"] == ("number", False)
    assert kinds["value.size"] == ("choice", False)
    assert kinds["model.compile"] == ("switch", False)
    assert kinds["sampling.kl_limit"] == ("number", True)
    assert kinds["reward.name"] == ("text", False)


def test_what_is_filled_in_reaches_the_run(tmp_path: Path) -> None:
    config = settings_of({"training.iterations": 7, "reward.name": "qed", "sampling.kl_limit": 3.0})
    assert changed(config) == {"training.iterations": 7, "reward.name": "qed", "sampling.kl_limit": 3.0}
    argv = launch_arguments(config, tmp_path / "new" / "mine.toml", tmp_path / "mine")
    assert argv[:2] == ["train", "--config"]
    assert load_config(Path(argv[2])) == config


def test_what_is_out_of_range_is_told() -> None:
    with pytest.raises(ConfigError, match="iterations"):
        settings_of({"training.iterations": 0})
    with pytest.raises(ConfigError, match="algorithm"):
        entries("magic")


@pytest.mark.parametrize(
    "reward", ['command("touch x")', '"mine.py:f"', 'dipole(engine=external, program="sh")', "openbabel(logP)"]
)
def test_a_link_starts_no_program(reward: str) -> None:
    with pytest.raises((RewardError, UnknownNameError)):
        settings_of({"reward.name": reward})
