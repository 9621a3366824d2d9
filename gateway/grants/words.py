"""What a word given at the counter may look like, pure: ids, accounts, reasons."""

from typing import Final

from gateway.errors import Refused

REQUEST_CHARS: Final = 64
ACCOUNT_CHARS: Final = 200
REASON_CHARS: Final = 200


def is_word(text: str, most: int) -> bool:
    """Whether it is printable and of a sane length: what goes to the server must be."""
    return 0 < len(text) <= most and text.isprintable() and text == text.strip()


def check_names(request: str, account: str | None) -> None:
    """A request's id, and the account that it is about.

    Raises:
        Refused: `bad_request`.
    """
    if not is_word(request, REQUEST_CHARS):
        raise Refused("bad_request", f"a request id has 1 to {REQUEST_CHARS} characters")
    if account is not None and not is_word(account, ACCOUNT_CHARS):
        raise Refused("bad_request", f"an account has 1 to {ACCOUNT_CHARS} characters")


def check_reason(reason: str) -> None:
    """Why somebody does what needs a reason.

    Raises:
        Refused: `no_reason`.
    """
    if not is_word(reason, REASON_CHARS):
        raise Refused("no_reason", f"say why, in 1 to {REASON_CHARS} characters")
