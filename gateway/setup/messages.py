"""What is said on the control socket about set-up and settings."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from gateway.config import Button, Hours, Pager, Shop, Staff
from gateway.config.transmitters import Transmitter
from gateway.model import ButtonKind, Language, Receipt, Role
from gateway.request import Done, Request, Session
from gateway.setup.device_messages import GetDevices, GetFaults, TrySignal
from gateway.setup.pager_messages import GetPager, SetPager
from gateway.setup.ports import Port


class SetupStep(StrEnum):
    """The steps of the wizard after the claim, in their order."""

    SHOP = "shop"
    TRANSMITTER = "transmitter"
    BUTTONS = "buttons"
    STAFF = "staff"
    SERVER = "server"
    REHEARSAL = "rehearsal"


class StepState(StrEnum):
    """How a step stands."""

    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"


# --- answers ---------------------------------------------------------------------------------


class PageTry(msgspec.Struct, frozen=True, kw_only=True):
    """The test page that was sent last. `receipt` is None while there is none."""

    text: str
    receipt: Receipt | None


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """How learning a button stands.

    Attributes:
        left_s: How long it still listens; 0 when it does not.
        pin: The pin of the button that was pressed.
        normally_closed: Whether its contact opens when it is pressed.
        placed: The name of the button that has this place already.
    """

    left_s: float = 0.0
    pin: int | None = None
    normally_closed: bool = False
    placed: str | None = None


class SetupView(msgspec.Struct, frozen=True, kw_only=True):
    """How far set-up has come, and what the settings say so far.

    Attributes:
        applied: Whether the gateway runs on the settings as they are written.
        free_pins: The pins that nothing uses yet.
    """

    finished: bool
    current: SetupStep
    states: dict[SetupStep, StepState]
    applied: bool
    shop: Shop
    transmitters: tuple[Transmitter, ...]
    pagers: tuple[Pager, ...]
    buttons: tuple[Button, ...]
    staff: tuple[Staff, ...]
    uplink: str
    ports: tuple[Port, ...]
    free_pins: tuple[int, ...]
    learning: Learning
    page: PageTry | None


class SettingsProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or probably not meant: see `config.check.Problem`."""

    where: str
    found: str
    right: str
    line: int | None = None


class SettingsResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a change. With any problem nothing was written.

    Attributes:
        sha256: Of the text in force afterwards.
        keys: What differs from before.
        applied: Whether the gateway runs on it; it does not before it starts anew.
    """

    sha256: str
    keys: tuple[str, ...] = ()
    problems: tuple[SettingsProblem, ...] = ()
    warnings: tuple[SettingsProblem, ...] = ()
    applied: bool = True


class PastSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that were replaced: their number, and when, Unix time."""

    number: int
    replaced_s: float


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed what, and when, Unix time as the box believed it."""

    at_s: float
    by: str
    keys: tuple[str, ...]


class SettingsHistory(msgspec.Struct, frozen=True, kw_only=True):
    """What was replaced, the latest first, and who changed what, the latest first."""

    past: tuple[PastSettings, ...]
    changes: tuple[ChangeView, ...]


# --- set-up ----------------------------------------------------------------------------------


class Claim(Request[Session], frozen=True, tag="claim"):
    """Become the owner of a box that has none, with the code that is printed for it."""

    needs: ClassVar[Role | None] = None
    code: str
    name: str
    password: str
    language: Language


class GetSetup(Request[SetupView], frozen=True, tag="setup"):
    """How far set-up has come."""

    needs: ClassVar[Role | None] = Role.OWNER


class MarkStep(Request[SetupView], frozen=True, tag="mark_step"):
    """Leave a step as it is: done, or skipped."""

    needs: ClassVar[Role | None] = Role.OWNER
    step: SetupStep
    state: StepState


class UndoStep(Request[SetupView], frozen=True, tag="undo_step"):
    """Put back what the settings said before this step."""

    needs: ClassVar[Role | None] = Role.OWNER
    step: SetupStep


class SetShop(Request[SetupView], frozen=True, tag="set_shop"):
    """The shop's name, time zone and opening hours; no hours: always open."""

    needs: ClassVar[Role | None] = Role.OWNER
    name: str
    timezone: str
    hours: tuple[Hours, ...] = ()


class SetTransmitter(Request[SetupView], frozen=True, tag="set_transmitter"):
    """The transmitter, and the first pager, which the owner wears until somebody else does.

    Attributes:
        driver: `tap`, `espa`, `mmdvm`, `ev1527:HARDWARE` or `template:NAME`.
        address: The pager's; empty for a watch that learns: it is given a code.
        framing: As in the settings; empty: the driver's own.
        frequency_hz: For `mmdvm`, which has no default.
    """

    needs: ClassVar[Role | None] = Role.OWNER
    port: str
    driver: str
    address: str
    framing: str = ""
    frequency_hz: int = 0


