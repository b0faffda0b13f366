from __future__ import annotations

import pytest

from molvm import rewards
from molvm.errors import RewardError, UnknownNameError
from molvm.rewards import dipole, make_reward, qed, register, reward_names
from molvm.rewards.registry import _FACTORIES, _SHIPPED


def test_shipped_rewards_are_there_and_declare_themselves() -> None:
    assert {"qed", "dipole"} <= set(reward_names())
    assert make_reward("qed") == qed()
    assert (make_reward("dipole").unit, make_reward("dipole").floor, make_reward("dipole").direction) == (
        "D",
        0.0,
        "maximise",
    )


def test_what_an_expression_may_name_python_has_under_the_same_name() -> None:
    """Also where a module of the package has that name too."""
    for factory in _SHIPPED:
        assert getattr(rewards, factory.__name__) is factory
        assert factory.__name__ in rewards.__all__


def test_unknown_names_get_the_nearest_spelling() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'dipole'"):
        make_reward("dipol")


def test_users_can_add_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.rewards.registry._FACTORIES", dict(_FACTORIES))
    register("mine", dipole)
    assert make_reward("mine") == dipole()
    with pytest.raises(RewardError, match="taken"):
        register("mine", qed)
    register("mine", qed, replace=True)
    assert make_reward("mine") == qed()
    with pytest.raises(RewardError):
        register("", qed)
