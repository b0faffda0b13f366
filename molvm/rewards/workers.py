"""What `--workers` means: processes of this machine, or a Dask cluster."""

from __future__ import annotations

from molvm.errors import ConfigError
from molvm.rewards.cluster.address import ALLOWED_ADDRESSES, DaskAddress

Workers = int | str
"""A number of processes, or the address of a Dask scheduler."""

ALLOWED = f"a whole number, 1 or more, or {ALLOWED_ADDRESSES}"


def read_workers(given: Workers) -> Workers:
    """The workers as they are kept in settings: a number as a number, an address as it was given.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(given, str) and not given.strip().isdecimal():
        DaskAddress.read(given)
        return given
    if isinstance(given, bool) or int(given) < 1:
        raise ConfigError(f"The number of workers is {given}.", allowed=ALLOWED)
    return int(given)
