from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from molvm.images.image import Image
from molvm.runs.groups import BASE, base_and_run
from molvm.runs.image_records import ImageRecord
from molvm.studio.base_laws import Law, bases, cautions, incomparable
from tests.runs.test_groups import METRICS, record

LAW = Law(("qed", "", "maximise"), ("qm9",), "100 steps, ddim")


def test_samples_of_the_base_that_two_runs_share_count_once() -> None:
    one = base_and_run("one", METRICS, [record(0, 1.0), record(1, 2.0)])
    other = base_and_run("other", METRICS, [record(0, 1.0)])
    (base,) = bases([LAW, LAW], [one, other])
    assert (base.name, base.values) == (BASE, [1.0, 2.0])
    moved = record(0, 3.0)
    moved = replace(moved, molecule=replace(moved.molecule, positions=[[1, 0, 0]]))
    (base,) = bases([LAW, LAW], [one, base_and_run("other", METRICS, [moved])])
    assert base.values == [1.0, 2.0, 3.0]


def test_images_that_two_runs_share_count_once() -> None:
    made = [
        ImageRecord(Image(np.full((2, 2, 1), grey, np.uint8), "0-0"), iteration=0, worth=1.0, value=1.0)
        for grey in (0, 0, 9)
    ]
    (base,) = bases([LAW] * 3, [base_and_run("one", METRICS, [each]) for each in made])
    assert len(base.records) == 2


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(LAW, base=("drugs",)), "different bases"),
        (replace(LAW, process="20 steps, ddim"), "one: 100 steps, ddim; other: 20 steps, ddim"),
    ],
)
def test_bases_of_other_laws_stay_apart_and_that_is_told(other: Law, told: str) -> None:
    one, two = (base_and_run(name, METRICS, [record(0, 1.0)]) for name in ("one", "other"))
    assert [group.name for group in bases([LAW, other], [one, two])] == ["base of one", "base of other"]
    (warning,) = cautions(["one", "other"], [LAW, other])
    assert told in warning
    assert cautions(["one", "other"], [LAW, LAW]) == []


def test_another_reward_is_not_compared() -> None:
    other = replace(LAW, reward=("dipole", "D", "maximise"))
    assert incomparable(["a", "b", "c"], [LAW, other, LAW]) == {"b": "dipole in D, to be maximised"}
    assert incomparable(["a", "b"], [LAW, replace(LAW, process="ddim")]) == {}
