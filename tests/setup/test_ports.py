from pathlib import Path

from gateway.setup import ports
from gateway.setup.ports import Port, merge


def test_usb_ports_stand_under_paths_that_last() -> None:
    usb = {"/dev/ttyUSB1": "FT232R USB UART", "/dev/ttyUSB0": "RFXtrx433"}
    links = {"/dev/ttyUSB0": "/dev/serial/by-id/usb-RFXCOM_RFXtrx433_A1-if00-port0"}
    assert merge(usb, links, ["/dev/serial0"]) == (
        Port(links["/dev/ttyUSB0"], "RFXtrx433", "ev1527:rfxtrx433"),
        Port("/dev/ttyUSB1", "FT232R USB UART"),
        Port("/dev/serial0", "serial0"),
    )


def test_a_name_that_only_the_link_tells_is_known_too() -> None:
    links = {"/dev/ttyACM0": "/dev/serial/by-id/usb-MMDVM_HS_Hat-if00"}
    (port,) = merge({"/dev/ttyACM0": "STM32"}, links, [])
    assert port.driver == "mmdvm"


def test_a_simulated_shop_offers_its_own_equipment_alone(tmp_path: Path) -> None:
    assert ports.list_all(tmp_path / "none") == ()
    (tmp_path / "radio").touch()
    assert ports.list_all(tmp_path) == (Port(str(tmp_path / "radio"), "radio"),)


def test_this_machines_ports_can_be_listed() -> None:
    assert all(port.path.startswith("/dev/") for port in ports.list_all(None))
