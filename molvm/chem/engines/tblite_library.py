"""Loads tblite with a fast linear algebra.

The wheel of tblite 0.8 brings the reference BLAS and LAPACK, which take half of the time of a single point. The wheel
of gfnff brings OpenBLAS. Here tblite's extension is loaded through a directory of links in which OpenBLAS lies where
the reference libraries would. Only tblite gets to see it so: loaded for the whole process, OpenBLAS would also be
found by torch, whose complex products then come out wrong.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

EXTENSION = "tblite._libtblite"

REFERENCE = ("libblas-", "liblapack-")
"""How the wheel names its reference libraries."""


def interface() -> Any:
    """The module `tblite.interface`, with OpenBLAS where that can be done and as installed where not."""
    if "tblite" not in sys.modules:
        load_with_openblas()
    import tblite.interface

    return tblite.interface


def failures() -> tuple[type[Exception], ...]:
    """What tblite raises when it fails, or is asked for what it does not have."""
    interface()
    from tblite.exceptions import TBLiteRuntimeError, TBLiteValueError

    return TBLiteRuntimeError, TBLiteValueError


def load_with_openblas() -> ModuleType | None:
    """Load tblite's extension with the OpenBLAS of gfnff.

    Returns:
        The extension; None where tblite or gfnff do not come as Linux wheels that bring their own libraries.
    """
    package = importlib.util.find_spec("tblite")
    if package is None or package.origin is None:
        return None
    site = Path(package.origin).parents[1]
    extension = next(site.glob("tblite/_libtblite*.so"), None)
    openblas = next(site.glob("gfnff.libs/libopenblas*.so"), None)
    brought = [path for folder in ("tblite.libs", "gfnff.libs") for path in site.glob(f"{folder}/*")]
    replaced = [path for path in brought if path.name.startswith(REFERENCE)]
    if extension is None or openblas is None or not replaced:
        return None
    with tempfile.TemporaryDirectory(prefix="molvm-tblite-") as name:
        # The extension looks for its libraries in ../tblite.libs, as seen from where it was opened.
        links = Path(name) / "tblite.libs"
        links.mkdir()
        for path in brought:
            (links / path.name).symlink_to(openblas if path in replaced else path)
        opened = Path(name) / "tblite" / extension.name
        opened.parent.mkdir()
        opened.symlink_to(extension)
        return _loaded(opened)


def _loaded(path: Path) -> ModuleType | None:
    """The extension opened under that path; None if the linker does not find all that it needs."""
    loader = ExtensionFileLoader(EXTENSION, str(path))
    try:
        module = importlib.util.module_from_spec(ModuleSpec(EXTENSION, loader, origin=str(path)))
        loader.exec_module(module)
    except ImportError:
        return None
    sys.modules[EXTENSION] = module
    return module
