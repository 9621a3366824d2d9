"""What is allowed in gateway.toml and probably not meant: warnings, never a reason not to start."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.config import AchivxUplink, Inputs, MqttUplink, Step
from gateway.config.decode import Note, did_you_mean, shown
from gateway.config.lines import KeyPath
from gateway.config.reach import carriers, misfit, reaches, transmitters_of
from gateway.config.rules import CrossRule, Draft, button_pages
from gateway.config.transmitters import Tap, Template, Transmitter
from gateway.config.values import HEX_CODE, names_a_file
from gateway.model import ButtonKind
from gateway.paging import charsets
from gateway.paging.drivers.template_file import TemplateError, load_template

_EEPROM_PINS: Final = (0, 1)
_PULLED_UP_PINS: Final = (2, 3)  # I2C: 1.8 kΩ to 3.3 V on the board
_UART_PINS: Final = (14, 15)
_UARTS: Final = ("/dev/serial0", "/dev/ttyAMA0", "/dev/ttyS0")
_NUMBERED: Final = ("/dev/ttyUSB", "/dev/ttyACM")


def _reserved_pins(draft: Draft) -> Iterator[Note]:
    on_uart = [table.name for _, table in draft.transmitters if table.port in _UARTS]
    for path, pin in draft.pins():
        if pin in _EEPROM_PINS:
            yield Note(path, str(pin), "another pin: 0 and 1 are read as the hat's EEPROM at boot")
        if pin in _UART_PINS and on_uart:
            right = f'another pin: 14 and 15 are the UART of transmitter "{on_uart[0]}"'
            yield Note(path, str(pin), right)


def _fixed_pull_ups(draft: Draft) -> Iterator[Note]:
    for path, button in draft.buttons:
        if button.pin in _PULLED_UP_PINS and button.pull != "up":
            right = f"up: pin {button.pin} has a pull-up on the board that cannot be switched off"
            yield Note((*path, "pull"), shown(button.pull), right)


def _simulated(draft: Draft) -> Iterator[Note]:
    for path, inputs in draft.each(Inputs):
        if inputs.simulated:
            yield Note((*path, "simulated"), "true", "false in a shop: real buttons are not read")


def _numbered_ports(draft: Draft) -> Iterator[Note]:
    right = "a path under /dev/serial/by-id/: this number changes with the order of plugging"
    for path, transmitter in draft.transmitters:
        if transmitter.port.startswith(_NUMBERED):
            yield Note((*path, "port"), shown(transmitter.port), right)


def _reasons(draft: Draft) -> Iterator[Note]:
    for path, button in draft.buttons:
        is_reason = button.kind is ButtonKind.REASON
        if is_reason and button.cause is None:
            yield Note((*path, "cause"), "nothing", "the cause that this reason button names")
        if not is_reason and button.cause is not None:
            yield Note((*path, "cause"), shown(button.cause), 'nothing unless kind is "reason"')
        if not is_reason and button.pages is not None and button.pages != button_pages(button):
            right = (
                f"nothing: a {button.kind} button {'always' if not button.pages else 'never'} pages"
            )
            yield Note((*path, "pages"), shown(button.pages), right)


def _zones_exist(draft: Draft) -> Iterator[Note]:
    if not draft.whole("buttons"):
        return
    zones = sorted({button.zone for _, button in draft.buttons})
    for path, person in draft.staff:
        for zone in person.zones:
            if zone not in zones:
                near = did_you_mean(zone, zones)
                right = f"a zone with a button: {', '.join(zones) or 'none'}{near}"
                yield Note((*path, "zones"), shown(zone), right)


def _pagers_are_carried(draft: Draft) -> Iterator[Note]:
    carried = {person.pager for person in carriers(draft)}
    for path, pager in draft.pagers:
        if pager.name not in carried and draft.whole("staff"):
            yield Note((*path, "name"), shown(pager.name), "a pager that someone of the staff has")


def _addresses_differ(draft: Draft) -> Iterator[Note]:
    """An address, or a code that a watch has learnt, with which two wearers are called."""
    first: dict[tuple[str, str | None], str] = {}
    for path, pager in draft.pagers:
        calls: dict[tuple[str, ...], str] = {("address",): pager.address}
        calls |= {("codes", kind): code for kind, code in pager.codes.items()}
        keys = {key: (_called(call), pager.transmitter) for key, call in calls.items()}
        twice = next((key for key in keys if keys[key] in first), None)
        if twice is not None:
            what = "an address" if twice == ("address",) else "a code"
            right = f'{what} of its own, unless it is to buzz with pager "{first[keys[twice]]}"'
            yield Note((*path, *twice), shown(calls[twice]), right)
        first = dict.fromkeys(keys.values(), pager.name) | first


def _called(call: str) -> str:
    """What is sent for an address or code: the digits of a watch's are small or capital."""
    return call if HEX_CODE(call) else call.upper()


