"""HTML from templates in which everything that is put in is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(template: Path, **values: Any) -> str:
    """The text of a template, filled in.

    Every value is escaped as HTML, and as JSON by `| tojson` within a script, unless it is Jinja's `Markup`.

    Args:
        template: The file.
        values: What it names; a name that is not given is an error.
    """
    return _environment(template.parent).get_template(template.name).render(**values)


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def policy(scripts: Sequence[str]) -> str:
    """A content security policy under which exactly these inline scripts run, and nothing is loaded from elsewhere."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def svg_address(svg: str) -> str:
    """A drawing as the address of an image, in which no script runs."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def png_address(png: bytes) -> str:
    """A PNG file as the address of an image."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
