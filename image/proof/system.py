"""What the image promises beside the pager's work: the sandbox, ports, files, and the start."""

import re
import time
from typing import Final

from gateway.messages import GetStatus
from image.proof.card import GROWN_MIB
from image.proof.machine import Machine
from image.proof.report import Failed, demand, expect, holds, until

PORTS: Final = {
    ("tcp", 22, "sshd"): "for the keys of achivx-box.toml",
    ("tcp", 8080, "achivx-webui"): "the page",
    ("tcp", 8443, "achivx-webui"): "the page with TLS",
    ("udp", 5353, "avahi-daemon"): "its name on the network",
}
"""All that may listen to others, by protocol, port and program."""
_ANY_PORT: Final = {("udp", "avahi-daemon"), ("udp", "NetworkManager")}
"""Clients that are sent answers to a port of the kernel's choice, or to DHCP's."""
FILES: Final = {
    "/etc/achivx-gateway": "achivx-gateway:achivx-admin 2750",
    "/etc/achivx-gateway/gateway.toml": "achivx-gateway:achivx-admin 640",
    "/etc/credstore": "root:root 700",
    "/etc/credstore/achivx-token": "root:root 600",
    "/etc/NetworkManager/system-connections": "root:root 700",
    "/var/lib/achivx-gateway": "achivx-gateway:achivx-control 700",
    "/var/lib/achivx-gateway/journal.db": "achivx-gateway:achivx-control 600",
    "/var/lib/achivx-webui": "achivx-webui:achivx-webui 700",
    "/run/achivx-gateway/control.sock": "achivx-gateway:achivx-control 660",
    "/run/achivx-host.sock": "achivx-gateway:achivx-gateway 600",
    "/dev/gpiochip0": "root:gpio 660",
}
IDLE_S: Final = 60.0
SETTLE_S: Final = 100.0
"""What nobody asked to be durable the kernel writes after half a minute, ext4 its own notes of that
half a minute later, and those to their places in another one."""
LEFT_S: Final = 20.0
"""By then the system has noted that nobody is signed in any more."""
SPARE_S: Final = 5.0
PRESS_S: Final = 45.0
_UNITS: Final = {"achivx-gateway": "achivx-gateway", "achivx-webui": "achivx-webui"}
_TEN_YEARS_S: Final = 10 * 365 * 86_400


def look_at_disk(machine: Machine) -> None:
    """Read-only system, grown data partition, no swap.

    Raises:
        Failed: Something is not so.
    """
    expect(machine.do("findmnt -no FSTYPE /").strip(), "overlay", "the root is a layer")
    card = machine.do("findmnt -no OPTIONS /run/card").strip().split(",")[0]
    expect(card, "ro", "the card's root is read-only")
    size = int(machine.do("df --output=size -B1M /data").split()[-1])
    demand(size > GROWN_MIB * 0.9, f"the data partition has grown, to {size} MiB")
    expect(machine.do("swapon --show").strip(), "", "there is no swap")


