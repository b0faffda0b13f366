"""Whether a file can be the published model whose name it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from molvm.digests import sha256_of
from molvm.errors import ModelError
from molvm.models.flowmol.published import ctmc, gaussian
from molvm.models.flowmol.published.catalogue import PUBLISHED, Kind
from molvm.models.flowmol.published.checkpoint import Checkpoint
from molvm.models.flowmol.published.settings import parameterisation, refuse

REMEDY: Final = "the published file; or, if this is another model, another name for it: --name NAME"


def require_published_file(name: str, path: Path) -> None:
    """Refuse a file under the name of a published model whose digest is known and is another one.

    Args:
        name: What the model is to be called; names that nobody has published are free.
        path: The checkpoint. It is hashed, not opened.

    Raises:
        ModelError: It is another file.
    """
    known = PUBLISHED.get(name)
    if known is None or known.sha256 is None:
        return
    # The size first: it needs no reading.
    if known.size is not None and path.stat().st_size != known.size:
        found = f"it has {path.stat().st_size} bytes, not {known.size}"
    elif (digest := sha256_of(path)) != known.sha256:
        found = f"its SHA-256 is {digest}"
    else:
        return
    raise ModelError(
        f"{path} is not the published model {name}: {found}.",
        allowed=f"{known.file} of {known.url(name)}, {known.known()}",
        remedy=REMEDY,
    )


def require_published_kind(name: str, checkpoint: Checkpoint) -> None:
    """Refuse a model under the name of a published one whose digest is not known and that it cannot be.

    Args:
        name: What the model is to be called; names that nobody has published are free.
        checkpoint: What its file holds.

    Raises:
        ModelError: It is of another kind, or knows other elements.
        KeyError: A setting is missing.
    """
    known = PUBLISHED.get(name)
    if known is None or known.sha256 is not None:
        return
    kind, elements = kind_of(checkpoint), checkpoint.settings["atom_type_map"]
    if kind != known.kind or set(elements) != set(known.elements):
        raise ModelError(
            f"{checkpoint.path} cannot be the published model {name}: it is of the kind {kind} and knows the elements "
            f"{', '.join(map(str, elements))}.",
            allowed=f"a model of the kind {known.kind} with the elements {', '.join(known.elements)}",
            remedy=REMEDY,
        )


def kind_of(checkpoint: Checkpoint) -> Kind:
    """Which of the published kinds a model is of.

    Raises:
        ModelError: None of them.
        KeyError: A setting is missing.
    """
    recorded = parameterisation(checkpoint)
    if recorded == gaussian.PARAMETERISATION:
        return "gaussian"
    if recorded != ctmc.PARAMETERISATION:
        raise refuse(checkpoint.path, checkpoint.settings)
    return "flowmol3" if ctmc.is_flowmol3(checkpoint.settings) else "ctmc"
