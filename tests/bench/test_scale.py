"""The numbers of docs/scale.md are those that the arithmetic gives, and it is right."""

from pathlib import Path

import msgspec
import pytest

from bench import handshakes, scale
from bench.scale import Assumed, Measured, after_outage, load, parts

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
SHOP = Assumed(
    presses_day=100,
    peak_share=0.1,
    open_h=10.0,
    alerts_day=10,
    grants_day=4,
    region_share=0.5,
    region_days=10,
    use=0.5,
    bridges=2,
)
RATES = Measured(
    server_per_s=100.0,
    bridge_cpu_ms=2.0,
    bridge_mb=50.0,
    broker_cpu_ms=0.5,
    broker_mb=10.0,
    broker_kb=1024.0,
    handshake_ms=5.0,
)


def test_the_page_has_the_tables_that_the_program_makes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert scale.with_tables(text) == text, "run: python -m bench.scale docs/scale.md"


def test_a_page_is_made_anew_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{scale.BEGIN}old\n{scale.END}after\n", encoding="utf-8")
    assert scale.main([str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert scale.tables(Assumed(), Measured()) in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match="needs the lines"):
        scale.main([str(page)])
    assert page.read_text(encoding="utf-8") == "nothing\n"


def test_what_shops_ask_for() -> None:
    asked = load(6000, SHOP)
    assert SHOP.actions_day == 100 + 40 + 4
    assert asked.day == 864_000
    assert asked.mean_per_s == 10.0
    assert asked.peak_per_s == 24.0


def test_what_they_need() -> None:
    needed = parts(load(24_000, SHOP), SHOP, RATES)
    assert needed.servers_live == 2  # 96 a second, at 50 each
    assert needed.servers_night == 1  # 40 a second
    assert needed.after_closing_h == 0.0  # 3,456,000 at 100 a second: 9.6 hours, open for 10
    assert needed.bridges == 4
    assert needed.bridge_cores == pytest.approx(0.192)
    assert needed.bridges_mb == 200.0
    assert needed.brokers == 48  # 120 s of handshakes in 2.5 s
    assert needed.broker_cores == pytest.approx(0.048)
    assert needed.broker_mb == 24_010.0
    assert needed.connections == 24_004


def test_a_day_that_is_longer_than_the_opening_hours() -> None:
    early = msgspec.structs.replace(SHOP, open_h=8.0)
    assert parts(load(24_000, early), early, RATES).after_closing_h == pytest.approx(1.6)


def test_after_an_outage() -> None:
    asked = load(24_000, SHOP)
    after = after_outage(asked, parts(asked, SHOP, RATES), SHOP, RATES)
    assert after.region == 12_000
    assert after.backlog == 12_000 * 144 * 10
    assert after.drain_live_h == after.backlog / (200 - 40) / 3600
    assert after.drain_night_h == after.backlog / (100 - 40) / 3600
    assert after.one_broker_s == 120.0
    assert after.knocks_per_s == 96_000.0  # each waits a quarter of a second on average
    assert after.batch == 3  # 180 s at 200 a second, for 12,000


def test_the_batch_that_is_answered_in_time() -> None:
    assert scale.batch_most(SHOP, RATES) == 18_000 // 128


def test_handshakes_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert handshakes.main(["--json", "--seconds", "1"]) == 0
    report = msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])
    assert report["handshakes"] > 0
    assert report["broker_cpu_ms"] > 0
