"""The errors of the gateway.

GatewayError
├── ConfigError(ValueError)     a configuration that says what is wrong, all of it
├── LineError(OSError)          the serial line or socket to a transmitter is gone
├── JournalError(OSError)       the journal cannot keep what it was given
├── Refused(Exception)          a request that was understood and will not be done; has a code
└── CannotStart(RuntimeError)   the daemon or a command cannot begin; says what to do
"""


class GatewayError(Exception):
    """The root: anything the gateway says about itself in words for a person."""


class LineError(GatewayError, OSError):
    """The serial line or socket to a transmitter cannot be used."""


class JournalError(GatewayError, OSError):
    """The journal cannot keep what it was given."""


class CannotStart(GatewayError, RuntimeError):
    """The daemon or a command cannot begin; the message says what to do about it."""


class Refused(GatewayError):
    """A request that was understood and will not be done.

    Attributes:
        code: A short stable word for programs, e.g. `unknown_alert`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
