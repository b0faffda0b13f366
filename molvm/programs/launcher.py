"""Becomes another program that ends when the process that asked for it ends. A script; imports nothing of molvm.

python launcher.py PARENT PROGRAM [ARGUMENT ...]
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal this process gets when its parent dies. It survives exec."""


def main() -> None:
    """Tie this process to its parent, then become the program."""
    parent, argv = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It died before it could be listened for.
        os._exit(1)
    os.execvp(argv[0], argv)  # noqa: S606 - the user's own program, without a shell


if __name__ == "__main__":
    main()
