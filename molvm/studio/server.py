"""Streamlit's own command line, with the studio being warmed up beside it: `python -m molvm.studio.server run ...`."""

from __future__ import annotations

import sys


def main() -> None:
    """Serve; it ends as Streamlit does."""
    from streamlit.web.cli import main as serve

    from molvm.studio.warming import warm_up_beside

    warm_up_beside()
    sys.argv[0] = "streamlit"
    serve(prog_name="streamlit")


if __name__ == "__main__":
    main()
