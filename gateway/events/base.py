"""What every event is."""

import msgspec


class Event(msgspec.Struct, frozen=True, tag_field="type", kw_only=True):
    """The root of all events."""
