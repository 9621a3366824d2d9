"""The stand-in's books against a plain model, and the server's oddities one by one."""

from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.simulator.achivx_ledger import Ledger, Refusal
from gateway.simulator.gamification import UNLOCK, Gamification, read

NOW = "2027-01-01T12:00:00.000Z"
LATER = "2027-01-02T12:00:00.000Z"
CONFIG = b"""{
  "levels": [{"xp": 10, "reward": 2}, {"xp": 30, "reward": 0.5}],
  "actions": {
    "Earned": {"xp": 4, "reward": 0.1, "repeatable": true},
    "Tokens": {"repeatable": true, "trackActivity": false},
    "Once": {"xp": 1, "reward": 1}
  },
  "achievements": {
    "Thrice": {
      "type": "ActionBased", "actions": {"Earned": 1, "Tokens": -1}, "threshold": 3,
      "xp": 20, "reward": 5
    }
  },
  "leaderBoards": {
    "Best": {"type": "ActionBased", "actions": {"Earned": 1}, "size": 2},
    "Players": {"type": "ExperienceBased", "size": 2}
  },
  "experienceReduction": {"enabled": true}
}"""


@pytest.fixture
def ledger() -> Ledger:
    books = Ledger(read(CONFIG))
    books.upsert("ann", NOW)
    return books


def refused(
    ledger: Ledger,
    account: str,
    action: str,
    key: str | None,
    *,
    xp: int | None = None,
    reward: float | None = None,
) -> tuple[str, str]:
    """The answer to a CreateAction that is refused, after checking that it changed nothing."""
    before = ledger.snapshot()
    with pytest.raises(Refusal) as caught:
        ledger.create_action(account, action, key, NOW, xp=xp, reward=reward)
    assert ledger.snapshot() == before
    return caught.value.code, caught.value.details


def balance(ledger: Ledger, account: str = "ann") -> str:
    return str(ledger.accounts[account].balance)


def test_a_repeat_changes_nothing(ledger: Ledger) -> None:
    ledger.create_action("ann", "Earned", "k", NOW)
    already = ("ALREADY_EXISTS", "Action already exists")
    assert refused(ledger, "ann", "Earned", "k") == already
    assert refused(ledger, "ann", "Earned", "k", reward=9.0) == already
    ledger.create_action("ann", "Once", None, NOW)
    assert refused(ledger, "ann", "Once", None) == already


def test_the_same_key_elsewhere_pays_again(ledger: Ledger) -> None:
    ledger.upsert("bob", NOW)
    for account, action in (("ann", "Earned"), ("bob", "Earned"), ("ann", "Tokens")):
        ledger.create_action(account, action, "k", NOW, reward=1.0)
    assert (balance(ledger), balance(ledger, "bob")) == ("2", "1")


def test_without_the_index_a_repeat_pays_again(ledger: Ledger) -> None:
    ledger.index_missing = True
    for _ in range(2):
        ledger.create_action("ann", "Tokens", "k", NOW, reward=1.0)
    assert balance(ledger) == "2"


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        (("", "Earned", "k"), "INVALID_ARGUMENT", "Missing account ID"),
        (("ann", "", "k"), "INVALID_ARGUMENT", "Missing action name"),
        (("bob", "Nope", "k"), "NOT_FOUND", "Account not found"),
        (("ann", "Nope", "k"), "INVALID_ARGUMENT", "Unknown action name: Nope"),
        (("ann", "Earned", None), "INVALID_ARGUMENT", "repeatable but key is not provided"),
        (("ann", "Earned", ""), "INVALID_ARGUMENT", "repeatable but key is not provided"),
        (("ann", "Once", "k"), "INVALID_ARGUMENT", "not repeatable but key is provided"),
    ],
)
def test_refusals(ledger: Ledger, call: tuple[str, str, str | None], code: str, words: str) -> None:
    found, details = refused(ledger, *call)
    assert found == code
    assert words in details


def test_an_empty_key_slips_past_the_index_once(ledger: Ledger) -> None:
    ledger.create_action("ann", "Once", None, NOW)
    ledger.create_action("ann", "Once", "", NOW)
    assert balance(ledger) == "2"


