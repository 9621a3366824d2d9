import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sync.answers import (
    AchivxError,
    ActionRule,
    AlreadyRecorded,
    NoAccount,
    Rejected,
    Retry,
    Unauthenticated,
    check_action,
    is_exact,
    refusal,
)

RULES = {
    "Earned": ActionRule(xp=2, reward=1.0, repeatable=True),
    "Once": ActionRule(xp=2, reward=0.0, repeatable=False),
    "Fined": ActionRule(xp=-2, reward=0.0, repeatable=True),
}
CODES = (
    "CANCELLED",
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
)


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        ("ALREADY_EXISTS", "Action already exists", AlreadyRecorded),
        ("NOT_FOUND", "Account not found", NoAccount),
        ("INVALID_ARGUMENT", "Unknown action name: Nope", Rejected),
        ("UNAUTHENTICATED", "Invalid authentication token", Unauthenticated),
    ],
)
def test_the_servers_own_words_decide(code: str, details: str, kind: type[AchivxError]) -> None:
    assert type(refusal(code, details)) is kind


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "details", ["", "action already exists", "Action already exists.", "HostUnreachable: closed"]
)
def test_every_other_answer_is_tried_again(code: str, details: str) -> None:
    error = refusal(code, details)
    assert isinstance(error, Retry)
    assert error.code == code
    assert str(error) == f"{code}: {details}"


@pytest.mark.parametrize("code", [code for code in CODES if code != "ALREADY_EXISTS"])
def test_the_words_of_success_under_another_code_prove_nothing(code: str) -> None:
    assert isinstance(refusal(code, "Action already exists"), Retry)


def test_long_details_are_cut() -> None:
    assert len(str(refusal("INTERNAL", "x" * 10_000))) < 400


@given(st.integers(-(2**24) + 1, 2**24 - 1))
def test_whole_numbers_below_the_limit_are_exact(whole: int) -> None:
    assert is_exact(whole)


@given(st.integers(-(2**23), 2**23))
def test_quarters_are_exact_where_a_float32_has_them(quarters: int) -> None:
    assert is_exact(quarters / 4)


@given(st.floats(width=64))
def test_an_exact_reward_arrives_as_it_was_sent(reward: float) -> None:
    if is_exact(reward):
        assert struct.unpack("<f", struct.pack("<f", reward)) == (reward,)
        assert (reward * 4).is_integer()
        assert abs(reward) < 2**24


@pytest.mark.parametrize(
    "reward", [0.1, 1 / 3, 2.0**24, -(2.0**24), 2.0**23 + 0.25, float("inf"), float("nan")]
)
def test_a_reward_that_would_arrive_as_another_is_rejected(reward: float) -> None:
    with pytest.raises(Rejected, match="multiple of 1/4"):
        check_action(RULES, "shop", "Earned", "k", xp=None, reward=reward)


@pytest.mark.parametrize("reward", [None, 0.0, 0.25, -12.75, 2**24 - 1])
@pytest.mark.parametrize("xp", [None, 0, 2**31 - 1])
def test_what_the_server_takes_passes(reward: float | None, xp: int | None) -> None:
    check_action(RULES, "Лавка №1", "Earned", "box/1/42", xp=xp, reward=reward)


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "ключ", "a\n", "\x7f"])
def test_a_key_is_short_ascii(key: str) -> None:
    with pytest.raises(Rejected, match="key"):
        check_action(RULES, "shop", "Earned", key, xp=None, reward=None)


@pytest.mark.parametrize("account", ["", "a\x00b", "\ud800"])
def test_an_account_is_printable_text(account: str) -> None:
    with pytest.raises(Rejected, match="account"):
        check_action(RULES, account, "Earned", "k", xp=None, reward=None)


@pytest.mark.parametrize(("action", "xp"), [("Earned", -1), ("Earned", 2**31), ("Fined", None)])
def test_negative_experience_is_rejected_even_when_it_is_the_servers_own(
    action: str, xp: int | None
) -> None:
    with pytest.raises(Rejected, match="experience"):
        check_action(RULES, "shop", action, "k", xp=xp, reward=None)


@pytest.mark.parametrize(
    ("action", "words"), [("Once", "not repeatable"), ("constructor", "not configured")]
)
def test_only_configured_repeatable_actions(action: str, words: str) -> None:
    with pytest.raises(Rejected, match=words) as caught:
        check_action(RULES, "shop", action, "k", xp=None, reward=None)
    assert isinstance(caught.value, ValueError)
