from __future__ import annotations

from pathlib import Path

import pytest

from molvm.runs.config import RunConfig
from molvm.runs.config_file import load_config, read_settings
from molvm.runs.objective_sections import OBJECTIVES
from molvm.runs.recipes import recipe_names, recipe_settings
from tests.cli.conftest import Molvm


def test_the_file_holds_the_defaults_and_what_they_mean(molvm: Molvm, tmp_path: Path) -> None:
    said = molvm("init")
    assert said.code == 0, said.err
    path = tmp_path / "molvm.toml"
    assert load_config(path) == RunConfig()
    text = path.read_text()
    for name, section in RunConfig():
        for setting, field in getattr(type(section), "model_fields", {}).items():
            assert f"{setting} =" in text, f"{name}.{setting}"
            assert str(field.description) in text
    assert molvm("init").code == 2
    assert molvm("init", "--overwrite").code == 0


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_algorithm_has_its_settings(molvm: Molvm, tmp_path: Path, objective: str) -> None:
    assert molvm("init", "a.toml", "--objective", objective.replace("_", "-")).code == 0
    assert load_config(tmp_path / "a.toml").objective == OBJECTIVES[objective]()


def test_the_help_names_every_recipe(molvm: Molvm) -> None:
    said = " ".join(molvm("init", "--help").out.replace("│", " ").split())
    assert all(name in said for name in recipe_names())


def test_a_recipe_is_written_out(molvm: Molvm, tmp_path: Path) -> None:
    assert molvm("init", "few.toml", "--recipe", "few-labels").code == 0
    wanted = RunConfig.from_mapping(recipe_settings("few-labels", {}))
    assert RunConfig.from_mapping(read_settings(tmp_path / "few.toml")) == wanted
    assert molvm("init", "no.toml", "--recipe", "nothing").code == 2
    assert not (tmp_path / "no.toml").exists()
