from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

import molvm
from molvm.datasets.qm9 import build_qm9
from molvm.datasets.registry import dataset_path, load_dataset
from molvm.errors import ConfigError, DatasetError
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import save_model
from molvm.runs.config import HeadStartSection
from molvm.runs.config_file import merged
from molvm.runs.head_start import _views
from molvm.runs.progress import Silence
from molvm.runs.run import Run
from molvm.training.trainer import Iteration
from tests.runs.tiny import TINY, save_tiny

SMALL = {
    "reward": {"workers": 1},
    "head_start": {"views": 2, "epochs": 1, "batch_size": 8, "samples": 6, "share": 0.5},
}
DOINGS = ["sampling the base", "scoring known molecules", "learning from them"]


@pytest.fixture(autouse=True)
def qm9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of QM9 where `molvm data qm9` would put all of it."""
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    build_qm9(dataset_path("qm9"), workers=1, limit=60)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model of that dataset, but for its largest molecules."""
    sizes, counts = load_dataset("qm9").size_histogram("train")
    known = SizeHistogram(tuple(map(int, sizes[:-1])), tuple(map(int, counts[:-1])))
    save_model(FlowMolModel(FlowMolNetwork(TINY), known, "base", {"dataset": "qm9"}), tmp_path / "base")
    return tmp_path / "base"


class Watcher(Silence):
    """What was done before the first round, and what comes after it; it may stop the run by Ctrl-C."""

    def __init__(self, interrupt: str | None = None) -> None:
        self.prepared: dict[str, list[float]] = {}
        self.interrupt = interrupt
        self.iterations = 0

    def prepare(self, doing: str, done: int, count: int) -> None:
        self.prepared.setdefault(doing, []).append(done / count)
        if doing == self.interrupt:
            import signal

            signal.raise_signal(signal.SIGINT)

    def iteration(self, report: Iteration) -> None:
        self.iterations += 1


def train(base: Path, out: Path, reward: str, watcher: Watcher | None = None, **options: object) -> Run:
    given = {"strength": 2.0, "iterations": 1, "batch_size": 4, "steps": 4, "value_size": "A", "head_start": 20}
    return molvm.train(base, reward, out=out, progress=watcher, **({"settings": SMALL} | given | options))  # type: ignore[arg-type]


def test_the_value_network_has_learned_before_the_first_round(base: Path, tmp_path: Path, spread_reward: str) -> None:
    watcher = Watcher()
    run = train(base, tmp_path / "run", spread_reward, watcher)
    assert list(watcher.prepared) == DOINGS
    assert all(shares[-1] == 1 for shares in watcher.prepared.values())
    assert watcher.iterations == 1
    learned = run.manifest.head_start
    assert learned is not None
    assert (learned["dataset"], learned["molecules"], learned["samples"]) == ("qm9", 26, 6)
    assert len(learned["times"]) == len(learned["explained"]) == 5
    assert run.metrics()[0]["kl"] > 0  # steered from the first round on
    assert not run.directory.head_start.exists()
    assert len(list(run.store.records())) == 4  # none of the known molecules passes for a sample
    json.dumps(dataclasses.asdict(run.manifest))


def test_molecules_are_noised_to_the_times_that_are_asked_for(base: Path, tmp_path: Path, spread_reward: str) -> None:
    late = merged([SMALL, {"head_start": {"noised_from": 0.5}, "sampling": {"steer_from": 0.2, "steer_until": 0.8}}])
    times = train(base, tmp_path / "run", spread_reward, settings=late).manifest.head_start["times"]  # type: ignore[index]
    assert 0.5 <= min(times) < max(times) <= 0.8
    never = merged([late, {"head_start": {"noised_from": 0.8}}])
    with pytest.raises(ConfigError, match="when the value network steers no more"):
        train(base, tmp_path / "never", spread_reward, settings=never)
    assert not (tmp_path / "never").exists()


def test_an_interrupted_head_start_goes_on(base: Path, tmp_path: Path, spread_reward: str) -> None:
    whole = train(base, tmp_path / "whole", spread_reward)
    for doing in DOINGS:
        out = tmp_path / doing.replace(" ", "-")
        with pytest.raises(KeyboardInterrupt):
            train(base, out, spread_reward, Watcher(interrupt=doing))
        assert Run.open(out).manifest.head_start is None
        resumed = molvm.resume(out)
        found, expected = resumed.value().state_dict(), whole.value().state_dict()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_what_is_known_is_not_scored_again(
    base: Path, tmp_path: Path, spread_reward: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run with the same reward finds the outcomes, even those of an interrupted head start."""
    monkeypatch.setenv("MOLVM_OUTCOMES", str(tmp_path / "outcomes"))
    with pytest.raises(KeyboardInterrupt):
        train(base, tmp_path / "first", spread_reward, Watcher(interrupt="learning from them"))
    kept = list((tmp_path / "outcomes").rglob("*"))
    train(base, tmp_path / "second", spread_reward, iterations=1)
    assert len(list((tmp_path / "outcomes").rglob("*"))) <= len(kept) + 4


def test_what_cannot_be_had_is_refused_before_anything_is_written(
    base: Path, tmp_path: Path, spread_reward: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match="10 to"):
        train(base, out, spread_reward, head_start=10**6)
    with pytest.raises(ConfigError, match="10 to"):
        train(base, out, spread_reward, head_start=3)
    with pytest.raises(ConfigError, match="ddpo has no value network"):
        train(base, out, spread_reward, objective="ddpo")
    with pytest.raises(ConfigError, match="no dataset of known molecules"):
        train(save_tiny(tmp_path / "tiny"), out, spread_reward)
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "empty"))
    with pytest.raises(DatasetError, match="molvm data qm9"):
        train(base, out, spread_reward)
    assert not out.exists()


def test_samples_of_the_base_have_their_share() -> None:
    section = HeadStartSection(molecules=300, views=2, samples=20, share=0.25)
    views = _views(section, 300, 20)
    assert views[:300].tolist() == [2] * 300
    assert float(views[300:].sum() / views.sum()) == pytest.approx(0.25)
    assert _views(HeadStartSection(molecules=300), 300, 0).shape == (300,)


def test_one_start_at_a_time(base: Path, tmp_path: Path, spread_reward: str) -> None:
    first = train(base, tmp_path / "first", spread_reward)
    settings = {**SMALL, "value": {"start": str(first.path)}}
    with pytest.raises(ConfigError, match="one of the two"):
        molvm.train(
            base, spread_reward, out=tmp_path / "second", strength=2, value_size="A", head_start=20, settings=settings
        )
