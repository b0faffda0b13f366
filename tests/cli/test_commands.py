"""The commands, one after the other, as a user would type them."""

from __future__ import annotations

import csv
import json
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.main import get_command

from molvm.chem.io import read_molecules
from molvm.cli.app import app
from molvm.models.hub import load_model
from molvm.runs import diagnosis
from molvm.runs.config import RunConfig
from molvm.runs.diagnosis import TRIALS
from tests.cli.conftest import Molvm
from tests.datasets.geom_files import write_split_pickles
from tests.models.flowmol.published.token_folder import token_folder
from tests.models.flowmol.upstream import PARITY
from tests.runs.tiny import save_tiny

SMALL = (
    "--strength 2 --iterations 2 --batch-size 4 --steps 20 --value-size A --seed 7 "
    "--set reward.workers=1 --set training.clip=0.5"
)


@pytest.fixture
def trained(molvm: Molvm, tiny_path: Path, spread_reward: str) -> Molvm:
    """The command line in a folder in which a run has been made."""
    said = molvm("train", "--model", tiny_path, "--reward", spread_reward, *SMALL.split(), "--out", "run")
    assert said.code == 0, said.err
    assert "iteration 2/2" in said.err
    for word in ("/min", "left", "reward", "spreads", "failures", "KL"):
        assert word in said.err
    assert said.out == ""
    return molvm