def test_the_configured_reward_stays_exact(ledger: Ledger) -> None:
    ledger.create_action("ann", "Earned", "k", NOW)
    assert balance(ledger) == "0.1"


def test_balances_keep_the_databases_digits(ledger: Ledger) -> None:
    for key in ("1", "2"):
        ledger.create_action("ann", "Tokens", key, NOW, reward=0.25)
    assert balance(ledger) == "0.50"
    ledger.create_action("ann", "Tokens", "3", NOW, reward=float("inf"))
    assert balance(ledger) == "Infinity"


def test_what_is_taken_is_cut_to_the_balance(ledger: Ledger) -> None:
    ledger.create_action("ann", "Tokens", "1", NOW, reward=3.0)
    ledger.create_action("ann", "Tokens", "2", NOW, reward=-1.25)
    assert balance(ledger) == "1.75"
    ledger.create_action("ann", "Tokens", "3", NOW, reward=-5.0)
    ledger.create_action("ann", "Tokens", "4", NOW, reward=-5.0)
    assert Decimal(balance(ledger)) == 0
    assert [each.reward for each in ledger.actions] == [3.0, -1.25, -5.0, -5.0]
    assert len(ledger.payments) == 3


def test_experience_never_falls_below_zero(ledger: Ledger) -> None:
    ledger.create_action("ann", "Tokens", "1", NOW, xp=3)
    ledger.create_action("ann", "Tokens", "2", NOW, xp=-5)
    assert ledger.accounts["ann"].experience == 0


def test_negative_experience_without_any_fails_for_ever(ledger: Ledger) -> None:
    for _ in range(2):
        assert refused(ledger, "ann", "Tokens", "k", xp=-1)[0] == "UNKNOWN"


def test_a_reward_that_is_no_number_fails(ledger: Ledger) -> None:
    assert refused(ledger, "ann", "Tokens", "k", reward=float("nan"))[0] == "UNKNOWN"


def test_a_level_is_paid_the_first_time_only(ledger: Ledger) -> None:
    ledger.create_action("ann", "Tokens", "1", NOW, xp=10)
    assert ledger.snapshot()[0][0].level == 1
    assert balance(ledger) == "2"
    ledger.create_action("ann", "Tokens", "2", NOW, xp=-1)
    assert ledger.snapshot()[0][0].level == 0
    ledger.create_action("ann", "Tokens", "3", NOW, xp=1)
    assert balance(ledger) == "2"


def test_several_levels_at_once_are_one_payment(ledger: Ledger) -> None:
    ledger.create_action("ann", "Tokens", "1", NOW, xp=30)
    (payment,) = ledger.payments
    assert payment.amount == Decimal("2.5")
    assert ("levelupTo", "2") in payment.meta


def test_an_achievement_is_unlocked_once_and_pays(ledger: Ledger) -> None:
    for number in range(3):
        ledger.create_action("ann", "Earned", str(number), NOW)
    assert ledger.accounts["ann"].experience == 3 * 4 + 20
    assert Decimal(balance(ledger)) == Decimal("0.3") + 5 + 2 + Decimal("0.5")
    assert [each.key for each in ledger.actions if each.action == UNLOCK] == ["Thrice"]
    (progress,) = ledger.achievements("ann")
    assert (progress.progress, progress.unlocked_at) == (3, NOW)
    for number in range(3, 9):
        ledger.create_action("ann", "Earned", str(number), LATER)
    assert sum(each.action == UNLOCK for each in ledger.actions) == 1


def test_progress_counts_weights_and_stays_in_bounds(ledger: Ledger) -> None:
    ledger.create_action("ann", "Tokens", "1", NOW)
    (progress,) = ledger.achievements("ann")
    assert progress.progress == 0
    for number in range(3):
        ledger.create_action("ann", "Earned", str(number), NOW)
    (progress,) = ledger.achievements("ann")
    assert (progress.progress, progress.unlocked_at) == (2, "")


