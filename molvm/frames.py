"""Tables for pandas, where it is installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from molvm.errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd


def data_frame(rows: Iterable[Mapping[str, Any]], columns: list[str] | None = None) -> pd.DataFrame:
    """A pandas table of the rows.

    Args:
        rows: One mapping from column to value each.
        columns: Their order, and what an empty table has.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingDependencyError("pandas", "pandas", "A data frame") from error
    return pandas.DataFrame(list(rows), columns=columns)
