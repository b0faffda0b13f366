"""What the first pages of a server would wait for, done while it starts: imports, and the process that relaxes."""

from __future__ import annotations

import logging
from threading import Thread

from molvm.rewards.base import Outcome

logger = logging.getLogger(__name__)


def warm_up_beside() -> Thread:
    """Warm up in a thread, which ends with the process."""
    thread = Thread(target=warm_up, name="warming up", daemon=True)
    thread.start()
    return thread


def warm_up() -> Outcome | None:
    """Look at methane as the pages do.

    Returns:
        What has come of it; None where that cannot be done here: the page that needs it will say why.
    """
    try:
        return _look_at_methane()
    except Exception:
        logger.debug("The studio has not been warmed up.", exc_info=True)
        return None


def _look_at_methane() -> Outcome:
    import altair as alt
    import pandas as pd
    import pyarrow.parquet  # noqa: F401 - for what runs have recorded

    alt.Chart(pd.DataFrame({"x": [0.0]})).mark_line().encode(x="x:Q").to_dict()
    from molvm.chem.depiction import drawing
    from molvm.chem.molecule import Molecule
    from molvm.studio import molecule_table, shelf  # noqa: F401 - for the tables of molecules
    from molvm.studio.closeup import Closeup
    from molvm.studio.judging import shared_judge
    from molvm.studio.properties import property_rows

    methane = Molecule.from_smiles("C")
    promise = shared_judge().ask(Closeup(), methane)
    drawing(methane, 100, 100)
    property_rows({}, methane, None, "")
    return promise.result()