def test_activity(ledger: Ledger) -> None:
    def tracked(moment: str) -> str:
        with pytest.raises(Refusal) as caught:
            ledger.track("ann", moment)
        return caught.value.code

    assert tracked(LATER) == "ALREADY_EXISTS"  # never active
    ledger.create_action("ann", "Tokens", "1", NOW)
    assert ledger.accounts["ann"].last_active_at == ""
    ledger.create_action("ann", "Earned", "1", NOW)
    assert tracked(NOW) == "ALREADY_EXISTS"
    assert tracked("yesterday") == "UNKNOWN"
    assert ledger.track("ann", LATER).last_active_at == LATER


def test_boards_are_made_by_their_job(ledger: Ledger) -> None:
    with pytest.raises(Refusal, match="FAILED_PRECONDITION"):
        ledger.board("Best")
    with pytest.raises(Refusal, match="NOT_FOUND"):
        ledger.board("None such")
    with pytest.raises(Refusal, match="INVALID_ARGUMENT"):
        ledger.board("")
    for account, times in (("idle", 0), ("ann", 1), ("bob", 1), ("cid", 2)):
        ledger.upsert(account, NOW)
        for number in range(times):
            ledger.create_action(account, "Earned", str(number), NOW)
    ledger.run_boards(LATER)
    assert ledger.board("Best").leaders == (("ann", 1), ("bob", 1))
    assert ledger.board("Players").leaders == (("cid", 8), ("ann", 4))
    assert ledger.board("Best").updated_at == LATER


def test_an_account_needs_a_name(ledger: Ledger) -> None:
    with pytest.raises(Refusal, match="Missing account ID"):
        ledger.upsert("", NOW)
    with pytest.raises(Refusal, match="Missing account ID"):
        ledger.account("")


def test_levels_must_rise() -> None:
    with pytest.raises(ValueError, match="more xp"):
        read(b'{"levels": [{"xp": 10}, {"xp": 10}]}')


class Books(RuleBasedStateMachine):
    """Any order of calls leaves what a sum over the distinct ones would."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(Gamification(actions=dict(read(CONFIG).actions)))
        self.balances: dict[str, Decimal] = {}
        self.experience: dict[str, int] = {}
        self.keys: set[tuple[str, str]] = set()

    @rule(account=st.sampled_from("abc"))
    def upsert(self, account: str) -> None:
        self.ledger.upsert(account, NOW)
        self.balances.setdefault(account, Decimal(0))
        self.experience.setdefault(account, 0)

    @rule(
        account=st.sampled_from("abc"),
        key=st.sampled_from("123456"),
        quarters=st.integers(-40, 40),
        xp=st.integers(-5, 20),
    )
    def create(self, account: str, key: str, quarters: int, xp: int) -> None:
        expected = self.expected(account, key, xp)
        if expected is not None:
            with pytest.raises(Refusal, match=expected):
                self.ledger.create_action(account, "Tokens", key, NOW, xp=xp, reward=quarters / 4)
            return
        self.ledger.create_action(account, "Tokens", key, NOW, xp=xp, reward=quarters / 4)
        self.keys.add((account, key))
        self.experience[account] = max(0, self.experience[account] + xp)
        self.balances[account] = max(Decimal(0), self.balances[account] + Decimal(quarters) / 4)

    def expected(self, account: str, key: str, xp: int) -> str | None:
        """The code of the refusal that is due, None where none is."""
        if account not in self.balances:
            return "NOT_FOUND"
        if (account, key) in self.keys:
            return "ALREADY_EXISTS"
        return "UNKNOWN" if xp < 0 and self.experience[account] == 0 else None

    @invariant()
    def books_agree(self) -> None:
        accounts, actions = self.ledger.snapshot()
        assert {each.id: Decimal(each.balance) for each in accounts} == self.balances
        assert {each.id: each.experience for each in accounts} == self.experience
        assert len(actions) == len(self.keys)
        for each in accounts:
            paid = [
                payment.amount for payment in self.ledger.payments if payment.account == each.id
            ]
            assert sum(paid, Decimal(0)) == Decimal(each.balance)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
