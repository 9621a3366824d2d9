"""The faults that stand: recorded as they come and go, and only then."""

from gateway.events import AnyEvent, FaultCleared, FaultRaised
from gateway.faults import Faults


def test_a_fault_is_recorded_as_it_comes_changes_and_goes() -> None:
    log: list[AnyEvent] = []
    faults = Faults(log.append)
    for words in ("unplugged", "unplugged", "mute", None, None):
        faults.set("transmitter/main", words)
    assert log == [
        FaultRaised(part="transmitter/main", words="unplugged"),
        FaultRaised(part="transmitter/main", words="mute"),
        FaultCleared(part="transmitter/main"),
    ]
    assert faults.words("transmitter/main") is None


def test_what_stands_is_told_in_the_order_of_its_parts() -> None:
    faults = Faults(lambda _: None)
    faults.set("transmitter/main", "unplugged")
    faults.set("button/exit", "the line is stuck")
    assert faults.sentences() == (
        "button/exit: the line is stuck",
        "transmitter/main: unplugged",
    )
    assert faults.standing() == {
        "transmitter/main": "unplugged",
        "button/exit": "the line is stuck",
    }
    assert faults.has("button/")
    assert not faults.has("journal")


def test_a_look_at_some_parts_replaces_what_it_said_before() -> None:
    log: list[AnyEvent] = []
    faults = Faults(log.append)
    faults.set("journal", "the disk is full")
    faults.replace("input/", {"input/a": "cut", "input/b": "stuck"})
    log.clear()
    faults.replace("input/", {"input/b": "stuck", "input/c": "cut"})
    assert log == [FaultCleared(part="input/a"), FaultRaised(part="input/c", words="cut")]
    assert faults.words("journal") == "the disk is full"


def test_a_watcher_hears_of_it_after_it_was_recorded() -> None:
    log: list[tuple[str, AnyEvent]] = []
    faults = Faults(lambda event: log.append(("recorded", event)))
    faults.set("journal", "before anybody watched")
    log.clear()
    faults.watch(lambda event: log.append(("heard", event)))
    faults.set("journal", None)
    assert log == [(how, FaultCleared(part="journal")) for how in ("recorded", "heard")]
