"""The overlays of the image, laid over small trees with the kernel's names, and the look at boards.

The boards' real trees are in the image alone: `image/build` looks at them in the same way, each
time, and makes no image of a system that fails.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

IMAGE = Path(__file__).parents[2] / "image"
SETTINGS = (IMAGE / "initramfs/raspi-firmware-custom").read_text()
MODULES = (IMAGE / "initramfs/modules").read_text()
PI4 = """
/dts-v1/;
/ {
  aliases { serial0 = &uart0; serial1 = &uart1; };
  soc {
    gpio: gpio@7e200000 {
      compatible = "brcm,bcm2711-gpio";
      #gpio-cells = <2>;
      bt_pins: uart0-gpio32 { brcm,pins = <32 33>; brcm,function = <7>; };
      mini_pins: uart1-gpio14 { brcm,pins = <14 15>; brcm,function = <2>; };
    };
    uart0: serial@7e201000 {
      compatible = "arm,pl011", "arm,primecell";
      pinctrl-names = "default";
      pinctrl-0 = <&bt_pins>;
      bt: bluetooth { compatible = "brcm,bcm43438-bt"; };
    };
    uart1: serial@7e215040 {
      compatible = "brcm,bcm2835-aux-uart";
      pinctrl-0 = <&mini_pins>;
      status = "okay";
    };
    wifi: mmc@7e300000 { compatible = "wifi,only"; non-removable; };
    off: mmc@7e202000 { compatible = "not,used"; status = "disabled"; };
    card: mmc@7e340000 {
      compatible = "brcm,bcm2711-emmc2";
      clocks = <&clock 51>, <&fixed>;
      vmmc-supply = <&power>;
    };
    clock: clocks { compatible = "brcm,bcm2711-cprman"; #clock-cells = <1>; };
  };
  fixed: clk { compatible = "fixed-clock"; #clock-cells = <0>; };
  power: regulator { compatible = "regulator-fixed"; gpio = <&gpio 6 0>; };
  leds {
    compatible = "gpio-leds";
    led-act { gpios = <&gpio 42 0>; linux,default-trigger = "heartbeat"; };
  };
};
"""
PI5 = """
/dts-v1/;
/ {
  aliases { serial10 = &uart10; };
  soc {
    uart10: serial@7d001000 { compatible = "arm,pl011", "arm,primecell"; status = "okay"; };
    gio_aon: gpio@7d517c00 { compatible = "brcm,brcmstb-gpio"; #gpio-cells = <2>; };
    pinctrl@7d504100 {
      compatible = "brcm,bcm2712c0-pinctrl";
      card_pins: card-state { pins = "gpio1"; };
    };
    mmc@fff000 {
      compatible = "brcm,bcm2712-sdhci", "brcm,sdhci-brcmstb";
      pinctrl-0 = <&card_pins>;
      cd-gpios = <&gio_aon 5 1>;
    };
  };
};
"""
ALIASES = """
alias of:N*T*Cbrcm,bcm2711-emmc2C* sdhci_iproc
alias of:N*T*Cbrcm,bcm2711-emmc2 sdhci_iproc
alias of:N*T*Cbrcm,sdhci-brcmstb sdhci_brcmstb
alias of:N*T*Cregulator-fixed fixed
alias of:N*T*Cgpio-leds leds_gpio
alias of:N*T*Cbrcm,brcmstb-gpio gpio_brcmstb
alias of:N*T*Cbrcm,bcm2712c0-pinctrl pinctrl_brcmstb_bcm2712
alias of:N*T*Cwifi,only wifi_only
alias of:N*T*Cnot,used not_used
alias pci:v00001DE4d00000001sv*sd*bc*sc*i* rp1_pci
"""


@pytest.fixture(scope="module")
def look(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("device_tree.py")


def compiled(source: str) -> bytes:
    """What dtc makes of a source, with the names that overlays refer to."""
    command = ["dtc", "-q", "-@", "-I", "dts", "-O", "dtb"]
    return subprocess.run(command, input=source.encode(), capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def bare(look: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system with a small tree for each board, before the overlays are made."""
    system = tmp_path_factory.mktemp("system")
    firmware = system / "boot/firmware"
    (firmware / "overlays").mkdir(parents=True)
    (firmware / "config.txt").write_text(f"arm_64bit=1\n\n{SETTINGS}")
    for board in look.BOARDS:
        (firmware / board.file).write_bytes(compiled(PI5 if board.model == "pi5" else PI4))
    (system / "usr/lib/modules/7.3").mkdir(parents=True)
    (system / "usr/lib/modules/7.3/modules.alias").write_text(ALIASES)
    (system / "etc/initramfs-tools").mkdir(parents=True)
    (system / "etc/initramfs-tools/modules").write_text(MODULES)
    return system


@pytest.fixture
def system(bare: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bare, tmp_path / "system")


class TestBuild:
    def test_every_board_is_good_with_its_overlays(
        self, look: ModuleType, system: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert look.main([str(system)]) == 0
        # Not a word: a warning of the compiler is a fault of the source, too.
        assert capfd.readouterr() == ("", "")

    def test_an_overlay_that_fits_no_board_ends_the_build(
        self, look: ModuleType, system: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        without = PI4.replace("bt: bluetooth", "bluetooth")
        (system / "boot/firmware/bcm2711-rpi-4-b.dtb").write_bytes(compiled(without))
        assert look.main([str(system)]) == 1
        assert "FDT_ERR_NOTFOUND" in capfd.readouterr().err

    def test_without_its_overlays_each_board_has_its_faults(
        self, look: ModuleType, system: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        (system / "boot/firmware/config.txt").write_text("arm_64bit=1\n")
        assert look.main([str(system)]) == 1
        said = capfd.readouterr().err.splitlines()
        for line in (
            "bcm2711-rpi-4-b.dtb: /soc/serial@7e201000/bluetooth has taken serial0",
            "bcm2711-rpi-4-b.dtb: serial0 is not on gpio14 and gpio15",
            "bcm2711-rpi-4-b.dtb: /soc/serial@7e215040 is on the same pins as serial0",
            "bcm2712-rpi-5-b.dtb: no LED beats",
        ):
            assert line in said
        assert {line.partition(":")[0] for line in said} == {board.file for board in look.BOARDS}

    def test_what_the_card_waits_for_must_be_in_the_initramfs(
        self, look: ModuleType, system: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        listed = system / "etc/initramfs-tools/modules"
        listed.write_text("sdhci-iproc\nsdhci-brcmstb\nleds-gpio\n# fixed\n")
        assert look.main([str(system)]) == 1
        pi5 = "bcm2712-rpi-5-b.dtb"
        said = capfd.readouterr().err.splitlines()
        assert [line for line in said if line.startswith(("bcm2711", pi5))] == [
            "bcm2711-rpi-4-b.dtb: the initramfs has no fixed for /regulator",
            f"{pi5}: the initramfs has no gpio_brcmstb for /soc/gpio@7d517c00",
            f"{pi5}: the initramfs has no pinctrl_brcmstb_bcm2712 for /soc/pinctrl@7d504100",
        ]


class TestLine:
    @pytest.mark.parametrize(
        ("was", "becomes", "fault"),
        [
            ('"arm,pl011", ', "", "serial0 is no PL011: it has no parity bit"),
            ("serial0 = &uart0; ", "", "serial0 is no serial line that is on"),
            ("pinctrl-names", 'status = "disabled"; pinctrl-names', "serial0 is no serial line"),
        ],
    )
    def test_a_line_that_is_none_is_told(
        self, look: ModuleType, was: str, becomes: str, fault: str
    ) -> None:
        assert was in PI4
        tree = look.Tree(compiled(PI4.replace(was, becomes)))
        assert any(each.startswith(fault) for each in look.line_faults(tree, "serial0", {"gpio14"}))

    def test_a_line_with_a_connector_of_its_own_needs_no_pins(self, look: ModuleType) -> None:
        assert list(look.line_faults(look.Tree(compiled(PI5)), "serial10", frozenset())) == []


class TestLed:
    def test_a_led_that_does_something_else_does_not_beat(self, look: ModuleType) -> None:
        assert list(look.led_faults(look.Tree(compiled(PI4)))) == []
        other = look.Tree(compiled(PI4.replace('"heartbeat"', '"mmc0"')))
        assert list(look.led_faults(other)) == ["no LED beats"]


class TestFiles:
    def test_a_tree_is_read_as_it_was_written(self, look: ModuleType) -> None:
        source = '/dts-v1/; / { a { empty; odd = [01 02 03]; text = "x", "yz"; b {}; }; abcd {}; };'
        tree = look.Tree(compiled(source))
        assert tree.nodes["/a"] == {"empty": b"", "odd": b"\1\2\3", "text": b"x\0yz\0"}
        assert tree.words("/a", "text") == ["x", "yz"]
        assert {"", "/a", "/a/b", "/abcd"} <= tree.nodes.keys()
        assert tree.children("/a") == ["/a/b"]

    def test_what_is_no_tree_is_refused(self, look: ModuleType) -> None:
        blob = bytearray(compiled(PI5))
        start = int.from_bytes(blob[8:12])
        blob[start : start + 4] = b"\0\0\0\7"
        with pytest.raises(ValueError, match="token 7"):
            look.Tree(bytes(blob))

    def test_a_model_has_the_overlays_of_its_filters(self, look: ModuleType) -> None:
        config = (
            "dtoverlay=a\n[pi4]\ndtoverlay=b\n#dtoverlay=c\n[pi5]\ndtoverlay=d\n[all]\ndtoverlay=e"
        )
        assert look.overlays_for(config, "pi4") == ["a", "b", "e"]
        assert look.overlays_for(config, "pi5") == ["a", "d", "e"]

    def test_every_overlay_has_a_source_and_every_source_a_board(self, look: ModuleType) -> None:
        named = {
            overlay for board in look.BOARDS for overlay in look.overlays_for(SETTINGS, board.model)
        }
        assert named == {path.stem for path in look.SOURCES.iterdir()}
        assert set(re.findall(r"^dtoverlay=(.+)$", SETTINGS, re.MULTILINE)) == named

    def test_what_follows_our_settings_in_the_file_is_for_all_boards(self) -> None:
        assert SETTINGS.rstrip().endswith("[all]")

    def test_each_boards_line_has_the_name_of_the_documents(self, look: ModuleType) -> None:
        rules = (IMAGE / "overlay/etc/udev/rules.d/72-achivx-serial.rules").read_text()
        (kernel,) = re.findall(
            r'^SUBSYSTEM=="tty", KERNEL=="([^"]+)", SYMLINK\+="serial0"$', rules, re.MULTILINE
        )
        names = {f"ttyAMA{board.line.removeprefix('serial')}" for board in look.BOARDS}
        assert set(kernel.split("|")) == names
