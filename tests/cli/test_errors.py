"""Every error that is the user's to mend: exit code 2, one message with a remedy, no traceback, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from molvm.errors import UnknownNameError
from molvm.runs.config import RunConfig
from molvm.runs.config_file import load_config
from tests.cli.conftest import Molvm


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train --dataset qm99 --reward qed --out r", ["'qm99'"]),
        ("train --dataset qm9 --model TINY --reward qed --out r", ["Both"]),
        ("train --model TINY --reward dipol --out r", ["'dipol'", "Did you mean 'dipole'"]),
        ("train --model nowhere --reward qed --out r", ["'nowhere'"]),
        ("train --model TINY --reward qed --out r --strength nan", ["training.strength", "finite"]),
        ("train --model TINY --reward qed --out r --strength inf", ["training.strength", "finite"]),
        ("train --model TINY --reward qed --out r --strength 0", ["training.strength", "more than 0"]),
        ("train --model TINY --reward qed --out r --set training.sed=1", ["training.sed", "'training.seed'"]),
        ("train --model TINY --reward qed --out r --set nonsense", ["nonsense", "section.key=value"]),
        ("train --model TINY --reward qed --out r --config none.toml", ["none.toml"]),
        ("train --model TINY --reward qed --out r --value-size Q", ["value.size", "'A'"]),
        (
            "train --model TINY --reward qed --out r --objective magic",
            ["objective.name", "'magic'", "'value_matching', 'classifier_guidance'"],
        ),
        (
            "train --model TINY --reward qed --out r --objective classifier-guidance --set objective.ito=true",
            ["objective.ito", "value_matching, which has it"],
        ),
        (
            "train --model TINY --reward qed --out r --objective magic --recipe few-labels",
            ["few-labels", "'magic'", "classifier_guidance, value_matching"],
        ),
        (
            "train --model TINY --reward qed --out r --objective ddpo --set objective.trains=lora",
            ["no linear layers of attention", "StableDiffusion3Pipeline", "objective.trains = full"],
        ),
        ("train --model TINY --reward qed --out r --set objective.trains=full", ["objective.trains", "ddpo"]),
        ("train --model TINY --reward qed", ["--out"]),
        ("train --model TINY --reward qed --out full", ["full", "another --out"]),
        ("train --model TINY --reward qed --out full/file/r", ["cannot be written"]),
        ("train --resume full", ["holds no run"]),
        ("train --resume full --seed 3", ["--seed"]),
        ("sample nowhere --out s.sdf", ["'nowhere'"]),
        ("sample TINY -n 0 --out s.sdf", ["whole number"]),
        ("sample TINY -n 2 --steps 0 --out s.sdf", ["whole number"]),
        ("sample TINY -n 2 --seed -1 --out s.sdf", ["seed"]),
        ("sample TINY -n 2 --seed 99999999999999999999 --out s.sdf", ["seed"]),
        ("sample TINY --top 0 --out s.sdf", ["--top"]),
        ("sample TINY --out full/file", ["--overwrite"]),
        ("sample TINY --out missing/s.sdf", ["missing"]),
        ("sample TINY --out s.sdf --score", ["no reward", "--out scores.csv"]),
        (
            "train --model TINY --reward qed --out r --steps 4 --set training.updates=8",
            ["8 updates", "training.updates"],
        ),
        ("train --model TINY --reward qed --out r --steps 4 --recipe few-labels", ["8 updates", "recipe"]),
        ("train --model TINY --reward qed --out r --set sampling.focus=50", ["sampling.focus", "20"]),
        ("train --model TINY --reward qed --out r --set sampling.kl_limit=0", ["sampling.kl_limit", "more than 0"]),
        ("train --model full --reward qed --out r", ["holds no base model"]),
        ("train --model TINY --reward qed --out r --steps 0", ["whole number, 1 or more"]),
        ("pretrain --out p --learning-rate nan", ["learning_rate"]),
        ("score table.csv --reward qed --out s.csv", ["table.csv", "no column of SMILES"]),
        ("train --model TINY --reward qed --out r --set samplig.steps=9", ["samplig", "sampling"]),
        ("score none.sdf --reward qed --out s.csv", ["none.sdf"]),
        ("score full/file --reward qed --out s.csv", [".sdf"]),
        ("score empty.smi --reward qed --out s.csv", ["no molecules", "empty.smi"]),
        ("score in.smi --reward quick --out s.csv", ["'quick'"]),
        ("score in.smi --reward none.py:f --out s.csv", ["none.py"]),
        ("score in.smi --reward qed --reward qed --out s.csv", ["Two columns"]),
        ("score in.smi --reward qed --out in.smi --overwrite", ["replace the input"]),
        ("score in.smi --reward qed --out s.csv --workers 0", ["number of workers is 0"]),
        ("score in.smi --reward qed --out s.csv --time-limit nan", ["time limit"]),
        ("score in.smi --reward qed --out full/file", ["--overwrite"]),
        ("evaluate in.smi --table nope", ["'nope'"]),
        ("evaluate empty.smi", ["no molecules"]),
        ("evaluate in.smi --out missing/m.json", ["missing"]),
        ("evaluate nowhere --out full", ["full"]),
        ("evaluate TINY --reference nope", ["'nope'", "drugs, geom, qm9"]),
        ("evaluate nowhere --plot p.jpg", ["p.jpg", ".svg"]),
        ("evaluate nowhere --plot missing/p.svg", ["missing"]),
        ("evaluate TINY --strain --workers 0", ["number of workers is 0"]),
        ("evaluate bad.sdf", ["no molecules"]),
        ("evaluate in.smi --out in.smi --overwrite", ["would replace"]),
        ("sample nowhere --out full/file/s.sdf", ["full/file/s.sdf"]),
        ("score none.sdf --reward qed --out missing/s.csv", ["missing"]),
        ("pretrain --dataset qm8 --out p", ["'qm8'", "'qm9'"]),
        ("pretrain --out p", ["molvm data qm9"]),
        ("pretrain --out p --steps 0", ["steps"]),
        ("pretrain --out p --hours 0", ["hours"]),
        ("pretrain --out full", ["full", "another --out"]),
        ("pretrain --out full --resume", ["no whole checkpoint", "full"]),
        ("models info nope", ["'nope'"]),
        ("models verify flowmol:geom_gaussian", ["https://", "models convert"]),
        ("models convert full", ["no checkpoint"]),
        ("sample QM9 --out s.sdf", ["'QM9'", "'qm9'"]),
        ("data qm9 --workers 0 --out d", ["workers"]),
        ("data qm9 --out full", ["full"]),
        ("data qm9 --out full/file/d", ["full/file/d"]),
        ("train --dataset zinc --reward qed --out r", ["'zinc'", "geom", "qm9"]),
        ("pretrain --dataset drugs --out p", ["molvm data drugs"]),
        ("pretrain --dataset geom --out p", ["molvm data geom FOLDER --trust-pickle"]),
        ("pretrain --out p --max-pairs 0", ["max_pairs"]),
        ("data drugs --count 0 --out d", ["count"]),
        ("data drugs --out full", ["full"]),
        ("data drugs --seed -1 --out d", ["seed"]),
        ("data geom full --out d", ["full", "train_data.pickle"]),
        ("data geom none --out d --trust-pickle", ["none", "summary_drugs.json"]),
    ],
)
def test_one_message_and_nothing_written(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, words: list[str]
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    (tmp_path / "in.smi").write_text("CCO\n")
    (tmp_path / "empty.smi").write_text("\n")
    (tmp_path / "bad.sdf").write_text("bad\n\n\n  9  9  nonsense\n$$$$\n")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    before = sorted(tmp_path.rglob("*"))
    said = molvm(*(str(tiny_path) if word == "TINY" else word for word in arguments.split()))
    assert said.code == 2
    message = said.err.splitlines()[-1]
    assert message.startswith("Error: ")
    assert "Traceback" not in said.err
    for word in words:
        assert word in message
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "full" / "file").read_text() == "mine"


def test_debugging_shows_where_it_comes_from(molvm: Molvm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLVM_DEBUG", "1")
    with pytest.raises(UnknownNameError):
        molvm("models", "info", "nope")


def test_unknown_options_exit_2_too(molvm: Molvm) -> None:
    assert molvm("train", "--strenght", "3").code == 2
    assert molvm("trian").code == 2


@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are UTF-8")
def test_a_file_whose_name_is_not_utf_8_is_written(tmp_path: Path, molvm_environment: dict[str, str]) -> None:
    argv = [sys.executable, "-m", "molvm.cli", "init", os.fsdecode(b"caf\xe9.toml")]
    done = subprocess.run(argv, cwd=tmp_path, env=molvm_environment, capture_output=True, text=True, check=True)
    assert done.stderr == "The settings are in caf\\xe9.toml: molvm train --config $'caf\\351.toml' --out runs/NAME\n"
    (path,) = tmp_path.iterdir()
    assert load_config(path) == RunConfig()


@pytest.mark.parametrize("argument", ["caf\udce9", "plain"])
def test_a_name_that_cannot_be_encoded_is_told(molvm: Molvm, monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    monkeypatch.setattr("molvm.cli.app.app", lambda: "caf\udce9".encode())
    if argument == "plain":
        with pytest.raises(UnicodeEncodeError):
            molvm(argument)
    else:
        said = molvm(argument)
        assert said.code == 2
        assert said.err.startswith(r"Error: The name 'caf\xe9' is not UTF-8")
