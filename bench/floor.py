"""The floor: a press in a thread, the event loop, pyserial's write, and nothing in between.

python -m bench.floor PORT
"""

import asyncio
import sys
import threading
import time

import serial

from bench.common import FRAME, Done, Order, Start, obey, press_all, tell


async def live(port: str) -> None:
    """Obey orders from a thread, as gpiozero's callbacks come from one."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    line = serial.serial_for_url(port, exclusive=True, timeout=0, write_timeout=2.0)

    def do(order: Order) -> Done:
        starts: list[Start] = []

        def press(label: str) -> None:
            frame = FRAME.format(label=label).encode("latin-1")
            now_ns = time.monotonic_ns()
            loop.call_soon_threadsafe(line.write, frame)
            starts.append(Start(label, now_ns, now_ns))

        press_all(order, press)
        return Done(starts)

    def finger() -> None:
        tell("ready")
        obey(do)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=finger, name="finger", daemon=True).start()
    await ended.wait()
    line.close()


if __name__ == "__main__":
    asyncio.run(live(sys.argv[1]))
