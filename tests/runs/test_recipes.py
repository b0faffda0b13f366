from __future__ import annotations

from pathlib import Path

import pytest

import molvm
from molvm.errors import ConfigError, UnknownNameError
from molvm.runs.assembly import trainer_options
from molvm.runs.config import RunConfig
from molvm.runs.recipes import recipe_names, recipe_settings


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_settings_that_a_trainer_takes(name: str) -> None:
    trainer_options(RunConfig.from_mapping(recipe_settings(name), name))


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
