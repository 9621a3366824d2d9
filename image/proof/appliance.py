"""The very image on an emulated board: the first run, a press, the plug, and looks all around."""

import random
from functools import partial
from pathlib import Path
from typing import Final

from gateway.simulator.tap_terminal import TapTerminal
from image.proof import cuts, first_run, system, updates
from image.proof.card import Card
from image.proof.centre import HOST, TOKEN, Centre
from image.proof.machine import HERE, Machine, raspberry, started
from image.proof.report import expect, holds, run, until

NAME: Final = "boot-test"


def prove(image: Path, work: Path, *, pulls: int, with_updates: bool) -> None:
    """All of it.

    Args:
        image: The card image, packed or not.
        work: A directory with room for the card, 2.5 GB, and half as much again for updates.
        pulls: How often the plug is pulled.
        with_updates: Whether the box is given updates, too.

    Raises:
        Failed: Something is not as it should be.
    """
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / "key")
    card = Card(image, work)
    key = updates.make_key(work)
    bundles = updates.make(card.take_release(), "aarch64", work) if with_updates else None
    chance = random.Random()  # noqa: S311 - when the plug is pulled is no secret
    with TapTerminal(tcp=True) as terminal, Centre() as centre:
        provision(card, work, centre, key)
        shop = cuts.Shop(terminal=terminal, centre=centre, take_state=card.take_state)
        board = raspberry(card, work)
        with started(board, terminal, work) as machine:
            holds("first boot: the gateway runs")
            until(machine.is_page_up, "the page")
            expect(machine.do("hostname").strip(), NAME, "the box has its name")
            first_run.set_up(machine, terminal)
            tablet = first_run.sign_in(machine)
            first_run.answer_incident(machine, terminal, tablet)
            look_around(machine)
            system.measure_writes(machine, first_run.PIN)
            if bundles is not None:
                give = partial(first_run.give_update, machine)
                updates.prove(machine, terminal, bundles, give)
            promised = cuts.pull(machine, shop, first_run.PIN, chance)
        left = [name for name in card.names() if name.startswith("achivx-")]
        expect(left, ["achivx-result.txt"], "both files are gone from the card, a result is there")
        for number in range(1, pulls + 1):
            found = cuts.look_at_card(shop, promised)
            with started(board, terminal, work) as machine:
                holds(f"boot {number + 1}: the gateway runs")
                until(machine.is_page_up, "the page")
                cuts.look_when_back(machine, shop, found)
                if bundles is not None:
                    version = updates.running(machine)
                    expect(version, bundles.good.version, f"{version} runs after a power cut, too")
                if number < pulls:
                    promised = cuts.pull(machine, shop, first_run.PIN, chance)
                    continue
                system.look_at_start(machine)
                cuts.end_alerts(machine)
                system.set_back(machine)
                first_run.page_again(machine, terminal, "with the clock set back ten years")
                promised = cuts.promise(machine, shop)
        cuts.look_at_card(shop, promised)


def provision(card: Card, work: Path, centre: Centre, update_key: str) -> None:
    """Write both files onto the card, as a shop's IT does."""
    key = (work / "key.pub").read_text(encoding="ascii").strip()
    settings = (HERE / "shop.toml").read_text(encoding="utf-8")
    card.put(settings.format(server=f"{HOST}:{centre.port}"), "achivx-gateway.toml")
    box = f'name = "{NAME}"\nclaim_code = "{first_run.CODE}"\n'
    box += f'achivx_token = "{TOKEN}"\nssh_keys = ["{key}"]\nupdate_key = """\n{update_key}"""\n'
    card.put(box, "achivx-box.toml")


def look_around(machine: Machine) -> None:
    """The system beside the pager's work.

    Raises:
        Failed: It does not keep what it promises.
    """
    system.look_at_disk(machine)
    system.look_at_processes(machine)
    system.look_at_ports(machine)
    system.look_at_files(machine)
    system.fault_free(machine)
