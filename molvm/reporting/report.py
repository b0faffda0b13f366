"""`molvm.report`: one HTML file about a run that needs nothing else."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from molvm.arguments import typed
from molvm.chem.viewing import scripts, style
from molvm.durable import published, require_writable
from molvm.errors import ConfigError
from molvm.evaluation.labels import NOTES
from molvm.reporting import figures, provenance, tables
from molvm.reporting.evidence import MOST_EXAMINED, Evidence, collect
from molvm.reporting.exhibits import exhibits, image_grid, picture_of
from molvm.runs.config_file import config_text
from molvm.runs.manifest import now
from molvm.studio.markup import rounded
from molvm.studio.path_weights import of_path_weights
from molvm.templates import policy, rendered, svg_address

if TYPE_CHECKING:
    from molvm.images import Image
    from molvm.runs.run import Run

FOLDER: Final = Path(__file__).parent / "page"

DEFAULT_NAME: Final = "report.html"
"""In the run's directory."""

DEFAULT_COUNT: Final = 12
"""Molecules or images that are shown."""


@typed()
def report(
    run: Run | Path | str,
    out: Path | str | None = None,
    *,
    count: int = DEFAULT_COUNT,
    pairs: Image | None = None,
    overwrite: bool = False,
) -> Path:
    """Write what was asked of a run and what came of it as one HTML file, which opens offline and prints.

    Args:
        run: The run, or its directory.
        out: The file; `report.html` in the run's directory by default.
        count: How many of the best samples to show.
        pairs: Images of the base above those of the run, `molvm.runs.image_pairs.image_pairs(run, 16).grid()`, to be
            shown too.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The file.

    Raises:
        ConfigError: The number of samples is not positive.
        InputFileError: There is no run, it is damaged, or no round is finished.
        MissingDependencyError: matplotlib is not installed.
        OutputExistsError: The file exists, or cannot be written.
    """
    if count < 1:
        raise ConfigError(f"The number of samples to show is {count}.", allowed="a whole number from 1")
    figures.require_figures()
    path = Path(run) if isinstance(run, str | Path) else run.path
    evidence = collect(path, count)
    target = path / DEFAULT_NAME if out is None else Path(out)
    require_writable(target, overwrite=overwrite)
    text = page(evidence, pairs)
    with published(target, overwrite=overwrite) as part:
        part.write_text(text, encoding="utf-8")
    return target


def page(evidence: Evidence, pairs: Image | None = None) -> str:
    """The whole page, with images of base and run from the same noise if there are some."""
    from markupsafe import Markup

    molecules = evidence.manifest.makes == "molecules"
    code = (*scripts(), _own_script()) if molecules else ()
    return rendered(
        FOLDER / "report.html.j2",
        **_contents(evidence),
        pairs=picture_of(pairs) if pairs is not None else "",
        policy=policy(code),
        scripts=[Markup(script) for script in code],  # noqa: S704 - files of this package
        style=Markup(style() + (FOLDER / "report.css").read_text(encoding="utf-8")),  # noqa: S704
    )


@cache
def _own_script() -> str:
    return (FOLDER / "report.js").read_text(encoding="utf-8")


def _contents(evidence: Evidence) -> dict[str, Any]:
    """Everything that the template names."""
    manifest, config, groups = evidence.manifest, evidence.config, evidence.groups
    summaries = evidence.summaries()
    spread = evidence.spread
    divergence = tables.divergence_rows(evidence)
    shown = exhibits(evidence.best, manifest.unit) if manifest.makes == "molecules" else []
    return {
        "evidence": evidence,
        "manifest": manifest,
        "config": config,
        "groups": groups,
        "relative_strength": None if spread is None else rounded(spread * config.training.strength),
        "headline": tables.headline_rows(groups, manifest.unit),
        "figures": _figures(evidence, summaries),
        "exhibits": shown,
        "scenes": [each.scene for each in shown],
        "grid": image_grid(evidence.best) if manifest.makes == "images" else "",
        "validity": tables.validity_groups(summaries) if summaries else [],
        "notes": NOTES,
        "most": MOST_EXAMINED,
        "divergence": divergence,
        "path_weights": of_path_weights(manifest.makes) if any("¹" in label for label, _ in divergence) else "",
        "diversity": tables.diversity_rows(groups) if summaries else [],
        "failures": tables.failure_rows(groups),
        "own_settings": provenance.own_settings(config),
        "settings": config_text(config),
        "sessions": provenance.sessions(evidence),
        "commands": provenance.commands(evidence),
        "made": now(),
        "version": version("molvm"),
    }


def _figures(evidence: Evidence, summaries: Any) -> dict[str, tuple[str, str] | None]:
    """Name to the address of the drawing and what it shows."""
    drawn = {
        "curves": figures.curves(evidence),
        "rewards": figures.reward_distribution(evidence.groups, evidence.manifest.unit),
        "properties": figures.property_distributions(summaries),
        "nats": figures.reward_for_nats(evidence),
    }
    return {name: None if one is None else (svg_address(one.svg), one.text) for name, one in drawn.items()}
