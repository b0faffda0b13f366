"""A network whose blocks are compiled: fewer passes over the memory, for those who draw or train for long."""

from __future__ import annotations

import os
import shutil
from typing import Final

from molvm.datasets.home import data_home
from molvm.errors import MissingDependencyError
from molvm.models.flowmol.network import FlowMolNetwork

COMPILERS: Final = ("g++", "clang++")
CACHE_VARIABLE: Final = "TORCHINDUCTOR_CACHE_DIR"


def compile_blocks(network: FlowMolNetwork) -> None:
    """Have torch compile the convolutions and the updates of pairs when they are first used, in place.

    That takes half a minute for one shape and as much again for all others; what was compiled is kept in molvm's own
    folder, or where TORCHINDUCTOR_CACHE_DIR says. Results differ by rounding.

    Args:
        network: A frozen network on a CPU.

    Raises:
        MissingDependencyError: There is no C++ compiler.
    """
    if not any(shutil.which(name) for name in (os.environ.get("CXX", COMPILERS[0]), *COMPILERS)):
        raise MissingDependencyError(
            "g++",
            None,
            "Compiling the base model",
            remedy="a C++ compiler (Debian: apt install g++)",
        )
    os.environ.setdefault(CACHE_VARIABLE, str(data_home() / "compiled"))
    for block in (*network.conv_layers, *network.edge_updaters):
        block.compile(dynamic=True)
