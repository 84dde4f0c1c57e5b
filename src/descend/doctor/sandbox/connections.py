"""Which connections stay on this machine: Unix sockets and loopback, as workers and process groups use."""

import _socket
import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

# audit events
CONNECTS = ("socket.connect", "socket.sendmsg", "socket.sendto")
NUMBER_OF_SOCKET = "socket.getnameinfo"  # a socket's address
NAMES_OF_NUMBERS = (NUMBER_OF_SOCKET, "socket.gethostbyaddr")
LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", *NAMES_OF_NUMBERS)
HOST_NAME = "socket.sethostname"

_LOCAL_FAMILIES = frozenset({socket.AF_UNIX, getattr(socket, "AF_NETLINK", socket.AF_UNIX)})
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
_LISTENS = "0A"  # TCP_LISTEN of the Linux kernel, as /proc/net/tcp writes it
_LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})


def leaves_machine(sock: Any, address: Any) -> bool:
    """Whether a socket that is given this address talks to another machine (None: connected before)."""
    if address is None or _family(sock) in _LOCAL_FAMILIES:
        return False
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if _is_own_name(host):
        return False
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return not _is_of_this_machine(number)


def is_answered(sock: Any, address: Any) -> bool:
    """Whether a program waits for connections to a local port; true where that is not known."""
    if _family(sock) not in _INTERNET or sock.type != socket.SOCK_STREAM:
        return True
    try:
        tables = [Path("/proc/net", name).read_text().splitlines() for name in ("tcp", "tcp6")]
    except OSError:
        return True
    sockets = [line.split() for table in tables for line in table[1:]]
    return any(fields[3] == _LISTENS and fields[1].endswith(f":{address[1]:04X}") for fields in sockets)


def is_here(host: Any, needs_name: bool = False) -> bool:
    """Whether no other machine gets a request about a host: it is a number, or a name of this one.

    needs_name: whether the name of a number is looked up, which needs a request unless it is this machine's.
    """
    name = shown_host(host)
    try:
        number = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return _is_own_name(name)
    return not needs_name or _is_of_this_machine(number)


def _family(sock: Any) -> int:
    """Return a socket's family as the kernel uses it, whatever its class says."""
    return int(_socket.socket.family.__get__(sock))


def _is_of_this_machine(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return number.is_loopback or number.is_unspecified


def shown_host(host: Any) -> str:
    """Return a host as text; it may be given as bytes, or not at all."""
    return os.fsdecode(host) if isinstance(host, str | bytes) else ""


def _is_own_name(name: str) -> bool:
    return name in _LOCAL_NAMES or name == socket.gethostname()


def shown(address: Any) -> str:
    """Return an address as a user writes it."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else repr(address)
