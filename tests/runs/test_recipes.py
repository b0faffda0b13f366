from __future__ import annotations

from pathlib import Path

import pytest

import molvm
from molvm.errors import ConfigError, UnknownNameError
from molvm.runs.assembly import trainer_options
from molvm.runs.config import RunConfig
from molvm.runs.config_file import merged
from molvm.runs.objective_sections import OBJECTIVES
from molvm.runs.recipes import own_recipe, recipe_names, recipe_settings, recipes_for


@pytest.mark.parametrize("objective", ["value_matching", "classifier_guidance"])
@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_settings_that_a_trainer_takes(name: str, objective: str) -> None:
    asked = {"objective": {"name": objective}}
    settings = RunConfig.from_mapping(merged([recipe_settings(name, asked), asked]), name)
    trainer_options(settings)
    assert settings.objective.name == objective


def test_a_recipe_says_which_objectives_it_knows() -> None:
    with pytest.raises(ConfigError, match=r"'magic'.*Allowed: classifier_guidance, value_matching"):
        recipe_settings("few-labels", {"objective": {"name": "magic"}})


def test_small_models_have_recipes_of_their_own() -> None:
    """Unless another is asked for; whatever the algorithm is."""
    for objective in OBJECTIVES:
        assert "digits" in recipes_for(objective)
        own = RunConfig.from_mapping(recipe_settings(None, {"model": {"name": "digits"}}), "the model's own")
        assert (own.sampling.steps, own.value.size) == (30, "A")
    assert own_recipe("qm9") == "paper"
    for settings in (
        recipe_settings(None),
        recipe_settings("paper", {"model": {"name": "digits"}}),
        recipe_settings(None, {"model": {"name": "qm9"}}),
        recipe_settings(None, {"model": 3}),
    ):
        assert settings == {}


def test_unknown_recipes_are_refused_with_the_nearest_spelling() -> None:
    assert "few-labels" in recipe_names()
    with pytest.raises(UnknownNameError, match="few-labels"):
        recipe_settings("few-label")


def test_a_recipe_lies_under_the_other_settings(tiny_path: Path, spread_reward: str, tmp_path: Path) -> None:
    settings = {"training": {"warmup": 0, "iterations": 1}, "reward": {"workers": 1}}
    run = molvm.train(
        tiny_path, spread_reward, out=tmp_path / "run", recipe="few-labels", batch_size=4, steps=9, settings=settings
    )
    assert run.config.value.reads == "endpoint"
    assert (run.config.training.warmup, run.config.training.batch_size, run.config.sampling.steps) == (0, 4, 9)
    with pytest.raises(ConfigError, match="leaves nothing to a recipe"):
        molvm.train(out=tmp_path / "other", recipe="few-labels", settings=RunConfig())


def test_a_recipe_follows_the_objective(tiny_path: Path, spread_reward: str, tmp_path: Path) -> None:
    settings = {"training": {"iterations": 2, "updates": 2}, "reward": {"workers": 1}, "objective": {"renoise": True}}
    run = molvm.train(
        tiny_path,
        spread_reward,
        out=tmp_path / "run",
        objective="classifier-guidance",
        recipe="few-labels",
        batch_size=4,
        steps=9,
        settings=settings,
    )
    assert (run.config.objective.name, run.config.objective.average) == ("classifier_guidance", 0.99)
    assert run.config.value.reads == "endpoint"
    assert run.sample(3).path_cost.min() > 0
