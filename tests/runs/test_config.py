from __future__ import annotations

import tomllib
from dataclasses import asdict, fields

import pytest
from pydantic import ValidationError

from molvm.errors import ConfigError
from molvm.models.precision import PRECISIONS
from molvm.objectives import ClassifierGuidanceOptions, ValueMatchingOptions
from molvm.runs.assembly import RESIDUAL_OBJECTIVES
from molvm.runs.config import (
    ModelSection,
    RunConfig,
    TrainingSection,
    ValueSection,
    ValueSize,
)
from molvm.runs.config_errors import known_settings, nearest, variants
from molvm.runs.config_file import config_text
from molvm.runs.objective_sections import OBJECTIVES, GradientSection, ValueMatchingSection
from molvm.sde import SamplingOptions
from molvm.training.trainer import TrainerOptions
from molvm.values.base import Reads
from molvm.values.ladder import VALUE_SIZES


def refused(values: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_mapping(values, "run.toml")
    assert "run.toml" in str(caught.value)
    return str(caught.value)


def test_the_class_itself_refuses_as_a_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'training.seed' is 'x' \(in RunConfig\). Allowed: a whole number"):
        RunConfig(training={"seed": "x"})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="Did you mean 'training'"):
        RunConfig(trainin={})  # type: ignore[call-arg]


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
        ({"objective": {"name": "magic"}}, ["objective.name", "value_matching", "classifier_guidance"]),
        ({"objective": {"name": 3}}, ["'objective.name' is '3'", "value_matching"]),
        ({"objective": 3}, ["'objective' is 3", "section"]),
        ({"objective": {"average": 1.0}}, ["'objective.average'", "less than 1"]),
        ({"objective": {"name": "classifier_guidance", "form": "best"}}, ["'objective.form'", "'stable'"]),
        (
            {"objective": {"name": "classifier_guidance", "ito": True}},
            ["'objective.ito'", "objective.renoise", "objective.name = value_matching, which has it"],
        ),
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
    # The noise of a training is the memoryless one.
    assert RunConfig().sampling.model_dump() | {"noise_level": 1.0} == asdict(trainer.sampling)
    assert trainer.sampling == SamplingOptions()
    options = {"value_matching": ValueMatchingOptions, "classifier_guidance": ClassifierGuidanceOptions}
    options |= {name: kind for name, (_, kind) in RESIDUAL_OBJECTIVES.items()}
    assert options.keys() == OBJECTIVES.keys()
    for name, section in OBJECTIVES.items():
        assert section().model_dump(exclude={"name", *GradientSection.model_fields}) == asdict(options[name]())
    assert ValueSize.__args__ == VALUE_SIZES
    assert ValueSection.model_fields["reads"].annotation == Reads
    assert ModelSection.model_fields["precision"].annotation.__args__ == PRECISIONS


def test_every_setting_says_what_it_means() -> None:
    names = known_settings(RunConfig)
    assert {"training.strength", "objective.ito", "objective.renoise"} <= set(names)
    for name in names:
        *sections, last = name.split(".")
        schemas = [RunConfig]
        for section in sections:
            schemas = list(variants(schemas[0].model_fields[section].annotation).values())
        having = [schema for schema in schemas if last in schema.model_fields]
        assert having, name
        assert all(schema.model_fields[last].description for schema in having), name


def test_spellings_are_found_in_other_sections() -> None:
    known = known_settings(RunConfig)
    assert nearest("training.bach_size", known) == "training.batch_size"
    assert nearest("sampling.seed", known) == "training.seed"
    assert nearest("zzzzzz", known) is None


@pytest.mark.parametrize("name", ["value_matching", "classifier_guidance"])
def test_each_objective_has_settings_of_its_own(name: str) -> None:
    config = RunConfig.from_mapping({"objective": {"name": name, "replay": 3}})
    assert (config.objective.name, config.objective.replay) == (name, 3)
    assert RunConfig.from_mapping(config.model_dump()) == config
    assert RunConfig.from_mapping(tomllib.loads(config_text(config))) == config


def test_value_matching_is_the_default() -> None:
    assert RunConfig().objective == RunConfig.from_mapping({"objective": {}}).objective == ValueMatchingSection()
