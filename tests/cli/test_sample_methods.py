"""`molvm sample --method`: steering a base model without training."""

from __future__ import annotations

from pathlib import Path

import pytest

from molvm.chem.io import read_molecules
from tests.cli.conftest import Molvm
from tests.runs.tiny import save_tiny


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        (("svdd", "--strength", 5, "--particles", 3), 2 * 3 * 6),
        (("svdd", "--pick", "argmax", "--particles", 2), 2 * 2 * 6),
        (("feynman-kac", "--strength", 5, "--particles", 3, "--looks", 2, "--potential", "max"), 2 * 3 * 2),
        (("best-of", "--particles", 4), 2 * 4),
    ],
)
def test_a_method_steers_a_base_and_says_what_it_asked(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str, method: tuple[object, ...], asked: int
) -> None:
    command = ("sample", tiny_path, "--reward", spread_reward, "-n", 2, "--steps", 6, "--workers", 1, "--score")
    said = molvm(*command, "--method", *method, "--out", "a.sdf")
    assert said.code == 0, said.err
    assert f"asked about {asked} molecules" in said.err
    assert "of 2 scored" in said.err
    assert molvm(*command, "--method", *method, "--out", "b.sdf").code == 0
    assert (tmp_path / "a.sdf").read_bytes() == (tmp_path / "b.sdf").read_bytes()
    assert read_molecules(tmp_path / "a.sdf")[0].properties["path_cost"] == "nan"


def test_a_learned_value_takes_the_place_of_rewards_on_the_way(
    molvm: Molvm, tiny_path: Path, spread_reward: str, tmp_path: Path
) -> None:
    small = "--objective classifier-guidance --strength 2 --iterations 1 --batch-size 4 --steps 6 --value-size A"
    trained = ("--model", tiny_path, "--reward", spread_reward, *small.split(), "--set", "reward.workers=1")
    assert molvm("train", *trained, "--out", "run").code == 0
    ask = ("-n", 2, "--steps", 6, "--workers", 1, "--method", "svdd", "--particles", 3, "--value", "run")
    said = molvm("sample", tiny_path, "--reward", spread_reward, *ask, "--out", "a.sdf")
    assert "asked about 6 molecules" in said.err, said.err
    said = molvm("sample", tiny_path, "--reward", "qed", *ask, "--out", "b.sdf")
    assert said.code == 2
    assert "has the reward 'spread', and 'qed' is asked for" in said.err
    said = molvm("sample", tiny_path, "--reward", spread_reward, *ask, "--strength", 3, "--out", "b.sdf")
    assert said.code == 2
    assert "has the strength 2.0, and 3.0 is asked for" in said.err
    other = save_tiny(tmp_path / "other", seed=1)
    said = molvm("sample", other, "--reward", spread_reward, *ask, "--out", "b.sdf")
    assert said.code == 2
    assert "has the model 'tiny', and 'other' is asked for" in said.err
    said = molvm("sample", "run", "--reward", spread_reward, "--method", "svdd", "--out", "b.sdf")
    assert said.code == 2
    assert "steers its samples already" in said.err
    assert "--value run" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--pick argmax", "--pick says how --method steers"),
        ("--particles 3", "--particles says how --exact or --method draws"),
        ("--exact --particles 3 --looks 2", "--looks says how --method steers"),
        ("--method svdd", "The method svdd asks a reward"),
        ("--method svdd --reward qed", "needs to know λ"),
        ("--method svdd --reward qed --strength -1", "The strength λ is -1.0"),
        ("--method svdd --reward qed --strength 1 --looks 3", "no option looks"),
        ("--method best --reward qed", "best-of"),
        ("--method best-of --reward qed --exact", "one of them"),
        ("--method best-of --reward qed --particles 1", "particles is 1"),
        ("--method feynman-kac --reward qed --strength 1 --noise 0", "Without noise"),
        ("--method feynman-kac --reward qed --strength 1 --potential add", "difference, max, sum, reward"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_drawn(
    molvm: Molvm, tiny_path: Path, tmp_path: Path, arguments: str, words: str
) -> None:
    said = molvm("sample", tiny_path, "-n", 2, "--steps", 6, *arguments.split(), "--out", "a.sdf")
    assert said.code == 2
    assert words in said.err
    assert not (tmp_path / "a.sdf").exists()
