"""Free TCP ports on the loopback address, distinct for all workers of a run.

They are taken from below the range that the system itself hands out to outgoing connections. In that range a
client that knocks on a stopped server's port again and again can be given that very port, and answers itself.
"""

import secrets
import socket
from pathlib import Path

FIRST = 20_000
# Where Linux says nothing else, and below where macOS begins.
USUAL_EPHEMERAL_START = 32_768
FEWEST = 1_000


def free_port(reserved: Path) -> int:
    """A port that nobody listens on and that nobody else gets who asks with the same folder `reserved`."""
    count = max(_ephemeral_start() - FIRST, FEWEST)
    start = secrets.randbelow(count)
    for step in range(count):
        port = FIRST + (start + step) % count
        if _is_free(port) and _reserve(port, reserved):
            return port
    raise RuntimeError(f"All ports from {FIRST} to {FIRST + count - 1} are taken")


def _ephemeral_start() -> int:
    try:
        first, _last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except OSError:
        return USUAL_EPHEMERAL_START
    return min(int(first), USUAL_EPHEMERAL_START)


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reserve(port: int, reserved: Path) -> bool:
    reserved.mkdir(parents=True, exist_ok=True)
    try:
        (reserved / str(port)).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
