"""How the documentation is built: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from molvm.rewards.description import manual, summary
from molvm.rewards.registry import reward_names

project = "molvm"
author = "The molvm developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "molvm"
html_static_path: list[str] = []
exclude_patterns = ["_build", "_generated"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f6f78", "color-brand-content": "#1f6f78"},
    "dark_css_variables": {"color-brand-primary": "#6fc3cc", "color-brand-content": "#6fc3cc"},
}


def rewards_reference() -> str:
    """All registered rewards, as Markdown: a table, then how each is written and all that it says of itself."""
    names = reward_names()
    table = ["| Reward | What it measures |", "|---|---|"]
    table += [
        f"| [`{name}`](#{name.replace('_', '-')}) | {summary(name).replace('|', chr(92) + '|')} |" for name in names
    ]
    parts = [f"## {name}\n\n```text\n{manual(name)}\n```" for name in names]
    return "\n".join(table) + "\n\n" + "\n\n".join(parts) + "\n"


def _write_reference(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "_generated"
    folder.mkdir(exist_ok=True)
    (folder / "rewards.md").write_text(rewards_reference(), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """The reference is written before the pages are read."""
    app.connect("builder-inited", _write_reference)
