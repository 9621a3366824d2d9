"""One contact: from the raw level of its line to "closed since" and "open since"."""

from typing import Final

from gateway.clock import NS_PER_S

NS_PER_MS: Final = NS_PER_S // 1000

# Contacts bounce for a few milliseconds when they open; nobody presses twice within this.
SETTLE_NS: Final = 30 * NS_PER_MS


class Contact:
    """A contact that closes after `glitch_ns` of a stable level and opens after `SETTLE_NS`.

    Both times are counted back to the edge that began the stable level. Until it has opened for
    good it is closed, whatever it does in between: that is the lock-out.

    Args:
        glitch_ns: How long a level must last to be a closed contact; 0 closes at the edge.

    Attributes:
        raw: Whether the line is at its pressed level right now.
        raw_since_ns: Since when it is at that level.
        latest_ns: The last edge or the last deadline that was met: nothing can come before it.
        closed: The contact's settled state.
        since_ns: The edge that began the settled state.
    """

    def __init__(self, glitch_ns: int) -> None:
        self._glitch_ns: Final = glitch_ns
        self._open_ns: Final = max(glitch_ns, SETTLE_NS)
        self.raw = False
        self.raw_since_ns = 0
        self.latest_ns = 0
        self.closed = False
        self.since_ns = 0

    def begin(self, *, active: bool, at_ns: int) -> None:
        """Take the level that was there before anybody looked; it is settled at once."""
        self.raw = self.closed = active
        self.raw_since_ns = self.since_ns = self.latest_ns = at_ns

    def edge(self, *, active: bool, at_ns: int) -> int | None:
        """Take one edge. A level that the line has already changes nothing.

        Args:
            active: Whether the line went to its pressed level.
            at_ns: When; never before `latest_ns`.

        Returns:
            The leading edge of the spike that this edge ended, None when it ended none.
        """
        self.latest_ns = at_ns
        if active == self.raw:
            return None
        began_ns, self.raw, self.raw_since_ns = self.raw_since_ns, active, at_ns
        return began_ns if not active and not self.closed else None

    @property
    def closing(self) -> bool:
        """Whether the line is at its pressed level and has yet to prove that it is no spike."""
        return self.raw and not self.closed

    @property
    def deadline_ns(self) -> int | None:
        """When the raw level becomes the settled one, None when it is already."""
        if self.raw == self.closed:
            return None
        return self.raw_since_ns + (self._glitch_ns if self.raw else self._open_ns)

    def settle(self, deadline_ns: int) -> None:
        """The deadline has come: the raw level is the settled one."""
        self.latest_ns = deadline_ns
        self.closed, self.since_ns = self.raw, self.raw_since_ns

    def held_at(self, at_ns: int) -> bool:
        """Whether the contact was closed at a moment since its last closing."""
        if not self.closed or at_ns < self.since_ns:
            return False
        return self.raw or self.raw_since_ns > at_ns
