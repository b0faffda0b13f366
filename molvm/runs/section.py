"""What every group of settings of a run is."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

PositiveFloat = Annotated[FiniteFloat, Field(gt=0)]


class Section(BaseModel):
    """A group of settings; unknown ones are refused, and none changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)
