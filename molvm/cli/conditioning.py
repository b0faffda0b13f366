"""Options that say what a base model of images is to show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Prompts = Annotated[
    Path | None, typer.Option(help="File with a prompt on each line, for base models that draw what a text says.")
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Classes of images by name or number: 207,otter, or a file with one on each line.", show_default="all"
    ),
]
GuidanceScale = Annotated[
    float | None,
    typer.Option(help="Of classifier-free guidance, in training and sampling; 1 is none.", show_default="1"),
]
