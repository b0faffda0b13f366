"""`molvm doctor`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from molvm.cli.answer import Json, answer


def doctor(as_json: Json = False) -> None:
    """Check the installation: versions, engines, models, extras. Paste the output into a bug report."""
    from molvm.runs.diagnosis import diagnose

    found = []
    for finding in diagnose():
        found.append(finding)
        if not as_json:
            typer.echo(f"{'ok ' if finding.ok else 'BAD'}  {finding.topic:<20} {finding.text}")
    if as_json:
        answer([asdict(finding) for finding in found], "", as_json=True)
    if not all(finding.ok for finding in found):
        raise typer.Exit(1)
