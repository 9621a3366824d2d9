"""Presses for Node-RED: one TCP line each, the time taken just before it is sent.

python -m bench.sender PORT
"""

import socket
import sys
import time

from bench.common import Done, Order, Start, obey, press_all, tell


def live(port: int) -> None:
    """Obey orders; a loaded one switches the flow's drain on before it and off after it."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def do(order: Order) -> Done:
            starts: list[Start] = []
            also = " load" if order.loaded else ""

            def press(label: str) -> None:
                words = f"{label}{also}\n".encode()
                now_ns = time.monotonic_ns()
                line.sendall(words)
                starts.append(Start(label, now_ns, now_ns))

            if order.loaded:
                line.sendall(f"drain {order.drain_per_s}\n".encode())
            press_all(order, press)
            if order.loaded:
                line.sendall(b"drain 0\n")
            return Done(starts)

        tell("ready")
        obey(do)


if __name__ == "__main__":
    live(int(sys.argv[1]))
