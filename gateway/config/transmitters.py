"""`[[transmitters]]`: the equipment that sends pages, each driver with its own keys."""

from gateway.config.table import Table


class Tap(Table, frozen=True, tag_field="driver", tag="tap"):
    """`driver = "tap"`: TAP 1.8 (IXO) on a serial line or `socket://`."""

    name: str
    port: str
    baud: int = 9600
    framing: str = "7E1"
    xonxoff: bool = True
    password_file: str | None = None
    block_chars: int = 250  # information characters a block; the protocol's most is 250
    continued_blocks: bool = False  # some terminals stall on them
    supervise_s: float = 300.0


class Mmdvm(Table, frozen=True, tag_field="driver", tag="mmdvm"):
    """`driver = "mmdvm"`: POCSAG by an MMDVM_HS modem hat, 1200 bit/s.

    Frequency and power are the shop's duty by local radio rules: there is no default frequency.
    """

    name: str
    port: str
    frequency_hz: int
    baud: int = 115200
    power: int = 255  # 0–255
    level: int = 128  # 0–255; 128 is 4.5 kHz deviation
    transmit_delay_ms: int = 100  # at most 500
    supervise_s: float = 60.0


class Template(Table, frozen=True, tag_field="driver", tag="template"):
    """`driver = "template"`: equipment whose framing is data; see docs/templates.md.

    `template` is a shipped name or the path of a TOML file; the line keys override its own.
    """

    name: str
    port: str
    template: str
    baud: int | None = None
    framing: str | None = None
    xonxoff: bool | None = None
    rtscts: bool | None = None
    supervise_s: float = 300.0


class Ev1527(Table, frozen=True, tag_field="driver", tag="ev1527"):
    """`driver = "ev1527"`: learning-code watches by an RFXtrx433 or a Sonoff RF bridge (EFM8)."""

    name: str
    port: str
    hardware: str  # rfxtrx433 · sonoff-efm8
    unit_us: int = 350
    repeats: int = 10
    bit_order: str = "msb"
    supervise_s: float = 300.0


class Espa(Table, frozen=True, tag_field="driver", tag="espa"):
    """`driver = "espa"`: ESPA 4.4.4 with the gateway as control station."""

    name: str
    port: str
    baud: int = 9600
    framing: str = "7E2"
    local_address: str = "1"
    remote_address: str = "2"
    poll_ms: int = 150
    status_s: float = 4.0  # how long it is asked what became of a call
    supervise_s: float = 60.0


Transmitter = Tap | Mmdvm | Template | Ev1527 | Espa
