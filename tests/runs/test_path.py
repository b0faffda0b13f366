from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molvm.errors import ConfigError, InputFileError
from molvm.runs.api import train
from molvm.runs.path import draw_path
from molvm.runs.run import Run
from molvm.runs.sampling import draw_samples
from molvm.sde import SamplingOptions
from molvm.studio.paths import path_file, read_path, trajectory_arguments
from tests.runs.tiny import tiny_model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_path: Path, spread_reward: str) -> Run:
    out = tmp_path_factory.mktemp("path") / "run"
    return train(tiny_path, spread_reward, out=out, iterations=2, batch_size=4, steps=5, strength=2.0, value_size="A")


def test_the_path_ends_in_the_sample_of_the_same_seed() -> None:
    model = tiny_model()
    drawn = draw_path(model, seed=3, steps=6)
    (sample,) = draw_samples(model, 1, seed=3, sampling=SamplingOptions(steps=6))
    np.testing.assert_array_equal(drawn.frames[-1].positions, sample.positions)
    assert (len(drawn.frames), drawn.values, drawn.costs) == (7, None, (0.0,) * 7)


def test_a_run_has_a_value_and_a_cost_at_every_time(run: Run) -> None:
    drawn = draw_path(run, seed=3)
    (sample,) = run.sample(1, seed=3)
    np.testing.assert_array_equal(drawn.frames[-1].positions, sample.positions)
    assert drawn.values is not None
    assert len(drawn.values) == len(drawn.times) == len(drawn.costs) == 6
    assert drawn.costs[0] == 0
    assert list(drawn.costs) == sorted(drawn.costs)
    assert drawn.times[-1] == 1.0


@pytest.mark.parametrize("choices", [{}, {"candidates": 3}, {"candidates": 3, "choose_every": 2}], ids=str)
def test_without_guidance_it_is_the_path_of_the_base(run: Run, choices: dict[str, int]) -> None:
    sampling = run.config.sampling.model_copy(update=choices)
    free = draw_path(Run(run.directory, run.config.model_copy(update={"sampling": sampling})), seed=3, guidance=0.0)
    base = draw_path(run.model, seed=3, steps=5)
    np.testing.assert_array_equal(free.frames[-1].positions, base.frames[-1].positions)
    assert free.costs[-1] == 0


def test_between_choices_nothing_is_shown(run: Run) -> None:
    sampling = run.config.sampling.model_copy(update={"candidates": 3, "choose_every": 2})
    drawn = draw_path(Run(run.directory, run.config.model_copy(update={"sampling": sampling})), seed=3)
    assert drawn.values is not None
    assert len(drawn.frames) == len(drawn.times) == len(drawn.values) == len(drawn.costs) == 4
    assert 0 < drawn.costs[-1] <= 2 * np.log(3)


def test_a_written_path_is_read_back(run: Run, tmp_path: Path) -> None:
    drawn = draw_path(run, seed=1, steps=4)
    assert drawn.to_sdf(tmp_path / "path.sdf") == 5
    read = read_path(tmp_path / "path.sdf")
    assert read.times == pytest.approx(drawn.times, rel=1e-5)
    assert read.values == pytest.approx(drawn.values, rel=1e-5)
    np.testing.assert_allclose(read.molecule.positions, drawn.frames[-1].positions, atol=1e-4)
    assert len(read.scene()["frames"]) == 5


def test_another_file_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "x.smi").write_text("C\nCC\n")
    with pytest.raises(InputFileError, match="no path"):
        read_path(tmp_path / "x.smi")


def test_a_seed_out_of_range_is_told() -> None:
    with pytest.raises(ConfigError, match="seed"):
        draw_path(tiny_model(), seed=-1)


def test_each_path_has_a_file_of_its_own(tmp_path: Path) -> None:
    asked = [
        ("a", 0, 5, 0, False),
        ("b", 0, 5, 0, False),
        ("a", 1, 5, 0, False),
        ("a", 0, 5, 0, True),
        ("../a", 0, 5, 0, False),
    ]
    files = {path_file(tmp_path, s, seed=e, steps=k, atoms=n, free=f) for s, e, k, n, f in asked}
    assert len(files) == len(asked)
    assert {file.parent for file in files} == {tmp_path / "paths"}
    argv = trajectory_arguments("run", tmp_path / "x.sdf", seed=1, steps=5, atoms=12, free=True)
    assert argv[:2] == ["trajectory", "run"]
    assert argv[-4:] == ["--atoms", "12", "--guidance", "0"]
