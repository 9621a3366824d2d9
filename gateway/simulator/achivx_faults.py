"""What can go wrong with the ACHIVX server, each seen on the real one, for tests to order."""

from typing import Final

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One CreateAction that does not end as it should.

    Attributes:
        code: The gRPC status code's name that is answered.
        details: The words that go with it.
        commits: Whether the action is recorded all the same.
    """

    code: str
    details: str
    commits: bool


# The answer is lost after the commit.
CUT_OFF: Final = Fault("UNAVAILABLE", "Connection dropped", commits=True)
UNKNOWN_AFTER_COMMIT: Final = Fault("UNKNOWN", "Unable to commit: no answer", commits=True)
# Nothing is recorded.
UNREACHABLE: Final = Fault("UNAVAILABLE", "No connection established", commits=False)
WRITE_CONFLICT: Final = Fault("UNKNOWN", "Write conflict during plan execution", commits=False)
# The database's error numbers 6, 7, 8, 9, 13 and 14, read as gRPC codes.
LEAKED: Final = (
    Fault("ALREADY_EXISTS", "HostUnreachable: connection closed", commits=False),
    Fault("PERMISSION_DENIED", "HostNotFound: no such host", commits=False),
    Fault("RESOURCE_EXHAUSTED", "UnknownError", commits=False),
    Fault("FAILED_PRECONDITION", "FailedToParse", commits=False),
    Fault("INTERNAL", "Unauthorized: command insert requires authentication", commits=False),
    Fault("UNAVAILABLE", "TypeMismatch", commits=False),
)
FALSE_ALREADY_EXISTS: Final = LEAKED[0]
