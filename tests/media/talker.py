"""A phone that talks from a process of its own: an interpreter that stalls does not hold it up.

    python talker.py DESCRIPTOR PORT PACKETS

Each packet's payload begins with the time at which it was sent.
"""

import socket
import struct
import sys
import time


def talk(descriptor: int, port: int, packets: int) -> None:
    """Send 20 ms packets of PCMU from an open socket."""
    with socket.socket(fileno=descriptor) as audio:
        due = time.monotonic()
        for number in range(packets):
            time.sleep(max(0.0, due - time.monotonic()))
            due += 0.02
            header = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 0x1000)
            audio.sendto(header + struct.pack("!d", time.time()) + bytes(152), ("127.0.0.1", port))


if __name__ == "__main__":
    talk(*map(int, sys.argv[1:]))
