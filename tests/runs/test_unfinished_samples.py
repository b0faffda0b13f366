from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molvm.errors import OutputExistsError
from molvm.models.base import BaseModel
from molvm.runs.config import RewardSection
from molvm.runs.inference import BestOfOptions, Inference
from molvm.runs.reward_source import resolve_reward
from molvm.runs.samples import SampleSet
from molvm.runs.sampling import draw_samples
from molvm.runs.unfinished_samples import UnfinishedSamples
from molvm.sde import SamplingOptions
from tests.runs.tiny import tiny_model

STEPS = 4


def drawn(model: BaseModel, unfinished: UnfinishedSamples | None = None, *, stop_at: int = 10**9, **dials: Any) -> Any:
    """Seven samples, two at a time; Ctrl-C after so many steps of samples."""

    def progress(done: int, total: int) -> None:
        if done >= stop_at:
            raise KeyboardInterrupt

    dials = {"sampling": SamplingOptions(steps=STEPS), "batch_size": 2, **dials}
    return draw_samples(model, 7, unfinished=unfinished, progress=progress, **dials)


def interrupted(model: BaseModel, folder: Path, *, after: int, asked: object = "seven", **dials: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        drawn(model, UnfinishedSamples(folder, {"asked": asked}), stop_at=after * STEPS, **dials)


def assert_equal(ours: SampleSet, theirs: SampleSet) -> None:
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.id == other.id
        np.testing.assert_array_equal(mine.positions, other.positions)
        np.testing.assert_array_equal(mine.bonds, other.bonds)
    np.testing.assert_array_equal(ours.path_cost, theirs.path_cost)
    assert ours.asked == theirs.asked


@pytest.mark.parametrize(("after", "kept"), [(1, 0), (3, 2), (5, 4), (7, 6)])
def test_an_interrupted_drawing_goes_on_bit_for_bit(tmp_path: Path, after: int, kept: int) -> None:
    model = tiny_model()
    interrupted(model, tmp_path / "kept", after=after)
    unfinished = UnfinishedSamples(tmp_path / "kept", {"asked": "seven"})
    assert_equal(drawn(model, unfinished), drawn(model))
    assert (unfinished.found, unfinished.kept) == (kept, 7)
    whole = UnfinishedSamples(tmp_path / "kept", {"asked": "seven"})
    assert_equal(drawn(model, whole), drawn(model))
    assert whole.found == 7, "and what is whole needs no more than reading"
    whole.discard()
    assert not whole.folder.exists()


def test_it_knows_what_the_reward_was_asked_before(tmp_path: Path) -> None:
    model = tiny_model()

    def best() -> Inference:
        return Inference(BestOfOptions(2), resolve_reward("qed"), section=RewardSection(workers=1, floor=0.0))

    interrupted(model, tmp_path / "kept", after=4, inference=best())
    again = drawn(model, UnfinishedSamples(tmp_path / "kept", {"asked": "seven"}), inference=best())
    assert_equal(again, drawn(model, inference=best()))
    assert again.asked == 14


def test_a_batch_of_another_drawing_is_refused(tmp_path: Path) -> None:
    model = tiny_model()
    interrupted(model, tmp_path / "kept", after=5)
    with pytest.raises(OutputExistsError, match="another asked"):
        drawn(model, UnfinishedSamples(tmp_path / "kept", {"asked": "eight"}))
    assert_equal(drawn(model, UnfinishedSamples(tmp_path / "kept", {"asked": "seven"})), drawn(model))


def test_a_damaged_batch_is_drawn_again(tmp_path: Path) -> None:
    model = tiny_model()
    interrupted(model, tmp_path / "kept", after=5)
    first = min((tmp_path / "kept").iterdir()) / "tensors.safetensors"
    first.write_bytes(first.read_bytes()[:-1])
    unfinished = UnfinishedSamples(tmp_path / "kept", {"asked": "seven"})
    assert_equal(drawn(model, unfinished), drawn(model))
    assert unfinished.found == 2


def test_drawings_within_one_another_do_not_meet(tmp_path: Path) -> None:
    model = tiny_model()
    outer = UnfinishedSamples(tmp_path / "kept", {"asked": "pairs"})
    sides = [drawn(model, outer.within(name), seed=seed) for seed, name in enumerate(("one", "two"))]
    for seed, side in enumerate(sides):
        assert_equal(side, drawn(model, seed=seed))
    outer.discard()
    assert not outer.folder.exists()


def test_only_batches_are_removed(tmp_path: Path) -> None:
    """A folder may be somebody else's and be called so by chance."""
    (tmp_path / "kept" / "mine").mkdir(parents=True)
    (tmp_path / "kept" / "mine" / "notes.txt").write_text("precious")
    unfinished = UnfinishedSamples(tmp_path / "kept", {"asked": "seven"})
    drawn(tiny_model(), unfinished)
    assert len(list((tmp_path / "kept").iterdir())) == 5
    unfinished.discard()
    assert [path.name for path in (tmp_path / "kept").rglob("*")] == ["mine", "notes.txt"]
