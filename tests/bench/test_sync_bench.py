"""The sync benchmark runs every part of the record lane and tells all its figures."""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bench import full, sync
from bench.journal import IDENTITY
from gateway.journal import reading, schema, views

ROOT = Path(__file__).parents[2]
SMALL = {
    "--commits": 6,
    "--groups": 8,
    "--presses": 18,
    "--events": 2000,
    "--starts": 1,
    "--daemon-presses": 10,
    "--backlog": 300,
}
KEYS = {
    "commit_p50_over_raw_sqlite",
    "commit_p50_over_fdatasync",
    "group_commit_ratio",
    "drain_ratio_to_mosquitto_pub",
    "events_per_s_at_50ms",
    "press_p99_at_1e6_over_10",
    "startup_at_1e6_over_empty",
    "bytes_written_per_press",
}


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A directory that is not in memory, as all of /tmp is on Debian 13: bytes are counted."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        yield Path(place)


def test_a_short_run_tells_every_figure(on_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for name, value in SMALL.items() for word in (name, str(value))]
    code = sync.main(["--json", "--directory", str(on_disk), *words])
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {key: report[key] for key in KEYS if report[key] <= 0} == {}
    assert report["reached"].keys() == sync.TARGETS.keys()
    assert code == (0 if all(report["reached"].values()) else 1)
    assert list(on_disk.iterdir()) == []


@pytest.mark.parametrize("synced", [True, False])
def test_a_full_journal_is_one_that_the_gateway_could_have_written(
    tmp_path: Path, *, synced: bool
) -> None:
    path = tmp_path / "journal.db"
    full.fill(path, IDENTITY, 10_123, synced=synced)
    with contextlib.closing(schema.open_reader(path)) as connection:
        records = list(reading.all_records(connection))
        assert [record.seq for record in records] == list(range(1, 10_124))
        assert sum(views.counters(connection).values()) > 8000
        assert views.live_alerts(connection) == []
        assert views.closed_alerts(connection, 9)
        assert views.list_grants(connection, None, 9)
        assert schema.meta(connection, "cursor") == ("10123" if synced else None)


@pytest.fixture
async def echo_port() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_the_slow_line_delays_each_way_and_keeps_the_order(echo_port: int) -> None:
    line = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.slow_line", str(echo_port), "30"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert line.stdout is not None
    assert line.stdin is not None
    port = int(await line.stdout.readline())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number in range(100):
        writer.write(b"%03d" % number)
        await writer.drain()
    heard = await reader.readexactly(300)
    assert loop.time() - began_s >= 0.06
    assert heard == b"".join(b"%03d" % number for number in range(100))
    writer.close()
    line.stdin.close()
    assert await line.wait() == 0
