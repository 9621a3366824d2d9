"""Who a customer is, pure: from what was typed or scanned to an account on ACHIVX."""

import re
from typing import Final

import msgspec

from gateway.config import CustomerKind, Customers
from gateway.errors import Refused

TYPED_CHARS: Final = 200
_ACCOUNT_CHARS: Final = 200
_GAPS: Final = re.compile(r"[\s‐‑‒–—−-]+")
_PHONE: Final = re.compile(r"\+?[0-9 ().‐‑‒–—−\s-]+")
_PHONE_DIGITS: Final = range(7, 16)  # ITU-T E.164: 15 at most, the country code with them


class Customer(msgspec.Struct, frozen=True):
    """A customer who was named.

    Attributes:
        kind: What they were named by, of `[[customers.kinds]]`.
        account: Their account on ACHIVX.
        shown: What was typed, in its plain form.
    """

    kind: str
    account: str
    shown: str


class CustomerRule:
    """Reads customers as one shop has configured it.

    Args:
        config: Kinds of names, in the order in which they are tried, and how phones are written.
    """

    def __init__(self, config: Customers) -> None:
        self._config: Final = config
        self._patterns: Final = [(kind, re.compile(kind.pattern)) for kind in config.kinds]

    def read(self, typed: str) -> Customer:
        """Who it is.

        Raises:
            Refused: `no_customer_rule` where none is configured, `unknown_customer` where none
                fits.
        """
        if not self._patterns:
            raise Refused(
                "no_customer_rule",
                "the settings do not say how a customer is named: add [[customers.kinds]]",
            )
        found = self.find(typed)
        if found is None:
            names = ", ".join(kind.name for kind, _ in self._patterns)
            raise Refused("unknown_customer", f"this is none of: {names}; please compare it")
        return found

    def find(self, typed: str) -> Customer | None:
        """Who it is, or None."""
        text = typed.strip()
        if not 0 < len(text) <= TYPED_CHARS or not text.isprintable():
            return None
        matches = (self._match(kind, pattern, text) for kind, pattern in self._patterns)
        return next((found for found in matches if found is not None), None)

    def account(self, customer: str | None, account: str | None) -> str | None:
        """The account that a request names, by itself or by its customer.

        Raises:
            Refused: As `read`, or `bad_request` where both are given.
        """
        if customer is None:
            return account
        if account is not None:
            raise Refused("bad_request", "name the customer or the account, not both")
        return self.read(customer).account

    def _match(self, kind: CustomerKind, pattern: re.Pattern[str], text: str) -> Customer | None:
        for form in self._forms(kind, text):
            found = pattern.fullmatch(form)
            if found is not None:
                account = kind.account.format(found[0], *found.groups(""))
                if 0 < len(account) <= _ACCOUNT_CHARS:
                    return Customer(kind.name, account, form)
        return None

    def _forms(self, kind: CustomerKind, text: str) -> tuple[str, ...]:
        """As it was scanned first: a dash may be part of it. Then without the gaps people type."""
        if kind.phone:
            number = international(text, self._config)
            return () if number is None else (number,)
        return (text, _GAPS.sub("", text))


def international(text: str, config: Customers) -> str | None:
    """A phone as `+` and its digits (ITU-T E.164), or None where it is none.

    A number without `+` or `00` is a national one, unless it has just as many digits as one that
    begins with the country code.
    """
    if not _PHONE.fullmatch(text):
        return None
    digits = "".join(each for each in text if each in "0123456789")
    if text.startswith("+"):
        number = digits
    elif digits.startswith("00"):
        number = digits[2:]
    else:
        number = _with_country(digits, config)
    fine = len(number) in _PHONE_DIGITS and not number.startswith("0")
    return f"+{number}" if fine else None


def _with_country(digits: str, config: Customers) -> str:
    """Empty where it is no number of this country."""
    country, trunk, wanted = config.country, config.trunk, config.national_digits
    if country is None:
        return ""
    if wanted is None:
        return country + digits.removeprefix(trunk)
    if digits.startswith(country) and len(digits) == len(country) + wanted:
        return digits
    if digits.startswith(trunk) and len(digits) == len(trunk) + wanted:
        digits = digits.removeprefix(trunk)
    return country + digits if len(digits) == wanted else ""


def account_problem(kind: CustomerKind) -> str | None:
    """What is wrong with the template of an account, None for nothing or a broken pattern."""
    try:
        groups = re.compile(kind.pattern).groups
    except (re.error, OverflowError, RecursionError):
        return None
    try:
        named = kind.account.format(*("x" * (groups + 1)))
    except (IndexError, KeyError, ValueError, AttributeError):
        return f"a template with {{0}} for the whole of it, up to {{{groups}}}; a brace is doubled"
    fixed = named == kind.account.format(*("y" * (groups + 1)))
    return "a template with {0} or a group: this is one account for everybody" if fixed else None
