"""Where outcomes that were paid for are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal, overload

from molvm.datasets.home import data_home
from molvm.rewards.cache import OutcomeCache

FOLDER_VARIABLE: Final = "MOLVM_OUTCOMES"


@overload
def kept_outcomes(wanted: Literal[True] = True) -> OutcomeCache: ...


@overload
def kept_outcomes(wanted: bool) -> OutcomeCache | None: ...


def kept_outcomes(wanted: bool = True) -> OutcomeCache | None:
    """The folder named by the environment variable ``MOLVM_OUTCOMES``, else `outcomes` in molvm's own.

    Args:
        wanted: Otherwise there is none, and everything is computed.
    """
    if not wanted:
        return None
    named = os.environ.get(FOLDER_VARIABLE)
    return OutcomeCache(Path(named).expanduser() if named else data_home() / "outcomes")
