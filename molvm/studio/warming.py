"""What the first pages of a server would wait for, done while it starts: imports, and the process that relaxes."""

from __future__ import annotations

import logging
import math
import time
from threading import Thread
from typing import Final

from molvm.rewards.base import Outcome

PAUSE: Final = 2.0
"""Seconds between what every page needs and what the page *Molecule* does: whoever opens one at once comes first."""

logger = logging.getLogger(__name__)


def warm_up_beside() -> Thread:
    """Warm up in a thread, which ends with the process."""
    thread = Thread(target=warm_up, args=(PAUSE,), name="warming up", daemon=True)
    thread.start()
    return thread


def warm_up(pause: float = 0.0) -> Outcome | None:
    """Look at methane as the pages do.

    Args:
        pause: Seconds to wait after the first half.

    Returns:
        What has come of it; None where that cannot be done here: the page that needs it will say why.
    """
    try:
        return _look_at_methane(pause)
    except Exception:
        logger.debug("The studio has not been warmed up.", exc_info=True)
        return None


def _look_at_methane(pause: float) -> Outcome:
    import altair as alt
    import pandas as pd
    import pyarrow.parquet  # noqa: F401 - for what runs have recorded

    alt.Chart(pd.DataFrame({"x": [0.0]})).mark_line().encode(x="x:Q").to_dict()
    from molvm.chem.depiction import drawing
    from molvm.chem.molecule import Molecule
    from molvm.studio import molecule_table, shelf  # noqa: F401 - for the tables of molecules

    time.sleep(pause)
    from molvm.studio.closeup import Closeup
    from molvm.studio.judging import shared_judge
    from molvm.studio.properties import property_rows

    methane = Molecule.from_smiles("C")
    promise = shared_judge().ask(Closeup(), methane, math.inf)
    drawing(methane, 100, 100)
    property_rows({}, methane, None, "")
    return promise.result()
