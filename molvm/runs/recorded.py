"""A run as it lies on the disk, read only and without torch."""

from __future__ import annotations

from dataclasses import dataclass

from molvm.runs.config import RunConfig
from molvm.runs.config_file import load_config
from molvm.runs.directory import RunDirectory
from molvm.runs.manifest import Manifest
from molvm.runs.store import RunStore


@dataclass(frozen=True)
class RecordedRun:
    """What a run has recorded.

    Args:
        name: What it is called among others.
        directory: Where it lies.
    """

    name: str
    directory: RunDirectory

    @property
    def manifest(self) -> Manifest:
        """Versions, model, reward and history, read anew.

        Raises:
            InputFileError: It cannot be read.
        """
        return Manifest.load(self.directory.manifest)

    @property
    def config(self) -> RunConfig:
        """The settings, read anew.

        Raises:
            InputFileError: They cannot be read.
            ConfigError: They are no settings.
        """
        return load_config(self.directory.config)

    @property
    def process(self) -> str:
        """Number and kind of the steps from noise to data, of which the law of the base depends a little."""
        sampling = self.config.sampling
        return f"{sampling.steps} steps, {sampling.transition}"

    @property
    def store(self) -> RunStore:
        """Its metrics and samples."""
        return RunStore(self.directory, self.manifest.reward, makes=self.manifest.makes)
