from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.images.image import Image
from molvm.runs.comparison import compare
from molvm.runs.comparison_figure import draw_comparison
from molvm.runs.contenders import Contender
from molvm.runs.groups import Group, base_and_run
from molvm.runs.image_records import ImageRecord
from molvm.runs.manifest import Manifest
from molvm.runs.molecule_records import MoleculeRecord

SMILES = ("CCO", "CCN", "c1ccccc1")


def record(iteration: int, index: int, value: float | None) -> MoleculeRecord:
    carbon = Molecule([6], [[0, 0, 0]], [0], [], [], id=f"{iteration}-{index}")
    failure = None if value is not None else "invalid"
    smiles = SMILES[index % len(SMILES)]
    return MoleculeRecord(carbon, smiles, iteration=iteration, worth=value or 0.0, value=value, failure=failure)


def run(name: str, slope: float, *, direction: str = "maximise", floor: float = 0.0, rate: float = 1.0) -> Contender:
    """A run of 9 rounds of 4 samples whose KL rises by `rate` a round, and whose reward is slope x KL ± 0.1."""
    metrics = [
        {"iteration": i, "kl": rate * i, "reward": slope * rate * i, "kl_gap": 9.0 - i, "seconds_rollout": 0.5}
        for i in range(9)
    ]
    records = tuple(
        record(i, index, slope * rate * i + (0.1 if index % 2 else -0.1)) for i in range(9) for index in range(4)
    )
    base, end = base_and_run(name, metrics, records)
    manifest = Manifest("qm9", "abc", "qed", "", direction, 0, floor)
    costs = [row["kl"] for row in metrics[-2:]]
    return Contender(name, manifest, "ddpo", 1.0, "8 steps", metrics, records, base, end, costs)


def test_runs_are_compared_at_the_kl_that_all_have_reached() -> None:
    """Reward is a line in the KL, so what a run has at the KL of another is known."""
    short, long = compare([run("short", 2.0, rate=0.5), run("long", 1.0)]).rows
    assert short.kl.value == pytest.approx(3.75)
    assert short.reward_at_kl.value == pytest.approx(7.5)
    assert long.kl.value == pytest.approx(7.5)
    assert long.kl_there == pytest.approx(3.5)  # rounds 3 and 4 are nearest
    assert long.reward_at_kl.value == pytest.approx(3.5)
    assert short.reward_at_kl.low > long.reward_at_kl.high


@pytest.mark.parametrize(("direction", "sign"), [("maximise", 1.0), ("minimise", -1.0)])
def test_gains_are_by_what_was_paid_in_the_better_direction(direction: str, sign: float) -> None:
    row = compare([run("a", sign, direction=direction, floor=-10 * sign), run("b", sign, direction=direction)]).rows[0]
    assert (row.calls, row.rounds, row.seconds) == (36, 9, 4.5)
    assert row.gain_per_call is not None
    assert row.gain_per_second is not None
    assert row.gain_per_call.value * 36 == pytest.approx(7.5)
    assert row.gain_per_second.value * 4.5 == pytest.approx(7.5)
    assert 0 < row.gain_per_call.low < row.gain_per_call.value < row.gain_per_call.high
    assert row.gap is not None
    assert row.gap.value == pytest.approx(1.5)


def test_a_run_of_an_ode_has_no_kl_and_is_compared_by_the_rest(tmp_path: Path) -> None:
    noisy, plain = run("noisy", 1.0), run("plain", 1.0)
    metrics = [{"iteration": row["iteration"], "velocity_cost": row["kl"], "reward": 1.0} for row in plain.metrics]
    base, end = base_and_run("plain", metrics, plain.records)
    assert {record.iteration for record in base.records} == {0}
    ode = replace(plain, metrics=metrics, base=base, end=end, costs=[])
    found = compare([noisy, ode])
    first, second = found.rows
    assert found.kl == first.kl_there == pytest.approx(7.5)
    assert (second.kl, second.reward_at_kl, second.kl_there) == (None, None, None)
    assert second.reward.value == pytest.approx(7.5)
    assert second.gain_per_call is not None
    assert {point["run"] for point in found.points} == {"noisy"}
    draw_comparison(found, tmp_path / "f.svg")
    assert "plain, without KL" in (tmp_path / "f.svg").read_text()
    assert compare([ode, ode]).kl is None


def test_failures_count_at_the_worst_floor_of_all() -> None:
    """So that a run whose own floor is higher has nothing of it."""
    one, other = run("a", 1.0, floor=0.0), run("b", 1.0, floor=-4.0)
    broken = base_and_run("a", one.metrics, [record(8, 0, None), record(8, 1, -9.0), record(8, 2, 2.0)])[1]
    found = compare([replace(one, end=broken), other])
    row = found.rows[0]
    assert found.floor == -4.0
    assert row.reward.value == pytest.approx((-4 - 4 + 2) / 3)
    assert row.failures is not None
    assert row.failures.value == pytest.approx(1 / 3)
    assert row.reward_scored is not None
    assert row.reward_scored.value == pytest.approx(-3.5)


def test_the_diversity_is_that_of_the_samples_pair_by_pair() -> None:
    images = [
        ImageRecord(Image(np.full((2, 2, 1), grey, np.uint8)), iteration=8, worth=0.0, value=0.0)
        for grey in (0, 0, 255)
    ]
    plain = run("a", 1.0)
    pictures = replace(plain, end=base_and_run("a", plain.metrics, images)[1])
    molecules, row = compare([plain, pictures]).rows
    assert row.diversity is not None
    assert row.diversity.value == pytest.approx(2 / 3)
    assert row.distinct == pytest.approx(2 / 3)
    assert row.valid is None
    assert molecules.diversity is not None
    assert 0 < molecules.diversity.value < 1
    assert molecules.valid is not None


def test_images_have_a_distance_from_those_of_the_base() -> None:
    generator = np.random.default_rng(0)

    def pictures(mean: float) -> list[Image]:
        levels = generator.normal(mean, 30, (60, 4, 4, 1)).clip(0, 255).astype(np.uint8)
        return [Image(each) for each in levels]

    def of(mean: float) -> Contender:
        records = tuple(ImageRecord(each, iteration=8, worth=0.0, value=0.0) for each in pictures(mean))
        return replace(run("a", 1.0), end=Group("a", records), base_images=pictures(100))

    near, far = compare([of(100), of(180)]).rows
    assert near.distance is not None
    assert far.distance is not None
    assert 5 * near.distance.value < far.distance.value
    # 16 pixels, 80 levels of 256 brighter
    assert far.distance.value == pytest.approx(16 * (80 / 256) ** 2, rel=0.2)
    assert near.distance.features == "15 principal components of pixels"
    assert compare([run("a", 1.0), run("b", 1.0)]).rows[0].distance is None


def test_it_is_drawn_and_written_as_plain_json(tmp_path: Path) -> None:
    one = run("a", 1.0)
    found = compare([replace(one, costs=[3.0]), run("b", 2.0)])  # of one round no interval has an end
    for name in ("a", "b"):
        draw_comparison(found, tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    text = json.dumps(found.to_json(), allow_nan=False)
    assert json.loads(text)["rows"][0]["kl"] == {"value": 3.0, "low": None, "high": None, "count": 1}
    best = {point["run"] for point in found.front if point["kl"] > 0}
    assert best == {"b"}
