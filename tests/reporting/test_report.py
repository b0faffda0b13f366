"""The report as a file: what stands in it, and what cannot."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

import molvm
from molvm.errors import ConfigError, InputFileError, OutputExistsError
from molvm.models.hub import save_model
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.reporting.evidence import Evidence
from molvm.reporting.figures import curves
from molvm.reporting.report import page
from molvm.runs.groups import Group
from tests.studio.hostile import TEXTS


class Reader(HTMLParser):
    """Elements with their attributes, the text of scripts, and the text that people see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.seen = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif self._inside != "style":
            self.seen += data

    def addresses(self) -> list[str]:
        return [
            value or ""
            for _, attributes in self.elements
            for key, value in attributes.items()
            if key in ("src", "href")
        ]


def policy_of(read: Reader) -> str:
    found = [attributes["content"] for tag, attributes in read.elements if tag == "meta" and "http-equiv" in attributes]
    return str(found[0])


@pytest.fixture(scope="session")
def plain(evidence: Evidence) -> Reader:
    return Reader(page(evidence))


def test_everything_that_is_asked_for_is_there(evidence: Evidence, plain: Reader) -> None:
    for heading in ("What was asked", "What came out", "Curves", "Distributions", "The best molecules", "Validity"):
        assert heading in plain.seen
    for text in ("Failures by reason", "KL and diversity", "How to make it again", "molvm train --config", "torch"):
        assert text in plain.seen
    assert str(evidence.best[0].smiles) in plain.seen
    assert evidence.manifest.model_sha256 is not None
    assert evidence.manifest.model_sha256 in plain.seen
    scenes = [json.loads(text) for kind, text in plain.scripts if kind == "application/json"]
    assert [len(scene["frames"][0]["atoms"]) for scene in scenes[0]] == [one.molecule.n_atoms for one in evidence.best]


def test_it_asks_for_nothing_and_runs_its_own_scripts_alone(plain: Reader) -> None:
    assert all(address.startswith(("data:image/", "#")) for address in plain.addresses())
    policy = policy_of(plain)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for kind, text in plain.scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert (f"'sha256-{digest}'" in policy) == (kind is None)


def test_a_curve_without_numbers_is_left_out(evidence: Evidence) -> None:
    mute = [{**row, "ess": None} for row in evidence.metrics]
    assert "effective sample size" not in curves(replace(evidence, metrics=mute)).text


def test_hostile_texts_stay_texts(evidence: Evidence, plain: Reader) -> None:
    """Whatever comes of a run's files is shown as it is, and brings no element and no script with it."""
    text = " ".join(TEXTS)
    records = [
        replace(
            one,
            molecule=replace(one.molecule, id=text),
            smiles=text,
            value=None,
            failure="failed",
            stage=text,
            reason=text,
        )
        for one in evidence.run.records
    ]
    hostile = replace(
        evidence,
        name=text,
        manifest=replace(evidence.manifest, reward=text, model=text, model_note=text, unit=text, versions={text: text}),
        run=Group("run", tuple(records)),
        best=[replace(one, smiles=text, molecule=replace(one.molecule, id=text)) for one in evidence.best],
    )
    read = Reader(page(hostile))
    assert text in read.seen
    assert [script for script in read.scripts if script[0] is None] == [s for s in plain.scripts if s[0] is None]
    added = {tag for tag, _ in read.elements} - {tag for tag, _ in plain.elements}
    assert added == set()
    assert not [key for _, attributes in read.elements for key in attributes if key.startswith("on")]
    assert all(address.startswith(("data:image/", "#")) for address in read.addresses())


def test_a_file_is_written_once(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert molvm.report(run_path, out) == out
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(OutputExistsError, match="something at"):
        molvm.report(run_path, out)
    with pytest.raises(ConfigError, match="number of samples"):
        molvm.report(run_path, out, count=0, overwrite=True)
    with pytest.raises(InputFileError, match="holds no run"):
        molvm.report(tmp_path)


def test_a_run_of_images_has_a_grid(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16)))
    save_model(PixelFlowModel(network, ["zero", "one"], "tiny"), tmp_path / "tiny")
    run = molvm.train(
        tmp_path / "tiny", "jpeg", out=tmp_path / "run", iterations=2, batch_size=6, steps=5, value_size="A", workers=1
    )
    text = molvm.report(run).read_text(encoding="utf-8")
    read = Reader(text)
    assert re.search(r'class="pixels" src="data:image/png;base64,[A-Za-z0-9+/=]+"', text)
    assert "The best images" in read.seen
    assert "script-src 'none'" in policy_of(read)
    assert not read.scripts