def test_sample_and_evaluate(trained: Molvm, tmp_path: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    said = trained("sample", "run", "-n", 3, "--seed", 1, "--out", "a.sdf")
    assert said.code == 0, said.err
    assert [record.id for record in read_molecules(tmp_path / "a.sdf")] == ["run-1", "run-2", "run-3"]
    assert trained("sample", "run", "-n", 3, "--seed", 1, "--out", "b.sdf").code == 0
    assert (tmp_path / "a.sdf").read_bytes() == (tmp_path / "b.sdf").read_bytes()
    assert trained("sample", "run", "-n", 6, "--top", 2, "--out", "top.sdf").code == 0
    best = [float(record.properties["spread"]) for record in read_molecules(tmp_path / "top.sdf")]
    assert best == sorted(best, reverse=True)
    assert trained("sample", tiny_path, "-n", 2, "--steps", 3, "--out", "base.sdf").code == 0
    size = load_model(tiny_path).conditions[-1]
    dials = ("--guidance", 0.5, "--noise", 0, "--atoms", f"{size}-{size}:1", "--tilt-size")
    assert trained("sample", "run", "-n", 2, *dials, "--out", "dials.sdf").code == 0
    text = (tmp_path / "dials.sdf").read_text()
    assert trained("sample", "run", "-n", 2, "--exact", "--particles", 4, "--out", "exact.sdf").code == 0
    assert "--exact" in trained("sample", "run", "-n", 2, "--particles", 4, "--out", "not.sdf").err
    assert "particles is 0" in trained("sample", "run", "-n", 2, "--exact", "--particles", 0, "--out", "not.sdf").err
    assert [int(line[:3]) for line in text.splitlines() if line.endswith("V2000")] == [size, size]
    said = trained("evaluate", "a.sdf", "--reference", "qm9", "--out", "metrics.json")
    assert said.code == 0
    assert json.loads((tmp_path / "metrics.json").read_text())["molecules"] == 3
    assert "strictly valid and connected" in said.out
    assert trained("evaluate", "run", "-n", 2).code == 0


def test_a_run_whose_reward_has_moved_is_sampled_but_not_scored(
    trained: Molvm, tmp_path: Path, spread_reward: str
) -> None:
    settings = tmp_path / "run" / "resolved.toml"
    settings.write_text(settings.read_text().replace(spread_reward, "/nowhere/moved.py:spread"))
    assert trained("sample", "run", "-n", 2, "--out", "a.sdf").code == 0
    assert trained("evaluate", "run", "-n", 2).code == 0
    said = trained("sample", "run", "-n", 2, "--out", "b.sdf", "--score")
    assert said.code == 2
    assert "moved.py" in said.err
    assert "sampling" not in said.err


def test_a_run_that_is_not_there_is_told_with_its_neighbours(trained: Molvm, tmp_path: Path) -> None:
    said = trained("sample", tmp_path / "ran", "--out", "a.sdf")
    assert said.code == 2
    assert f"There is no run or base model in {tmp_path} named 'ran'. Allowed: run. Did you mean 'run'?" in said.err
    said = trained("trajectory", "nowhere/ran", "--out", "a.sdf")
    assert said.code == 2
    assert "There is no run or base model in nowhere named 'ran'. Try: the directory of a run" in said.err
    assert "drugs" not in said.err, "the list of all models would hide the message"


def test_resume_and_extend(trained: Molvm, tmp_path: Path) -> None:
    assert "clip = 0.5" in (tmp_path / "run" / "resolved.toml").read_text()
    assert trained("train", "--resume", "run").code == 0
    said = trained("train", "--resume", "run", "--iterations", 3)
    assert said.code == 0, said.err
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == [0, 1, 2]
    assert trained("train", "--out", "run", "--reward", "qed").code == 2


def test_the_resolved_settings_make_the_same_run(trained: Molvm, tmp_path: Path) -> None:
    assert trained("train", "--config", "run/resolved.toml", "--out", "twin").code == 0
    newest = "checkpoints/step-00000002/tensors.safetensors"
    assert (tmp_path / "run" / newest).read_bytes() == (tmp_path / "twin" / newest).read_bytes()


@pytest.mark.parametrize("objective", ["value-matching", "classifier-guidance"])
def test_each_objective_trains_resumes_and_samples(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, objective: str
) -> None:
    said = molvm(
        *("train", "--model", tiny_path, "--reward", "qed", "--objective", objective, *SMALL.split(), "--steps", 10),
        *("--set", "reward.max_failures=1.0", "--out", "run"),
    )
    assert said.code == 0, said.err
    name = objective.replace("-", "_")
    assert f'name = "{name}"' in (tmp_path / "run" / "resolved.toml").read_text()
    kl = [json.loads(line)["kl"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert len(kl) == 2
    assert kl == [0.0, 0.0] or name == "value_matching"
    assert molvm("train", "--resume", "run", "--iterations", 3).code == 0
    assert molvm("sample", "run", "-n", 3, "--out", "a.sdf").code == 0
    assert len(read_molecules(tmp_path / "a.sdf")) == 3
    said = molvm("train", "--resume", "run", "--objective", objective)
    assert said.code == 2
    assert "--objective cannot be changed" in said.err


def test_options_come_before_the_file(molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str) -> None:
    (tmp_path / "run.toml").write_text(
        f"out = 'run'\n[model]\nname = '{tiny_path}'\n[reward]\nname = '{spread_reward}'\nworkers = 1\n"
        "[training]\niterations = 9\nbatch_size = 4\nseed = 1\n[sampling]\nsteps = 9\n[value]\nsize = 'A'\n"
    )
    said = molvm("train", "--config", "run.toml", "--iterations", 1, "--seed", 2, "--set", "training.seed=3")
    assert said.code == 0, said.err
    text = (tmp_path / "run" / "resolved.toml").read_text()
    assert "iterations = 1 " in text
    assert "seed = 3 " in text
    assert "steps = 9 " in text


def test_score(molvm: Molvm, tmp_path: Path) -> None:
    (tmp_path / "in.smi").write_text("CCO ethanol\nXYZ\n")
    said = molvm("score", "in.smi", "--reward", "qed", "--reward", "dipole", "--workers", 1, "--out", "s.csv")
    assert said.code == 0, said.err
    with (tmp_path / "s.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["id", "smiles", "qed", "dipole", "failure", "reason", "seconds"]
    assert float(rows[0]["qed"]) == pytest.approx(0.407, abs=0.001)
    assert 1 < float(rows[0]["dipole"]) < 3
    assert (rows[1]["id"], rows[1]["failure"], rows[1]["qed"]) == ("2", "invalid", "")
    assert "qed: 1 of 2" in said.err
    assert molvm("score", "in.smi", "--reward", "qed", "--out", "s.csv", "--overwrite").code == 0


def test_score_by_an_expression(molvm: Molvm, tmp_path: Path) -> None:
    (tmp_path / "in.smi").write_text("CCO ethanol\nCO methanol\n")
    (tmp_path / "known.smi").write_text("OC\n")
    expression = "geometric_mean(novel(qed, known='known.smi'), window(tpsa, 20, 130), sigmoid(sa, 6, 3))"
    said = molvm("score", "in.smi", "--reward", expression, "--workers", 1, "--out", "s.csv")
    assert said.code == 0, said.err
    with (tmp_path / "s.csv").open() as stream:
        ethanol, methanol = csv.DictReader(stream)
    assert 0 < float(ethanol["geometric_mean"]) < 1
    assert (methanol["geometric_mean"], methanol["failure"]) == ("", "rejected")
    described = molvm("rewards", "describe", expression).out
    assert "window(tpsa)" in described
    assert "1 from 20 to 130" in described
    assert "none of 1 known molecules" in described
    refused = molvm("score", "in.smi", "--reward", "product(qed, logp)", "--out", "t.csv")
    assert refused.code == 2
    assert "window(logp" in refused.err


def test_data(molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("molvm.datasets.drugs.CHUNK", 4)
    assert molvm("data", "drugs", "--count", 4, "--workers", 1).code == 0
    source = write_split_pickles(tmp_path / "source")
    said = molvm("data", "geom", source)
    assert said.code == 2
    assert "--trust-pickle" in said.err
    said = molvm("data", "geom", source, "--trust-pickle", "--conformers", 1, "--workers", 1)
    assert said.code == 0, said.err
    assert "9 conformers" in said.err
    listed = molvm("data", "list").out
    assert "not built: molvm data qm9" in listed
    assert "4 molecules (" in listed
    assert "9 molecules (5 train, 2 validation, 2 test)" in listed


def test_a_calibrated_model_takes_few_steps(molvm: Molvm, tmp_path: Path, spread_reward: str) -> None:
    model = save_tiny(tmp_path / "mine")
    train = ("train", "--model", model, "--reward", spread_reward, "--iterations", 1, "--batch-size", 4, "--steps", 3)
    analytic = ("--set", "sampling.transition=analytic_variance")
    refused = molvm(*train, *analytic, "--out", "run")
    assert refused.code == 2
    assert "molvm models calibrate" in refused.err
    assert molvm("models", "calibrate", model, "-n", 4).code == 0
    spread = json.loads(molvm("models", "info", model).out)["posterior_spread"]
    assert spread["times"][0] == 0
    assert spread["variances"]["positions"][-1] == 0
    assert molvm(*train, *analytic, "--out", "run").code == 0
    assert molvm("sample", "run", "-n", 2, "--out", "some.sdf").code == 0
    few = ("--steps", 3, "--transition", "analytic_variance", "-n", 2)
    assert molvm("sample", model, *few, "--out", "base.sdf").code == 0
    own = molvm("sample", "run", *few, "--out", "none.sdf")
    assert own.code == 2
    assert "leaving out the transition" in own.err
    assert molvm("models", "verify", model).code == 0


def test_geom_is_the_stand_in_and_everything_says_so(
    molvm: Molvm, tmp_path: Path, spread_reward: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    few = ("--iterations", 1, "--batch-size", 2, "--steps", 2, "--value-size", "A", "--out", "run")
    said = molvm("train", "--dataset", "geom", "--reward", spread_reward, *few)
    assert said.code == 0, said.err
    assert "flowmol:geom_gaussian is not here. The base model is 'drugs', a stand-in" in caplog.text
    caplog.clear()
    assert 'name = "drugs"' in (tmp_path / "run" / "resolved.toml").read_text()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["model"] == "drugs"
    assert manifest["model_note"].startswith("A stand-in for GEOM-Drugs")
    assert molvm("train", "--resume", "run").code == 0
    assert "stand-in" not in caplog.text


def test_models(molvm: Molvm, tiny_path: Path) -> None:
    assert json.loads(molvm("models", "info", tiny_path).out)["kind"] == "flowmol"
    assert molvm("models", "list").code == 0


def test_models_that_cannot_be_used_are_marked(
    molvm: Molvm, tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path))
    for name in ("whole", "spoilt"):
        shutil.copytree(tiny_path, tmp_path / "models" / "flowmol" / name)
    (tmp_path / "models" / "flowmol" / "spoilt" / "model.safetensors").write_bytes(b"")
    lines = molvm("models", "list").out.splitlines()
    assert "flowmol:whole" in lines
    (marked,) = [line for line in lines if line.startswith("flowmol:spoilt")]
    assert "cannot be used: `molvm models verify flowmol:spoilt`" in marked
    assert molvm("models", "verify", "flowmol:spoilt").code == 2


def test_what_a_published_model_needs_is_an_answer(
    molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path))
    answer = molvm("models", "info", "flowmol:geom_gaussian")
    assert answer.code == 0
    assert "https://" in answer.out
    assert "molvm models convert geom_gaussian" in answer.out


def test_help_has_the_defaults_of_the_settings() -> None:
    defaults, shown = RunConfig(), {}
    for option in get_command(app).commands["train"].params:  # type: ignore[attr-defined]
        if isinstance(option.show_default, str):
            shown[option.name] = option.show_default
    expected = {
        "dataset": defaults.model.name,
        "classes": "all",
        "guidance_scale": f"{defaults.model.guidance_scale:g}",
        "reward": defaults.reward.name,
        "objective": defaults.objective.name.replace("_", "-"),
        "strength": f"{defaults.training.strength:g}",
        "iterations": str(defaults.training.iterations),
        "batch_size": str(defaults.training.batch_size),
        "steps": str(defaults.sampling.steps),
        "value_size": defaults.value.size,
        "head_start": str(defaults.head_start.molecules),
        "seed": str(defaults.training.seed),
        "recipe": "paper; digits for that model",
    }
    assert shown == expected


def test_doctor(molvm: Molvm, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = ("images", "mlflow")  # their imports take seconds
    extras = {extra: module for extra, module in diagnosis.EXTRAS.items() if extra not in slow}
    monkeypatch.setattr(diagnosis, "EXTRAS", extras)
    said = molvm("doctor")
    lines = said.out.splitlines()
    for word in ("torch", "rdkit", "data home", "qed of ethanol", "extra dgl", *(trial.topic for trial in TRIALS)):
        assert any(line.startswith("ok ") and word in line for line in lines), word
    assert said.code == int(any(line.startswith("BAD") for line in lines))
    assert any("dipole of water" in line and " D" in line for line in lines)


def test_doctor_finds_what_is_wrong(molvm: Molvm, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(TRIALS[0], low=0.9, high=1.0)
    broken = replace(TRIALS[0], topic="nonsense", reward="nonsense")
    monkeypatch.setattr(diagnosis, "TRIALS", (wrong, broken))
    monkeypatch.setattr(diagnosis, "EXTRAS", {"ase": "ase", "dgl": "no_such_module"})
    said = molvm("doctor", "--json")
    assert said.code == 1
    found = {finding["topic"]: finding for finding in json.loads(said.out)}
    assert not found[wrong.topic]["ok"]
    assert not found["nonsense"]["ok"]
    assert found["extra ase"] == {"topic": "extra ase", "text": "installed, can be imported", "ok": True}
    assert "pip install" in found["extra dgl"]["text"]


def test_every_extra_that_molvm_imports_is_imported(
    molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text("raise ImportError('its library is gone')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(diagnosis, "TRIALS", ())
    imported = set(diagnosis.EXTRAS) - {"data", "dgl", *diagnosis.TRIED}
    monkeypatch.setattr(diagnosis, "EXTRAS", dict.fromkeys(sorted(imported), "broken_package"))
    said = molvm("doctor", "--json")
    assert said.code == 1
    found = {finding["topic"]: finding for finding in json.loads(said.out)}
    for extra in imported:
        assert found[f"extra {extra}"] == {
            "topic": f"extra {extra}",
            "text": "ImportError: its library is gone",
            "ok": False,
        }


def test_the_studio_without_a_working_streamlit(molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "streamlit.py").write_text("raise ImportError('its library is gone')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "streamlit", raising=False)
    Path("runs").mkdir()
    said = molvm("app", "runs")
    assert said.code == 2
    assert "Streamlit cannot be imported: its library is gone" in said.err
    assert "molvm[app]" in said.err
    assert "http" not in said.err


def test_the_studio_on_a_port_that_is_taken(molvm: Molvm) -> None:
    Path("runs").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = molvm("app", "runs", "--port", port)
    assert said.code == 2
    assert f"Port {port} of 127.0.0.1 is not available" in said.err
    assert "another --port" in said.err
    assert "http" not in said.err


def test_a_published_checkpoint_is_converted_and_sampled(
    molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    published = PARITY / "tiny_gaussian"
    said = molvm("models", "convert", published)
    assert said.code == 0, said.err
    assert "flowmol:tiny_gaussian" in molvm("models", "list").out.split()
    assert "is whole" in molvm("models", "verify", "flowmol:tiny_gaussian").out
    assert json.loads(molvm("models", "info", "flowmol:tiny_gaussian").out)["source"]["checkpoint"] == "model.ckpt"
    assert molvm("sample", "flowmol:tiny_gaussian", "-n", 2, "--steps", 5, "--out", "a.sdf").code == 0
    assert len(read_molecules(tmp_path / "a.sdf")) == 2
    assert molvm("models", "convert", published).code == 2
    assert molvm("models", "convert", published, "--out", "mine").code == 0
    assert molvm("sample", "mine", "-n", 1, "--steps", 5, "--out", "b.sdf").code == 0


@pytest.mark.parametrize("name", ["../../evil", "a/b", ".hidden", ""])
def test_a_name_that_is_a_path_writes_nothing(
    molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "deep" / "home"))
    said = molvm("models", "convert", PARITY / "tiny_gaussian", "--name", name)
    assert said.code == 2
    assert "cannot be called" in said.err
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_checkpoint_alone_is_called_as_its_folder(
    molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    said = molvm("models", "convert", PARITY / "tiny_gaussian" / "checkpoints" / "model.ckpt")
    assert "flowmol:tiny_gaussian" in said.out
    refused = molvm("models", "convert", PARITY / "tiny_gaussian", "--name", "geom_gaussian")
    assert refused.code == 2
    assert "is not the published model geom_gaussian" in refused.err
    assert "flowmol:geom_gaussian" not in molvm("models", "list").out


def test_a_published_model_over_tokens_is_converted_sampled_and_not_trained(
    molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    assert "SHA-256 not known here" in molvm("models", "info", "flowmol:flowmol3").out
    said = molvm("models", "convert", token_folder(tmp_path / "flowmol3", "v31_tiny"))
    assert said.code == 0, said.err
    assert "flowmol:flowmol3" in molvm("models", "list").out.split()
    assert "is whole" in molvm("models", "verify", "flowmol:flowmol3").out
    card = json.loads(molvm("models", "info", "flowmol:flowmol3").out)
    assert (card["kind"], card["sampling"]["eta"], card["config"]["fake_atoms"]) == ("flowmol-ctmc", 30.0, True)
    draw = ("sample", "flowmol:flowmol3", "-n", 2, "--steps", 5, "--seed", 3, "--out")
    assert molvm(*draw, "a.sdf").code == 0
    assert molvm(*draw, "b.sdf").code == 0
    assert (tmp_path / "a.sdf").read_bytes() == (tmp_path / "b.sdf").read_bytes()
    assert len(read_molecules(tmp_path / "a.sdf")) == 2
    said = molvm("evaluate", "a.sdf", "--table", "geom")
    assert said.code == 0, said.err
    said = molvm("train", "--model", "flowmol:flowmol3", "--reward", "qed", "--out", "run")
    assert said.code == 2
    assert "does not steer it yet" in said.err
    assert not (tmp_path / "run").exists()


def test_scoring_says_what_came_of_it(molvm: Molvm, tmp_path: Path) -> None:
    (tmp_path / "in.smi").write_text("CCO ethanol\n[Na+].[Cl-] salt\nC1CC bad\n")
    said = molvm("score", "in.smi", "--reward", "qed", "--out", "s.csv", "--workers", 1)
    assert said.code == 0
    assert "qed: 1 of 3 scored, mean 0.4" in said.err
    assert "connected 1" in said.err
    (tmp_path / "salt.smi").write_text("[Na+].[Cl-] salt\n")
    said = molvm("score", "salt.smi", "--reward", "qed", "--out", "t.csv", "--workers", 1)
    assert "0 of 1 scored" in said.err
    assert "2 fragments" in said.err
