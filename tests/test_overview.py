"""What `status` says of the journal's room."""

from gateway.journal.retention import Room
from gateway.overview import room_words


def test_there_is_nothing_to_say_while_there_is_room() -> None:
    assert room_words(Room(used_bytes=1, limit_bytes=9)) == {
        "journal/room": None,
        "journal/disk": None,
    }


def test_a_bound_that_is_reached_is_a_fault_that_says_what_to_do() -> None:
    words = room_words(Room(reached=True))
    assert "no grant can be issued" in (words["journal/room"] or "")
    assert "journal.max_bytes" in (words["journal/room"] or "")
    assert words["journal/disk"] is None


def test_a_short_disk_is_another() -> None:
    words = room_words(Room(disk_short=True))
    assert words["journal/room"] is None
    assert "no grant can be issued" in (words["journal/disk"] or "")
