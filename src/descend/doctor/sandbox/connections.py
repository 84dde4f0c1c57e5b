"""Decide which connections stay on this machine: Unix sockets and loopback, as used by workers and process groups."""

import _socket
import ipaddress
import os
import socket
from pathlib import Path
from typing import Any

# names of audit events of the module socket
CONNECTS = ("socket.connect", "socket.sendmsg", "socket.sendto")
NUMBER_OF_SOCKET = "socket.getnameinfo"  # the argument is the address of a socket, (host, port)
NAMES_OF_NUMBERS = (NUMBER_OF_SOCKET, "socket.gethostbyaddr")
LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", *NAMES_OF_NUMBERS)
HOST_NAME = "socket.sethostname"

_LOCAL_FAMILIES = frozenset({socket.AF_UNIX, getattr(socket, "AF_NETLINK", socket.AF_UNIX)})
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
_LISTENS = "0A"  # state TCP_LISTEN of a socket in /proc/net/tcp
_LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})


def leaves_machine(sock: Any, address: Any) -> bool:
    """Return whether a connection leaves the machine. The address is None if the socket is already connected."""
    if address is None or _address_family(sock) in _LOCAL_FAMILIES:
        return False
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if _is_name_of_this_machine(host):
        return False
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return not _is_address_of_this_machine(number)


def has_listener(sock: Any, address: Any) -> bool:
    """Return whether a program accepts connections at a local port; True if this is unknown."""
    if _address_family(sock) not in _INTERNET or sock.type != socket.SOCK_STREAM:
        return True
    try:
        tables = [Path("/proc/net", name).read_text().splitlines() for name in ("tcp", "tcp6")]
    except OSError:
        return True
    sockets = [line.split() for table in tables for line in table[1:]]
    return any(fields[3] == _LISTENS and fields[1].endswith(f":{address[1]:04X}") for fields in sockets)


def is_looked_up_locally(host: Any, needs_name: bool = False) -> bool:
    """Return whether a host can be looked up without a network request: an IP address, or a name of this machine.

    needs_name: whether the name of an IP address is looked up, which sends a request unless it is this machine's.
    """
    name = host_text(host)
    try:
        number = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return _is_name_of_this_machine(name)
    return not needs_name or _is_address_of_this_machine(number)


def _address_family(sock: Any) -> int:
    """Return the address family that the kernel uses for a socket, even if a subclass overrides `family`."""
    return int(_socket.socket.family.__get__(sock))


def _is_address_of_this_machine(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an IP address belongs to this machine."""
    return number.is_loopback or number.is_unspecified


def host_text(host: Any) -> str:
    """Return a host name as a string, converted from bytes if necessary; "" if the host is None."""
    return os.fsdecode(host) if isinstance(host, str | bytes) else ""


def _is_name_of_this_machine(name: str) -> bool:
    """Return whether a host name is a name of this machine."""
    return name in _LOCAL_NAMES or name == socket.gethostname()


def address_text(address: Any) -> str:
    """Return a socket's address as text: `host:port` for an internet address, otherwise the repr of the address."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else repr(address)