def _letters_arrive(draft: Draft) -> Iterator[Note]:
    """A Cyrillic table with codes that mean something else to the equipment on the way."""
    cyrillic = set(charsets.names()) - {charsets.LATIN, charsets.NUMERIC}
    for path, pager in draft.pagers:
        for table in transmitters_of(pager, draft) if pager.charset in cyrillic else ():
            lost = _lost(table, pager.charset)
            if lost:
                letters = ", ".join(lost)
                right = f'another table or transmitter: "{table.name}" cannot carry {letters}'
                yield Note((*path, "charset"), shown(pager.charset), right)


def _lost(transmitter: Transmitter, charset: str) -> str:
    """The letters that do not arrive; of a template that cannot be read `_templates` tells."""
    if not isinstance(transmitter, Template):
        return ""
    try:
        return load_template(transmitter.template).lost(charset)
    except TemplateError:
        return ""


def _fail_over(draft: Draft) -> Iterator[Note]:
    """A pager with no transmitter of its own that only some of them can page."""
    for path, pager in draft.pagers:
        able = transmitters_of(pager, draft)
        wrong = [(table.name, *fault) for table in able if (fault := misfit(pager, table))]
        if wrong and len(wrong) < len(able):
            name, key, right = wrong[0]
            words = f'{right}, or transmitter "{name}" cannot stand in'
            yield Note((*path, key), shown(getattr(pager, key)), words)


def _managers_reach(draft: Draft) -> Iterator[Note]:
    """`managers` that means nobody, in a step that pages others all the same."""
    if not carriers(draft) or not draft.whole("staff") or reaches("managers", draft):
        return
    for path, step in draft.each(Step):
        if "managers" in step.to and len(step.to) > 1:
            right = "a word that means someone: no manager has a pager"
            yield Note((*path, "to"), shown("managers"), right)


def _plaintext(draft: Draft) -> Iterator[Note]:
    for path, uplink in draft.each(AchivxUplink):
        if uplink.plaintext.startswith("i-accept"):
            right = '"never": whoever reads the line can pay and withdraw with the token'
            yield Note((*path, "plaintext"), shown(uplink.plaintext), right)
    for path, broker in draft.each(MqttUplink):
        if broker.plaintext.startswith("i-accept"):
            right = '"never": whoever reads the line can read the shop\'s events and its password'
            yield Note((*path, "plaintext"), shown(broker.plaintext), right)


def _files(draft: Draft) -> Iterator[Note]:
    for path, uplink in draft.each(AchivxUplink):
        yield from _file((*path, "token_file"), uplink.token_file, secret=True)
        yield from _file((*path, "client_key_file"), uplink.client_key_file, secret=True)
        yield from _file((*path, "ca_file"), uplink.ca_file)
        yield from _file((*path, "client_certificate_file"), uplink.client_certificate_file)
    for path, broker in draft.each(MqttUplink):
        yield from _file((*path, "password_file"), broker.password_file, secret=True)
        yield from _file((*path, "client_key_file"), broker.client_key_file, secret=True)
        yield from _file((*path, "ca_file"), broker.ca_file)
        yield from _file((*path, "client_certificate_file"), broker.client_certificate_file)
    for path, tap in draft.each(Tap):
        yield from _file((*path, "password_file"), tap.password_file, secret=True)


def _templates(draft: Draft) -> Iterator[Note]:
    """No reason not to start: other transmitters may still page."""
    for path, transmitter in draft.each(Template):
        if not names_a_file(transmitter.template):
            continue
        try:
            load_template(transmitter.template)
        except TemplateError as error:
            found = f"{shown(transmitter.template)} ({error.problems[0]})"
            yield Note((*path, "template"), found, "a template that can be used")


def _file(path: KeyPath, name: str | None, *, secret: bool = False) -> Iterator[Note]:
    if name is None or not Path(name).is_absolute():
        return
    try:
        mode = Path(name).stat().st_mode
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else None
        yield Note(path, f"{shown(name)} ({words or error})", "a file that the gateway can read")
        return
    if not stat.S_ISREG(mode):
        yield Note(path, shown(name), "a file")
    elif secret and mode & (stat.S_IROTH | stat.S_IWOTH):
        right = "a file that others cannot read: chmod 0640, group achivx-gateway"
        yield Note(path, f"{shown(name)} with mode {stat.S_IMODE(mode):04o}", right)


RULES: Final[tuple[CrossRule, ...]] = (
    _reserved_pins,
    _fixed_pull_ups,
    _simulated,
    _numbered_ports,
    _reasons,
    _zones_exist,
    _pagers_are_carried,
    _addresses_differ,
    _letters_arrive,
    _fail_over,
    _managers_reach,
    _plaintext,
    _files,
    _templates,
)
