from __future__ import annotations

from dataclasses import asdict, fields

import pytest
from pydantic import ValidationError

from molvm.errors import ConfigError
from molvm.models.precision import PRECISIONS
from molvm.objectives import ValueMatchingOptions
from molvm.runs.config import (
    ModelSection,
    RunConfig,
    TrainingSection,
    ValueMatchingSection,
    ValueSection,
    ValueSize,
)
from molvm.runs.config_errors import known_settings, nearest
from molvm.sde import SamplingOptions
from molvm.training.trainer import TrainerOptions
from molvm.values.base import Reads
from molvm.values.ladder import VALUE_SIZES


def refused(values: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_mapping(values, "run.toml")
    assert "run.toml" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), -float("inf"), 0, -1, "much", None, True])
def test_a_strength_that_nothing_can_be_trained_with_is_refused(strength: object) -> None:
    assert "training.strength" in refused({"training": {"strength": strength}})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"training": {"iteratons": 3}}, ["training.iteratons", "'training.iterations'"]),
        ({"trainin": {"seed": 1}}, ["'trainin'"]),
        ({"strength": 3}, ["'strength'", "'training.strength'"]),
        ({"value": {"size": "Z"}}, ["value.size", "'A', 'B'"]),
        ({"sampling": {"steps": 0}}, ["sampling.steps", "1 or more"]),
        ({"sampling": {"steps": 2.5}}, ["sampling.steps", "whole number"]),
        ({"objective": {"name": "magic"}}, ["objective.name", "value_matching"]),
        ({"training": 3}, ["training", "section"]),
        ({"model": {"name": ""}}, ["model.name", "not empty"]),
        ({"training": {"seed": -1}, "value": {"size": "x"}}, ["value.size", "training.seed"]),
    ],
)
def test_a_message_names_the_setting_and_what_is_allowed(values: dict[str, object], words: list[str]) -> None:
    message = refused(values)
    for word in words:
        assert word in message


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        RunConfig().training.seed = 3  # type: ignore[misc]


def test_the_defaults_are_those_of_the_parts() -> None:
    """Two places hold them, because forms must not load torch; they must not drift apart."""
    trainer, training = TrainerOptions(), TrainingSection()
    shared = {field.name for field in fields(trainer)} - {"sampling"}
    assert shared == set(TrainingSection.model_fields) - {"strength"}
    assert {name: getattr(training, name) for name in shared} == {name: getattr(trainer, name) for name in shared}
    assert RunConfig().sampling.model_dump() == asdict(trainer.sampling) == asdict(SamplingOptions())
    matching, section = ValueMatchingOptions(), ValueMatchingSection()
    assert {field.name for field in fields(matching)} == set(ValueMatchingSection.model_fields) - {"name"}
    assert section.model_dump(exclude={"name"}) == {f.name: getattr(matching, f.name) for f in fields(matching)}
    assert ValueSize.__args__ == VALUE_SIZES
    assert ValueSection.model_fields["reads"].annotation == Reads
    assert ModelSection.model_fields["precision"].annotation.__args__ == PRECISIONS


def test_every_setting_says_what_it_means() -> None:
    names = known_settings(RunConfig)
    assert "training.strength" in names
    for name in names:
        *sections, last = name.split(".")
        schema = RunConfig
        for section in sections:
            schema = schema.model_fields[section].annotation
        assert schema.model_fields[last].description, name


def test_spellings_are_found_in_other_sections() -> None:
    known = known_settings(RunConfig)
    assert nearest("training.bach_size", known) == "training.batch_size"
    assert nearest("sampling.seed", known) == "training.seed"
    assert nearest("zzzzzz", known) is None
