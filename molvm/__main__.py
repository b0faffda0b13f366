"""`python -m molvm`."""

from molvm.cli import main

main()
