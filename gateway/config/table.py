"""What every table of gateway.toml is."""

import msgspec


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The root of every table of the file."""
