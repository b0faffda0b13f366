"""A molecule file that tries to be run, rendered or followed wherever its texts are shown."""

from __future__ import annotations

from pathlib import Path

TEXTS = (
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=2>",
    "[link](javascript:window.hacked=3)",
    "../../../../etc/passwd",
    "$$\\href{javascript:window.hacked=4}{x}$$",
    "</iframe><svg onload=window.hacked=5>",
)

BLOCK = """\
{title}
  hostile

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.1173 O   0  0
    0.0000    0.7572   -0.4692 H   0  0
    0.0000   -0.7572   -0.4692 H   0  0
  1  2  1  0
  1  3  1  0
M  END
>  <{name}>
{value}

>  <SMILES>
{value}

$$$$
"""


def write_hostile(path: Path) -> Path:
    """Water under every name."""
    blocks = [BLOCK.format(title=text, name=text.replace(">", ""), value=text) for text in TEXTS]
    path.write_text("".join(blocks), encoding="utf-8")
    return path
