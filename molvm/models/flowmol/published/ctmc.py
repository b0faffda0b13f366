"""The settings of a published FlowMol over tokens: FlowMol-CTMC (version 2) and FlowMol3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from molvm.errors import ModelError
from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.published.checkpoint import Checkpoint
from molvm.models.flowmol.published.settings import network_sizes, priors, refuse, schedule_kinds

PARAMETERISATION: Final = "ctmc"
MASKED: Final = {"x": "centered-normal", "a": "ctmc", "c": "ctmc", "e": "ctmc"}

ABSENT: Final[Mapping[str, tuple[Any, ...]]] = {
    "exclude_charges": (None, False),
    "attention": (None, False),
    "use_dst_feats": (None, False),
    "s_message_dim": (None,),
    "v_message_dim": (None,),
    "continuous_inv_temp_schedule": (None,),
}
"""Parts that upstream's code has and no published model uses, and what says that they are not there."""


def ctmc_config(checkpoint: Checkpoint) -> CtmcConfig:
    """The shape of the network, from the settings that training recorded.

    Raises:
        ModelError: The classes do not begin masked, a schedule is not linear, or the network has a part that is not
            known here.
        KeyError: A setting is missing.
    """
    settings = checkpoint.settings
    if priors(settings) != MASKED or schedule_kinds(settings) != {"linear"}:
        raise refuse(checkpoint.path, settings)
    recorded = settings["vector_field_config"]
    for name, allowed in ABSENT.items():
        if recorded.get(name, settings.get(name)) not in allowed:
            raise ModelError(
                f"The model in {checkpoint.path} was trained with {name} = {recorded.get(name, settings.get(name))!r}.",
                allowed=f"a network without {name}, as all published ones are",
            )
    if not is_flowmol3(settings):
        return CtmcConfig(n_bonds=int(settings.get("n_bond_types", 5)), **network_sizes(settings))
    types, charges, bonds = (int(recorded.get(f"{key}_token_dim") or 0) for key in "ace")
    return CtmcConfig(
        n_bonds=5 if settings["explicit_aromaticity"] else 4,
        time_last=True,
        time_features=int(recorded.get("time_embedding_dim") or 1),
        token_widths=(types, charges, bonds),
        fake_atoms=float(settings.get("fake_atom_p") or 0.0) > 0,
        self_conditioning=bool(recorded.get("self_conditioning", False)),
        **network_sizes(settings),
    )


def is_flowmol3(settings: Mapping[str, Any]) -> bool:
    """Whether a model is of version 3, which alone records how it treats aromatic bonds."""
    return "explicit_aromaticity" in settings


def chain_options(checkpoint: Checkpoint, published: Mapping[str, Any]) -> ChainOptions:
    """How the model is sampled: as its authors do where they say so, else as it was during its training.

    Args:
        checkpoint: Its settings have what was used in training.
        published: What the authors sample the published model with instead.

    Raises:
        ConfigError: A recorded number is out of range.
    """
    recorded = checkpoint.settings["vector_field_config"]
    return ChainOptions(
        # Upstream counts times, we count the steps between them; from one time there would be no step at all.
        steps=max(1, int(_recorded(checkpoint.settings, "default_n_timesteps", 250)) - 1),
        sampler=_recorded(recorded, "dfm_type", "campbell"),
        eta=float(_recorded(recorded, "stochasticity", 0.0)),
        hc_thresh=float(_recorded(recorded, "high_confidence_threshold", 0.0)),
        temperature=_recorded(recorded, "cat_temperature_schedule", 0.05),
    ).changed(**published)


def _recorded(settings: Mapping[str, Any], name: str, default: Any) -> Any:
    """A setting; upstream's default where there is none, or None."""
    value = settings.get(name)
    return default if value is None else value
