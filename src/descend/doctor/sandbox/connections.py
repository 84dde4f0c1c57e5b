"""Which connections stay on this machine: Unix sockets and loopback, as workers and process groups use."""

import ipaddress
import socket
from typing import Any

CONNECTS = ("socket.connect", "socket.sendmsg", "socket.sendto")  # audit events

_LOCAL_FAMILIES = frozenset({socket.AF_UNIX, getattr(socket, "AF_NETLINK", socket.AF_UNIX)})
_LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})


def leaves_machine(sock: Any, address: Any) -> bool:
    """Whether a socket that is given this address talks to another machine (None: connected before)."""
    if address is None or sock.family in _LOCAL_FAMILIES:
        return False
    if not isinstance(address, tuple):
        return True
    host = str(address[0]).partition("%")[0]
    if host in _LOCAL_NAMES or host == socket.gethostname():
        return False
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return True
    return not (number.is_loopback or number.is_unspecified)


def shown(address: Any) -> str:
    """Return an address as a user writes it."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else repr(address)
