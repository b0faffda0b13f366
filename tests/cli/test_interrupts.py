"""Ctrl-C ends what takes long without a trace, even while RDKit embeds molecules and listens for it too."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from molvm.chem.formats.smiles import parse_smiles


def embed(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        parse_smiles("CCCCCCNCCCCCCc1ccccc1", "x", {})


def test_an_interrupt_while_embedding_is_not_lost() -> None:
    main = threading.get_ident()
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        embed(10.0)
    timer.join()


def test_reading_a_file_is_interrupted(tmp_path: Path, molvm_environment: dict[str, str]) -> None:
    file, out = tmp_path / "many.smi", tmp_path / "scores.csv"
    file.write_text("CCCCCCNCCCCCCc1ccccc1\n" * 5_000)
    environment = {name: value for name, value in molvm_environment.items() if name != "OMP_NUM_THREADS"}
    argv = [sys.executable, "-m", "molvm.cli", "score", str(file), "--reward", "qed", "--out", str(out)]
    with subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE, text=True) as it:
        time.sleep(4)
        it.send_signal(signal.SIGINT)
        start = time.monotonic()
        it.communicate(timeout=60)
    assert it.returncode == 130
    assert time.monotonic() - start < 30
    assert not out.exists()
