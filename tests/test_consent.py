"""Who is shown on leader boards."""

from gateway.config import Staff
from gateway.consent import Consent


def test_only_who_agrees_is_shown() -> None:
    consent = Consent(
        [
            Staff(name="Anna", account="anna", leaderboard=True),
            Staff(name="Boris", account="boris"),
            Staff(name="Clara", leaderboard=True),
            Staff(name="till 1", account="tills", leaderboard=True),
            Staff(name="till 2", account="tills"),
        ]
    )
    shown = ["anna", "boris", "tills", "of-another-shop", ""]
    assert [account for account in shown if consent.may_show(account)] == ["anna"]


def test_an_account_is_told_by_the_names_of_those_who_agree() -> None:
    consent = Consent(
        [
            Staff(name="Anna", account="anna", leaderboard=True),
            Staff(name="Boris", account="boris"),
            Staff(name="till 1", account="tills", leaderboard=True),
            Staff(name="till 2", account="tills", leaderboard=True),
            Staff(name="Zoe", leaderboard=True),
        ]
    )
    assert consent.name_of("anna") == "Anna"
    assert consent.name_of("tills") == "till 1, till 2"
    assert [consent.name_of(each) for each in ("boris", "elsewhere", "")] == ["", "", ""]


def test_nobody_agrees_by_saying_nothing() -> None:
    assert not Staff(name="Anna").leaderboard
