"""When the set-up access point opens, gives way and closes: by example, on a clock that is set."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway.host.access_point import (
    GRACE_S,
    LOOK_S,
    LOST_S,
    RETRY_S,
    START_S,
    STAY_S,
    Keeper,
    Move,
    Seen,
    Watch,
    is_set_up,
)
from gateway.host.network import Network
from gateway.setup.messages import SetupStep, StepState
from gateway.setup.progress import Progress


def seen(
    *, own: bool = False, online: bool = False, wifi: bool = False, phone: bool = False,
    over: bool = False,
) -> Seen:  # fmt: skip
    return Seen(is_open=own, is_online=online, knows_wifi=wifi, has_phone=phone, is_set_up=over)


class TestWatch:
    def test_a_cable_or_a_wifi_has_45_seconds(self) -> None:
        watch = Watch()
        assert watch.decide(seen(), 0) is None
        assert watch.decide(seen(), START_S - 1) is None
        assert watch.decide(seen(), START_S) is Move.OPEN

    def test_a_network_that_was_there_has_longer(self) -> None:
        watch = Watch()
        assert watch.decide(seen(online=True, wifi=True, over=True), 0) is None
        lost = seen(wifi=True, over=True)
        assert watch.decide(lost, 100) is None
        assert watch.decide(lost, 100 + LOST_S - 1) is None
        assert watch.decide(lost, 100 + LOST_S) is Move.OPEN

    def test_a_box_without_a_radio_is_asked_seldom(self) -> None:
        watch = Watch()
        watch.decide(seen(), 0)
        assert watch.decide(seen(), START_S) is Move.OPEN
        assert watch.decide(seen(), START_S + RETRY_S - 1) is None
        assert watch.decide(seen(), START_S + RETRY_S) is Move.OPEN

    @pytest.mark.parametrize("over", [False, True])
    def test_the_shops_wifi_is_tried_again_and_again(self, *, over: bool) -> None:
        watch = Watch()
        alone = seen(own=True, wifi=True, over=over)
        for began in (0.0, 500.0):
            assert watch.decide(alone, began) is None
            assert watch.decide(alone, began + RETRY_S - 1) is None
            assert watch.decide(alone, began + RETRY_S) is Move.TRY

    def test_not_while_a_phone_is_there(self) -> None:
        watch = Watch()
        with_phone = seen(own=True, wifi=True, phone=True)
        for now_s in range(0, 3 * int(STAY_S), 60):
            assert watch.decide(with_phone, now_s) is None
        left_s = 3 * STAY_S - 60
        assert watch.decide(seen(own=True, wifi=True), left_s + RETRY_S - 1) is None
        assert watch.decide(seen(own=True, wifi=True), left_s + RETRY_S) is Move.TRY

    def test_a_phone_that_stays_after_set_up_holds_it_up_for_a_while(self) -> None:
        watch = Watch()
        with_phone = seen(own=True, wifi=True, phone=True, over=True)
        assert watch.decide(with_phone, 0) is None
        assert watch.decide(with_phone, STAY_S - 1) is None
        assert watch.decide(with_phone, STAY_S) is Move.TRY

    def test_nothing_is_tried_where_nothing_is_known(self) -> None:
        watch = Watch()
        for now_s in range(0, 3 * int(STAY_S), 60):
            assert watch.decide(seen(own=True), now_s) is None

    def test_it_closes_where_a_cable_brings_a_network(self) -> None:
        watch = Watch()
        watch.decide(seen(own=True), 0)
        assert watch.decide(seen(own=True, online=True), RETRY_S - 1) is None
        assert watch.decide(seen(own=True, online=True), RETRY_S) is Move.CLOSE

    def test_set_up_over_a_phone_is_not_cut_off_by_a_cable(self) -> None:
        watch = Watch()
        for now_s in range(0, 3 * int(STAY_S), 60):
            assert watch.decide(seen(own=True, online=True, phone=True), now_s) is None

    def test_it_closes_when_set_up_is_over_and_stays_closed(self) -> None:
        watch = Watch()
        watch.decide(seen(own=True, online=True, phone=True), 0)
        finished = seen(own=True, online=True, phone=True, over=True)
        assert watch.decide(finished, 10) is None
        assert watch.decide(finished, 10 + GRACE_S - 1) is None
        assert watch.decide(finished, 10 + GRACE_S) is Move.CLOSE
        assert watch.decide(finished, 11 + GRACE_S) is Move.CLOSE  # as often as it needs
        for now_s in range(60, 3 * int(STAY_S), 60):
            assert watch.decide(seen(online=True, over=True), now_s) is None

    def test_it_stays_where_nothing_else_leads_to_the_page(self) -> None:
        watch = Watch()
        watch.decide(seen(own=True, phone=True), 0)
        for now_s in range(10, 3 * int(STAY_S), 60):
            assert watch.decide(seen(own=True, phone=True, over=True), now_s) is None

    def test_then_it_closes_for_a_cable_as_it_does_at_any_time(self) -> None:
        watch = Watch()
        watch.decide(seen(own=True, phone=True), 0)
        for now_s in (10, 10 + GRACE_S):
            assert watch.decide(seen(own=True, phone=True, over=True), now_s) is None
        with_cable = seen(own=True, online=True, phone=True, over=True)
        assert watch.decide(with_cable, 100) is None  # somebody is at the page
        gone = seen(own=True, online=True, over=True)
        assert watch.decide(gone, 100 + RETRY_S - 1) is None
        assert watch.decide(gone, 100 + RETRY_S) is Move.CLOSE

    def test_where_the_shops_wifi_is_not_there_at_the_end_it_is_tried_on(self) -> None:
        watch = Watch()
        watch.decide(seen(own=True, wifi=True, phone=True), 0)
        over = seen(own=True, wifi=True, over=True)
        assert watch.decide(over, 10) is None
        assert watch.decide(over, 10 + GRACE_S) is None
        assert watch.decide(over, RETRY_S) is Move.TRY

    def test_one_that_was_opened_after_set_up_does_not_close_for_it(self) -> None:
        watch = Watch()
        watch.decide(seen(over=True), 0)
        assert watch.decide(seen(over=True), START_S) is Move.OPEN
        for now_s in range(60, 3 * int(STAY_S), 60):
            assert watch.decide(seen(own=True, over=True), now_s) is None

    def test_one_that_its_owner_closed_stays_closed(self) -> None:
        watch = Watch()
        watch.decide(seen(own=True, over=True), 0)
        for now_s in range(60, 3 * int(STAY_S), 60):
            assert watch.decide(seen(over=True), now_s) is None
        assert watch.decide(seen(online=True, over=True), 4 * STAY_S) is None
        watch.decide(seen(over=True), 5 * STAY_S)
        assert watch.decide(seen(over=True), 5 * STAY_S + LOST_S) is Move.OPEN

    def test_one_that_closed_for_a_cable_is_back_when_that_is_pulled_out(self) -> None:
        """Also before anybody has looked again: only its owner closes it to stay closed."""
        watch = Watch()
        watch.decide(seen(own=True, over=True), 0)
        assert watch.decide(seen(own=True, online=True, over=True), RETRY_S) is Move.CLOSE
        assert watch.decide(seen(over=True), RETRY_S + LOOK_S) is None
        assert watch.decide(seen(over=True), RETRY_S + LOOK_S + START_S) is Move.OPEN

    def test_set_up_that_ends_elsewhere_closes_no_later_one(self) -> None:
        watch = Watch()
        watch.decide(seen(online=True), 0)
        watch.decide(seen(online=True, over=True), 10)
        assert watch.decide(seen(own=True, over=True), 20) is None
        assert watch.decide(seen(own=True, over=True), 20 + GRACE_S) is None


class Shop:
    """A box's NetworkManager with one radio, a cable, a shop's router and a phone."""

    def __init__(self, profiles: Path) -> None:
        self.profiles = profiles
        self.has_router = False
        self.has_cable = False
        self.has_radio = True
        self.has_manager = True
        self.phones = 0
        self.radio = ""
        self.now_s = 0.0

    def run(self, words: Sequence[str | Path], _: float) -> tuple[int, str]:
        match [str(word) for word in words]:
            case ["nmcli", *_, "general"]:
                return (0, "running\n") if self.has_manager else (8, "not running\n")
            case ["nmcli", *_, "connection", "show", "--active"]:
                return 0, "".join(self._active())
            case ["nmcli", _, "connection", "up", "id", name]:
                return self._up(name)
            case ["nmcli", "connection", "down", "id", name]:
                return self._down(name)
            case ["nmcli", "connection", "load", place]:
                return 0 if Path(place).exists() else 1, ""
            case ["busctl", *_, "Interfaces"]:
                return 0, '{"type":"ao","data":["/wpa/0"]}\n'
            case ["busctl", *_, "/wpa/0", "fi.w1.wpa_supplicant1.Interface", "Stations"]:
                return 0, json.dumps({"type": "ao", "data": ["/wpa/0/s"] * self.phones})
            case other:
                raise AssertionError(other)

    def _active(self) -> Iterator[str]:
        yield "loopback:activated:lo\n"
        if self.has_cable:
            yield "802-3-ethernet:activated:Wired connection 1\n"
        if self.radio:
            yield f"802-11-wireless:activated:{self.radio}\n"

    def _up(self, name: str) -> tuple[int, str]:
        self.radio = ""  # whatever it was, it gives way
        if not self.has_radio or (name == "shop" and not self.has_router):
            return 4, "Error: no network with this name.\n"
        self.radio = name
        return 0, ""

    def _down(self, name: str) -> tuple[int, str]:
        if self.radio == name:
            self.radio = ""
        return 0, ""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    profiles = tmp_path / "connections"
    profiles.mkdir()
    return Shop(profiles)


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    return tmp_path / "setup.json"


@pytest.fixture
def keeper(shop: Shop, setup: Path) -> Keeper:
    network = Network(shop.profiles, setup.with_name("secret"), shop.run)
    return Keeper(network, setup, lambda: shop.now_s)


def let_pass(shop: Shop, keeper: Keeper, seconds: float) -> None:
    """Look as often as the service does in this time."""
    for _ in range(int(seconds / LOOK_S)):
        keeper.look()
        shop.now_s += LOOK_S


class TestKeeper:
    @pytest.fixture(autouse=True)
    def _finished(self, setup: Path) -> None:
        Progress(setup).finish()

    def know_wifi(self, shop: Shop) -> None:
        (shop.profiles / "shop.nmconnection").touch()

    def test_after_a_power_cut_the_router_may_take_its_time(
        self, shop: Shop, keeper: Keeper
    ) -> None:
        self.know_wifi(shop)
        let_pass(shop, keeper, 60)
        assert shop.radio == "achivx-setup"
        let_pass(shop, keeper, 1000)
        assert shop.radio == "achivx-setup"
        shop.has_router = True
        let_pass(shop, keeper, RETRY_S + LOOK_S)
        assert shop.radio == "shop"
        let_pass(shop, keeper, 1000)
        assert shop.radio == "shop"

    def test_a_switch_too(self, shop: Shop, keeper: Keeper) -> None:
        let_pass(shop, keeper, 60)
        assert shop.radio == "achivx-setup"
        shop.has_cable = True
        let_pass(shop, keeper, RETRY_S + LOOK_S)
        assert shop.radio == ""

    def test_whoever_is_at_it_is_not_sent_away(self, shop: Shop, keeper: Keeper) -> None:
        self.know_wifi(shop)
        let_pass(shop, keeper, 60)
        shop.phones, shop.has_router = 1, True
        let_pass(shop, keeper, 1000)
        assert shop.radio == "achivx-setup"
        shop.phones = 0
        let_pass(shop, keeper, RETRY_S + LOOK_S)
        assert shop.radio == "shop"

    def test_without_a_radio_it_goes_on_looking_and_says_so_once(
        self, shop: Shop, keeper: Keeper, caplog: pytest.LogCaptureFixture
    ) -> None:
        shop.has_radio = False
        let_pass(shop, keeper, 1000)
        said = "no access point can be opened: Error: no network with this name."
        assert [each.getMessage() for each in caplog.records] == [
            f"the set-up access point: {said}"
        ]
        shop.has_radio = True
        let_pass(shop, keeper, RETRY_S)
        assert shop.radio == "achivx-setup"

    def test_without_a_manager_until_it_runs(self, shop: Shop, keeper: Keeper) -> None:
        shop.has_manager = False
        let_pass(shop, keeper, 100)
        assert shop.radio == ""
        shop.has_manager = True
        let_pass(shop, keeper, 100)
        assert shop.radio == "achivx-setup"


class TestTheEndOfSetUp:
    def test_closes_it_whatever_the_gateway_does_meanwhile(
        self, shop: Shop, keeper: Keeper, setup: Path
    ) -> None:
        """The file is all it takes: nobody has to ask, and no request can be lost."""
        let_pass(shop, keeper, 60)
        shop.phones, shop.has_cable = 1, True
        let_pass(shop, keeper, 60)
        assert shop.radio == "achivx-setup"
        Progress(setup).finish()
        let_pass(shop, keeper, GRACE_S)
        assert shop.radio == "achivx-setup"
        let_pass(shop, keeper, 2 * LOOK_S)
        assert shop.radio == ""
        let_pass(shop, keeper, 1000)
        assert shop.radio == ""

    def test_locks_nobody_out_where_there_is_no_network(
        self, shop: Shop, keeper: Keeper, setup: Path
    ) -> None:
        let_pass(shop, keeper, 60)
        shop.phones = 1
        let_pass(shop, keeper, 60)
        Progress(setup).finish()
        let_pass(shop, keeper, 1000)
        assert shop.radio == "achivx-setup"
        shop.phones = 0
        let_pass(shop, keeper, 1000)
        assert shop.radio == "achivx-setup"
        shop.has_cable = True
        let_pass(shop, keeper, RETRY_S + LOOK_S)
        assert shop.radio == ""

    def test_is_what_the_gateway_keeps(self, setup: Path) -> None:
        assert not is_set_up(setup)
        progress = Progress(setup)
        progress.set(SetupStep.SHOP, StepState.DONE)
        assert not is_set_up(setup)
        progress.finish()
        assert is_set_up(setup)

    @pytest.mark.parametrize("text", [b"", b"[]", b'{"finished":1}', b"[" * 5000, b"\xff"])
    def test_is_not_what_a_damaged_file_says(self, setup: Path, text: bytes) -> None:
        setup.write_bytes(text)
        assert not is_set_up(setup)

    def test_a_pipe_in_its_place_holds_nobody_up(self, setup: Path) -> None:
        os.mkfifo(setup)
        assert not is_set_up(setup)
