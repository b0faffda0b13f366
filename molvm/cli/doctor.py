"""`molvm doctor`."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Check the installation: versions, engines, models, extras. Paste the output into a bug report."""
    from molvm.runs.diagnosis import diagnose

    healthy = True
    for finding in diagnose():
        healthy = healthy and finding.ok
        typer.echo(f"{'ok ' if finding.ok else 'BAD'}  {finding.topic:<20} {finding.text}")
    if not healthy:
        raise typer.Exit(1)
