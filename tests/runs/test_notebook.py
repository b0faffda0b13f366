"""What notebooks show, and tables for pandas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import molvm
from molvm.chem.formats.record import Record
from molvm.chem.molecule import Molecule
from molvm.images.image import Image
from molvm.rewards.base import Failure, Outcome
from molvm.runs.image_samples import ImageSet
from molvm.runs.notebook import last_round
from molvm.runs.samples import NoSuchSampleError, SampleSet
from tests.studio.hostile import TEXTS

HOSTILE = " ".join(TEXTS)


def sample_set(count: int = 2) -> SampleSet:
    molecules = [Molecule.from_smiles(smiles) for smiles in ("CCO", "c1ccccc1")[:count]]
    return SampleSet(tuple(molecules), np.zeros(count), np.zeros(count))


def is_inert(html: str) -> bool:
    """Whether no hostile text has become an element, outside a frame whose own policy lets nothing of it run."""
    return not any(text in html for text in TEXTS if "<" in text)


def test_a_molecule_is_shown_flat_and_in_a_frame_of_its_own() -> None:
    shown = replace(Molecule.from_smiles("CCO"), id=HOSTILE)._repr_html_()
    assert 'sandbox="allow-scripts"' in shown
    assert "data:image/svg+xml;base64," in shown
    assert is_inert(shown)


def test_an_outcome_says_its_value_or_its_failure() -> None:
    assert "2.5 D" in Outcome("water", 2.5, "D")._repr_html_()
    failed = Outcome(HOSTILE, None, failure=Failure("failed", HOSTILE, HOSTILE), details={HOSTILE: HOSTILE})
    assert "failed at" in failed._repr_html_()
    assert is_inert(failed._repr_html_())


def test_a_table_of_scores_is_drawn() -> None:
    records = [Record(HOSTILE, Molecule.from_smiles("CCO")), Record("bad", reason="unreadable")]
    table = molvm.score(records, ["qed", "logp"], workers=1)
    shown = table._repr_html_()
    assert shown.count("<img") == 1
    assert "ScoreTable(2 rows, qed, logp)" in shown
    assert "qed 0.4068, logp -0.0014" in shown
    assert "and 1 more" in shown
    assert is_inert(shown)


def test_a_slice_of_samples_is_a_set_of_samples() -> None:
    samples = sample_set().score("qed", workers=1)
    last = samples[-1:]
    assert isinstance(last, SampleSet)
    assert list(last) == [samples[1]]
    assert last.outcomes == samples.outcomes[1:]
    assert len(samples[5:]) == 0
    for beyond in (99, -99):
        with pytest.raises(NoSuchSampleError, match=f"no sample {beyond}") as refused:
            samples[beyond]
        assert isinstance(refused.value, IndexError)


def test_samples_are_drawn_and_their_values_told() -> None:
    scored = sample_set().score("qed", workers=1)
    shown = scored._repr_html_()
    assert shown.count("<img") == 2
    assert f"{scored.outcomes[0].value:.4g}" in shown
    assert "c1ccccc1" in shown
    images = ImageSet((Image(np.zeros((4, 4, 1), np.uint8), HOSTILE, HOSTILE),), np.zeros(1), np.zeros(1))
    assert "data:image/png" in images._repr_html_()
    assert is_inert(images._repr_html_())
    with pytest.raises(molvm.MolVMError, match="no molecules"):
        images.to_rdkit()


def test_a_run_is_shown_and_becomes_a_table(tiny_path: Path, tmp_path: Path, spread_reward: str) -> None:
    run = molvm.train(
        tiny_path, spread_reward, out=tmp_path / "run", iterations=2, batch_size=3, steps=3, value_size="A", workers=1
    )
    shown = run._repr_html_()
    assert "2 of 2 rounds" in shown
    assert "maximise spread" in shown
    table = run.to_pandas()
    assert len(table) == 6
    assert list(run.to_pandas(since=1)["iteration"]) == [1, 1, 1]


def test_a_round_without_kl_is_told_without_it() -> None:
    assert last_round({"reward": 0.25, "velocity_cost": 1.0}, "D") == "mean reward 0.25 D"
    assert last_round({"reward": 0.25, "kl": 2.0}, "") == "mean reward 0.25, KL 2 nats"


def test_tables_and_rdkit() -> None:
    samples = sample_set()
    assert list(samples.to_pandas()["smiles"]) == ["CCO", "c1ccccc1"]
    scored = samples.score("qed", workers=1)
    assert list(scored.to_pandas()["qed"]) == [outcome.value for outcome in scored.outcomes]
    back = [Molecule.from_rdkit(mol) for mol in samples.to_rdkit() if mol is not None]
    assert [one.smiles() for one in back] == ["CCO", "c1ccccc1"]
    table = molvm.score(samples, "qed", workers=1).to_pandas()
    assert list(table.columns) == ["id", "smiles", "qed", "failure", "reason", "seconds"]
    broken = replace(samples, molecules=(Molecule([200], [[0, 0, 0]], [0], [], []),) * 2)
    assert broken.to_rdkit() == [None, None]
    with pytest.raises(molvm.MolVMError, match="makes no molecule"):
        Molecule.from_smiles("C(")
