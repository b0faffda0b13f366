"""`python -m molvm.cli`."""

from __future__ import annotations

from molvm.cli import main

if __name__ == "__main__":
    main()
