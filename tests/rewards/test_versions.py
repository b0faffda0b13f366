from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from molvm.rewards.versions import versions_of


def test_each_package_with_its_version() -> None:
    assert versions_of("rdkit", "molvm") == (f"rdkit {version('rdkit')}", f"molvm {version('molvm')}")
    with pytest.raises(PackageNotFoundError):
        versions_of("no-such-package")
