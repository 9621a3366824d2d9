"""Who a customer is: cards, phones, codes, and what is none of them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import CustomerKind, Customers
from gateway.customers.rule import Customer, CustomerRule, account_problem, international
from gateway.errors import Refused

CARD = CustomerKind(name="card", pattern="29[0-9]{6}", account="card:{0}")
PHONE = CustomerKind(name="phone", phone=True, pattern=r"\+7([0-9]{10})", account="phone:7{1}")
CODE = CustomerKind(name="app", pattern="achivx:([a-z0-9-]+)", account="{1}")
RUSSIA = Customers(kinds=(CARD, PHONE, CODE), country="7", trunk="8", national_digits=10)
GERMANY = Customers(country="49", trunk="0")
RULE = CustomerRule(RUSSIA)


def why_not(typed: str, rule: CustomerRule = RULE) -> str:
    with pytest.raises(Refused) as refused:
        rule.read(typed)
    assert str(refused.value)
    return refused.value.code


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("29123456", Customer("card", "card:29123456", "29123456")),
        (" 2912 3456\n", Customer("card", "card:29123456", "29123456")),
        ("29-12-34-56", Customer("card", "card:29123456", "29123456")),
        ("8 (916) 123-45-67", Customer("phone", "phone:79161234567", "+79161234567")),
        ("+7 916 123 45 67", Customer("phone", "phone:79161234567", "+79161234567")),
        ("79161234567", Customer("phone", "phone:79161234567", "+79161234567")),
        ("9161234567", Customer("phone", "phone:79161234567", "+79161234567")),
        ("achivx:zoe-1", Customer("app", "zoe-1", "achivx:zoe-1")),  # its dash is its own
    ],
)
def test_what_people_type_and_scanners_read(typed: str, expected: Customer) -> None:
    assert RULE.read(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "2912345",
        "291234567",
        "29123456x",
        "916123456",
        "+49 30 1234567",
        "29\x001",
        "2" * 500,
    ],
)
def test_what_fits_nothing_says_what_would(typed: str) -> None:
    assert why_not(typed) == "unknown_customer"
    with pytest.raises(Refused, match="card, phone, app"):
        RULE.read(typed)


def test_a_shop_without_a_rule_says_so() -> None:
    assert why_not("29123456", CustomerRule(Customers())) == "no_customer_rule"


def test_the_first_kind_that_fits_is_taken() -> None:
    wide = CustomerKind(name="any", pattern=".+", account="any:{0}")
    assert CustomerRule(Customers(kinds=(CARD, wide))).read("29123456").kind == "card"
    assert CustomerRule(Customers(kinds=(wide, CARD))).read("29123456").kind == "any"


def test_a_request_names_the_account_once() -> None:
    assert RULE.account(None, "zoe") == "zoe"
    assert RULE.account(None, None) is None
    assert RULE.account("29123456", None) == "card:29123456"
    with pytest.raises(Refused, match="not both"):
        RULE.account("29123456", "zoe")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("030 1234567", "+49301234567"),
        ("0049 30 1234567", "+49301234567"),
        ("+49 (30) 1234567", "+49301234567"),
        ("0", None),
        ("+1234567890123456", None),  # 16 digits
        ("12a4567890", None),
    ],
)
def test_numbers_of_any_length_where_none_is_configured(typed: str, expected: str | None) -> None:
    assert international(typed, GERMANY) == expected


def test_without_a_country_only_international_numbers_are_phones() -> None:
    assert international("030 1234567", Customers()) is None
    assert international("+49301234567", Customers()) == "+49301234567"


@given(
    st.from_regex("[1-9][0-9]{9}", fullmatch=True).filter(str.isascii), st.text(" -().", max_size=4)
)
def test_a_phone_is_one_however_it_is_written(digits: str, gaps: str) -> None:
    written = [f"+7{digits}", f"8{digits}", f"007{digits}", f"{digits[:3]}{gaps}{digits[3:]}"]
    found = {international(each, RUSSIA) for each in written}
    assert found == {f"+7{digits}"}


@given(st.text(max_size=60))
def test_any_text_at_all_is_a_customer_or_refused(typed: str) -> None:
    found = RULE.find(typed)
    assert found is None or found.account.startswith(("card:", "phone:7")) or found.kind == "app"


@pytest.mark.parametrize(
    ("pattern", "account", "wrong"),
    [
        ("[0-9]+", "card:{0}", None),
        ("([0-9])([0-9]+)", "{2}-{1}", None),
        ("[0-9]+", "card:{1}", "up to {0}"),
        ("[0-9]+", "card:{name}", "up to {0}"),
        ("[0-9]+", "card:{", "up to {0}"),
        ("[0-9]+", "everybody", "one account for everybody"),
    ],
)
def test_templates_are_judged_before_a_customer_stands_there(
    pattern: str, account: str, wrong: str | None
) -> None:
    problem = account_problem(CustomerKind(name="x", pattern=pattern, account=account))
    assert problem is None if wrong is None else wrong in (problem or "")


@given(st.text(string.ascii_letters + "{}!:.0123", max_size=12))
def test_no_template_breaks_the_check(account: str) -> None:
    kind = CustomerKind(name="x", pattern="([0-9]+)", account=account)
    if account_problem(kind) is None:
        assert CustomerRule(Customers(kinds=(kind,))).find("12") is not None