def look_at_processes(machine: Machine) -> None:
    """No unit has failed, and each daemon is shut in as its unit says.

    Raises:
        Failed: Something is not so.
    """
    failed = machine.do("systemctl --failed --plain --no-legend").strip()
    expect(failed, "", "no unit has failed")
    wanted = {"CapBnd": "0" * 16, "CapEff": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
    for unit, user in _UNITS.items():
        pid = machine.do(f"systemctl show -P MainPID {unit}").strip()
        lines = machine.do(f"cat /proc/{pid}/status").splitlines()
        status = {name: value.strip() for name, _, value in (x.partition(":") for x in lines)}
        found = {name: status[name] for name in wanted}
        expect(found, wanted, f"{unit}: no capability, no new privilege, system calls filtered")
        expect(machine.do(f"stat -c %U /proc/{pid}").strip(), user, f"{unit}: its own user")
        for place in ("/usr", "/etc", "/opt/achivx-gateway"):
            tried = f"nsenter -t {pid} -m touch {place}/x 2>/dev/null && echo written || true"
            expect(machine.do(tried).strip(), "", f"{unit}: cannot write in {place}")


def look_at_ports(machine: Machine) -> None:
    """Nothing listens but what is on the list, and the firewall drops the rest.

    Raises:
        Failed: Something else listens.
    """
    heard = set()
    for line in machine.do("ss -Htulnp").splitlines():
        fields = line.split()
        place, _, port = fields[4].rpartition(":")
        names = re.findall(r'\("([^"]+)"', line)
        if place.startswith(("127.", "[::1]")):
            continue
        heard |= {(fields[0], int(port), name) for name in names or ["?"]}
    surplus = {each for each in heard if (each[0], each[2]) not in _ANY_PORT} - PORTS.keys()
    expect(sorted(surplus), [], f"nothing listens beside {sorted(key[1] for key in PORTS)}")
    expect(sorted(PORTS.keys() - heard), [], "and these do")
    rules = machine.do("nft list chain inet achivx input")
    demand("policy drop" in rules, "the firewall drops what it does not know")


def look_at_files(machine: Machine) -> None:
    """Owners and modes, and who can sign in.

    Raises:
        Failed: One is another.
    """
    shown = machine.do("stat -c '%n %U:%G %a' " + " ".join(FILES)).splitlines()
    found = dict(line.split(" ", 1) for line in shown)
    other = {path: found[path] for path in FILES if found[path] != FILES[path]}
    expect(other, {}, f"{len(FILES)} files and directories have their owners and modes")
    shadow = machine.do("cut -d: -f1,2 /etc/shadow").split()
    open_ = [line for line in shadow if not line.partition(":")[2].startswith(("!", "*"))]
    expect(open_, [], "nobody has a password, root neither")
    surplus = machine.do("find / -xdev -perm /6000 -type f -newer /etc/fstab 2>/dev/null || true")
    expect(surplus.strip(), "", "nothing runs as somebody else that Debian did not bring")


def look_at_start(machine: Machine) -> None:
    """What the gateway waited for, and how long its own start took.

    Raises:
        Failed: It waits for the network or the clock.
    """
    chain = machine.do("systemd-analyze critical-chain achivx-gateway.service --no-pager")
    print(chain.rstrip(), flush=True)
    waited = [name for name in ("network", "time-sync", "NetworkManager") if name in chain]
    expect(waited, [], "the gateway waited for no network and no clock")
    shown = machine.do(
        "systemctl show achivx-gateway -P ExecMainStartTimestampMonotonic"
        " -P ActiveEnterTimestampMonotonic"
    ).split()
    began_s, ready_s = sorted(int(value) / 1e6 for value in shown)
    holds(f"gateway: started at {began_s:.1f} s, ready {ready_s - began_s:.1f} s later (emulated)")


def set_back(machine: Machine) -> None:
    """Make the clock wrong by ten years."""
    there_s = int(machine.do("date +%s")) - _TEN_YEARS_S
    machine.do(f"systemctl stop systemd-timesyncd; date -s @{there_s}")


def measure_writes(machine: Machine, pin: int) -> None:
    """How much a minute of nothing writes onto the card, and one press.

    Nobody is on the box meanwhile: the press is ordered beforehand.

    Raises:
        Failed: A box that does nothing writes.
    """
    press = machine.press_command(pin)
    # What the system's journal noted of us it writes within five minutes: let it be now.
    wait_s = SETTLE_S + IDLE_S + SPARE_S - LEFT_S
    order = f"sleep {LEFT_S}; journalctl --sync; sleep {wait_s}; {press}"
    machine.do(f"setsid sh -c '{order}' >/dev/null 2>&1 </dev/null &")
    machine.hang_up()
    time.sleep(SETTLE_S)
    settled = machine.written()
    time.sleep(IDLE_S)
    idle = machine.written()
    time.sleep(SPARE_S + PRESS_S)
    pressed = machine.written()
    if idle != settled:
        noted = machine.do(
            "journalctl --no-pager --output=short-monotonic --since=-5min | tail -30"
        )
        raise Failed(f"a box that does nothing writes: {idle.less(settled)}; its log:\n{noted}")
    holds(f"idle for {IDLE_S:.0f} s: nothing is written to the card")
    by_press = pressed.less(idle)
    holds(
        f"one press with its page, within {PRESS_S:.0f} s: {by_press.requests} writes,"
        f" {by_press.bytes} bytes"
    )


def fault_free(machine: Machine) -> None:
    """The gateway itself has nothing to complain of.

    Raises:
        Failed: It has.
    """

    def is_fine() -> bool:
        if faults := machine.ask(GetStatus()).faults:
            raise Failed(str(faults))
        return True

    until(is_fine, "no faults")
    holds("the gateway reports no fault")
