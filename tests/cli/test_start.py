"""What the command line loads before it answers, which is what it takes the time for."""

from __future__ import annotations

import subprocess
import sys

import molvm
from tests.cli.conftest import Molvm
from tests.conftest import Command

HEAVY = {"torch", "torch_geometric", "rdkit", "scipy", "pyarrow", "pandas", "pydantic", "tblite", "gfnff"}


def test_help_loads_little() -> None:
    program = (
        "import sys; sys.argv = ['molvm', '--help']\n"
        "from molvm.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = shown.stderr.split()
    assert "typer" in loaded
    assert not {name.split(".")[0] for name in loaded} & HEAVY
    assert len([name for name in loaded if name.startswith("molvm")]) <= 25


def test_an_interrupt_while_the_commands_are_imported_leaves_no_trace() -> None:
    program = (
        "import signal, sys\n"
        "from molvm.cli import main\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'molvm.cli.app':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


def test_version(molvm_command: Command) -> None:
    assert molvm_command("--version").stdout == "molvm 0.1.0\n"
    assert "train" in molvm.__all__


def test_every_command_explains_itself(molvm: Molvm) -> None:
    for command in ("train", "sample", "score", "evaluate", "doctor", "pretrain", "data qm9", "models list"):
        shown = molvm(*command.split(), "--help")
        assert shown.code == 0, command
        assert command.split()[-1] in shown.out


def test_scoring_needs_no_torch(molvm_environment: dict[str, str], tmp_path: object) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['molvm', 'score', '{tmp_path}/in.smi', '--reward', 'qed', '--out', '{tmp_path}/o.csv']\n"
        f"open('{tmp_path}/in.smi', 'w').write('CCO')\n"
        "from molvm.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'molvm.rewards.pool' in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=molvm_environment, capture_output=True)
