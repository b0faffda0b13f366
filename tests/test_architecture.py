"""Laws of the source tree: who may import whom, and what no file may do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "molvm"

FOUNDATIONS = (
    "errors",
    "arguments",
    "durable",
    "digests",
    "cores",
    "programs",
    "subject",
    "templates",
    "frames",
    "legible",
)
"""What imports nothing of molvm but one another; everyone may import them."""

LAYERS = (
    "states",
    "schedules",
    "models",
    "sde",
    "values",
    "gradients",
    "objectives",
    "training",
    "runs",
    "studio",
    "reporting",
    "cli",
)
"""Each may import those before it, never those behind it."""

TORCH_FREE = ("chem", "images", "rewards", "datasets", "evaluation")

MAY_IMPORT_INTEROP = {"interop", "runs", "cli"}

FOREIGN = {
    "ase": "molvm.interop.ase",
    "dgl": "molvm.interop.dgl",
    "openbabel": "molvm.chem.openbabel_worker",
    "py3Dmol": "molvm.interop.py3dmol",
}
"""The one module that may import each of these; that of Open Babel, which is under the GPL, runs by itself."""

BESIDE = {
    "chem": {"chem"},
    "images": {"images"},
    "rewards": {"chem", "images", "rewards"},
    "datasets": {"chem", "datasets"},
    "evaluation": {"chem", "images", "datasets", "rewards", "evaluation"},
    "interop": {"states", "models", "chem", "interop"},
}
"""What the packages beside the mathematics may import of molvm."""

TORCHLESS_MODULES = (
    "runs.comparison",
    "runs.contenders",
    "runs.scoring",
    "runs.config_file",
    "runs.store",
    "cli.app",
    "interop.ase",
    "interop.files",
    "interop.openbabel",
    "interop.py3dmol",
    *(f"{each}.{path.stem}" for each in ("studio", "reporting") for path in sorted((ROOT / each).glob("[a-z]*.py"))),
)

TORCH_STACK = {"torch", "torch_geometric", "diffusers", "transformers", "safetensors.torch"}

# A worker reads what its own parent has just written to a pipe, a Dask worker what a client of its scheduler has.
# Nothing that lies on a disk is unpickled but GEOM, which comes as pickles: when the user says so, in a process of its
# own, by a reader that calls nothing a pickle names.
MAY_UNPICKLE = {"molvm.rewards.messages", "molvm.datasets.inert_pickle"}

# Other people's checkpoints, in a process of its own, tensors and plain values alone.
MAY_LOAD_WEIGHTS = {"molvm.models.flowmol.published.read_checkpoint", "molvm.models.images.judges.weights"}

FILES = sorted(ROOT.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The second part of a dotted name: "models" of "molvm.models.hub"."""
    return module.split(".")[1] if "." in module else ""


def imports(path: Path, *, typing_too: bool) -> Iterator[str]:
    """The modules that a file imports anywhere, within functions too; those for type checkers alone if asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set() if typing_too else {id(node) for node in ast.walk(tree) if _is_type_checking(node)}
    yield from _imports(tree, hidden, module_name(path))


def _imports(node: ast.AST, hidden: set[int], module: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if id(child) in hidden:
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module} has a relative import"
            yield child.module or ""
        yield from _imports(child, hidden, module)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def inside(module: str) -> bool:
    return module == "molvm" or module.startswith("molvm.")


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_import_downwards_only(layer: str) -> None:
    above = set(LAYERS[LAYERS.index(layer) + 1 :])
    wrong = {
        (module_name(path), target)
        for path in FILES
        if part_of(module_name(path)) == layer
        for target in imports(path, typing_too=True)
        if inside(target) and part_of(target) in above
    }
    assert wrong == set()


def test_every_package_has_its_place() -> None:
    known = {*LAYERS, *BESIDE, *FOUNDATIONS, "weights", "__pycache__"}
    found = {path.stem if path.is_file() else path.name for path in ROOT.iterdir() if path.suffix in ("", ".py")}
    assert found - known - {"__init__", "__main__", "py"} == set()


@pytest.mark.parametrize("package", [*BESIDE, *FOUNDATIONS])
def test_packages_beside_import_what_they_may(package: str) -> None:
    for path in FILES:
        if part_of(module_name(path)) != package:
            continue
        for target in imports(path, typing_too=False):
            if package in (*TORCH_FREE, *FOUNDATIONS):
                assert not {target.split(".")[0], target} & TORCH_STACK, f"{path} imports {target}"
            if inside(target):
                assert part_of(target) in BESIDE.get(package, set()).union(FOUNDATIONS), f"{path} imports {target}"


def test_the_packages_of_others_are_imported_in_one_place() -> None:
    for path in FILES:
        module = module_name(path)
        for target in imports(path, typing_too=False):
            assert FOREIGN.get(target.split(".")[0], module) == module, f"{path} imports {target}"
            if inside(target) and part_of(target) == "interop":
                assert part_of(module) in MAY_IMPORT_INTEROP, f"{path} imports {target}"
        if module == FOREIGN["openbabel"]:
            assert not [target for target in imports(path, typing_too=True) if inside(target)]


@pytest.mark.parametrize("package", [*TORCH_FREE, *TORCHLESS_MODULES])
def test_torch_is_not_loaded_by(package: str) -> None:
    """What the import statements promise, seen in a fresh process."""
    program = f"import sys, molvm.{package}; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert f"molvm.{package}" in loaded
    assert not {name.split(".")[0] for name in loaded} & {"torch", "torch_geometric"}


RUNNERS = {"print", "eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load"}

PICKLERS = {"pickle", "cPickle", "dill", "joblib", "cloudpickle"}

UNPICKLERS = {"Unpickler", "_Unpickler"}
"""Also as the base of a class."""


def forbidden(source: str, module: str) -> Iterator[str]:
    """Every call in a source that runs code from data, hands a line to a shell, or prints."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in UNPICKLERS and module not in MAY_UNPICKLE:
            yield f"{module}:{node.lineno} names {ast.unparse(node)}"
        if not isinstance(node, ast.Call):
            continue
        first, *_, last = (name := ast.unparse(node.func)).split(".") * 2
        unpickles = first in PICKLERS and last in ("load", "loads", "Unpickler") and module not in MAY_UNPICKLE
        if name == "torch.load" and module in MAY_LOAD_WEIGHTS and loads_weights_only(node):
            continue
        if name in RUNNERS or unpickles:
            yield f"{module}:{node.lineno} calls {name}"
        for word in node.keywords:
            if word.arg in ("shell", "allow_pickle") and not is_false(word.value):
                yield f"{module}:{node.lineno} passes {word.arg}"


def loads_weights_only(call: ast.Call) -> bool:
    given = {word.arg: word.value for word in call.keywords}.get("weights_only")
    return isinstance(given, ast.Constant) and given.value is True


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_code_from_data_and_no_print(path: Path) -> None:
    assert list(forbidden(path.read_text(encoding="utf-8"), module_name(path))) == []


@pytest.mark.parametrize(
    "line",
    [
        "print(1)",
        "eval('1')",
        "torch.load('x')",
        "pickle.loads(b'')",
        "class Own(pickle.Unpickler): pass",
        "subprocess.run('ls', shell=True)",
        "np.load('x', allow_pickle=True)",
    ],
)
def test_the_law_finds_what_it_forbids(line: str) -> None:
    assert list(forbidden(line, "molvm.bad"))


def test_the_law_lets_the_rest_pass() -> None:
    assert not list(forbidden("re.compile('x'); json.loads('1'); subprocess.run(['ls'], shell=False)", "molvm.good"))