class TryPage(Request[SetupView], frozen=True, tag="try_page"):
    """Send a test page to the first pager; its receipt is in the view once it is there."""

    needs: ClassVar[Role | None] = Role.OWNER


class LearnButton(Request[Learning], frozen=True, tag="learn_button"):
    """Listen for a minute to every pin that nothing uses.

    `wait_s`: answer only when a button was pressed, or after so long, at most a minute.
    """

    needs: ClassVar[Role | None] = Role.OWNER
    wait_s: float = 0.0


class PlaceButton(Request[SetupView], frozen=True, tag="place_button"):
    """Give the learned button its meaning."""

    needs: ClassVar[Role | None] = Role.OWNER
    pin: int
    kind: ButtonKind
    normally_closed: bool = False


class RemoveButton(Request[SetupView], frozen=True, tag="remove_button"):
    """Take a button's place away."""

    needs: ClassVar[Role | None] = Role.OWNER
    name: str


class AddPerson(Request[SetupView], frozen=True, tag="add_person"):
    """One of the staff.

    Attributes:
        address: The address of the pager they wear; empty: none. It leaves whoever wore it.
        new_watch: They wear a watch that learns, and it is given a code.
        pin: For signing in; empty: none yet.
    """

    needs: ClassVar[Role | None] = Role.OWNER
    name: str
    role: Role = Role.STAFF
    address: str = ""
    new_watch: bool = False
    pin: str = ""


class RemovePerson(Request[SetupView], frozen=True, tag="remove_person"):
    """Take somebody off the staff."""

    needs: ClassVar[Role | None] = Role.OWNER
    name: str


class SetServer(Request[SetupView], frozen=True, tag="set_server"):
    """The shop's own ACHIVX server; the token goes into a file of the gateway's own."""

    needs: ClassVar[Role | None] = Role.OWNER
    address: str
    token: str


class FinishSetup(Request[Done], frozen=True, tag="finish_setup"):
    """Set-up is over."""

    needs: ClassVar[Role | None] = Role.OWNER


class PressPin(Request[Done], frozen=True, tag="press_pin"):
    """Press whatever is wired to a pin; refused on real pins."""

    needs: ClassVar[Role | None] = Role.OWNER
    pin: int


# --- settings --------------------------------------------------------------------------------


class ApplySettings(Request[Done], frozen=True, tag="apply_settings"):
    """Start anew on the settings as they are written: the same process, within a second."""

    needs: ClassVar[Role | None] = Role.OWNER


class CheckSettings(Request[SettingsResult], frozen=True, tag="check_settings"):
    """Say everything that is wrong with a text, and write nothing."""

    needs: ClassVar[Role | None] = Role.OWNER
    text: str


class SettingsEdit(msgspec.Struct, frozen=True):
    """One key and its new value as JSON: see `config.edit.Edit`. None takes the key away."""

    path: tuple[str | int, ...]
    value: str | int | float | bool | list[object] | dict[str, object] | None


class EditSettings(Request[SettingsResult], frozen=True, tag="edit_settings"):
    """Change single keys; comments and order survive."""

    needs: ClassVar[Role | None] = Role.OWNER
    edits: tuple[SettingsEdit, ...]
    replaces_sha256: str


class ReplaceSettings(Request[SettingsResult], frozen=True, tag="replace_settings"):
    """Replace the whole text."""

    needs: ClassVar[Role | None] = Role.OWNER
    text: str
    replaces_sha256: str


class GetHistory(Request[SettingsHistory], frozen=True, tag="settings_history"):
    """What was replaced, and who changed what."""

    needs: ClassVar[Role | None] = Role.OWNER


class GetPastSettings(Request[str], frozen=True, tag="past_settings"):
    """The text of settings that were replaced."""

    needs: ClassVar[Role | None] = Role.OWNER
    number: int


AnySetupRequest = (
    Claim
    | GetSetup
    | MarkStep
    | UndoStep
    | SetShop
    | SetTransmitter
    | TryPage
    | LearnButton
    | PlaceButton
    | RemoveButton
    | AddPerson
    | RemovePerson
    | SetServer
    | FinishSetup
    | PressPin
    | ApplySettings
    | CheckSettings
    | EditSettings
    | ReplaceSettings
    | GetHistory
    | GetPastSettings
    | GetDevices
    | GetPager
    | SetPager
    | GetFaults
    | TrySignal
)
