"""Make sockets to admitted addresses only: the one place where an address is final.

A resolver is not asked for addresses that are written in a URL, and a name may lead elsewhere on
its next look-up; the socket's factory sees the address of every connection that is tried.
"""

import errno
import socket
from collections.abc import Callable
from typing import Any, Final

from services.notify.domain.addresses import AddressRules

AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
"""As `socket.getaddrinfo` returns it: family, kind, protocol, name, address."""

_SENTENCE: Final = "the address is not admitted"


class AddressRefused(OSError):  # noqa: N818 - a fact about an address
    """The address is not one to which webhooks may be sent."""

    def __init__(self) -> None:
        """Say so in words that are the same for every address, and name none."""
        super().__init__(errno.EACCES, _SENTENCE)


def guarded_sockets(rules: AddressRules) -> Callable[[AddressInfo], socket.socket]:
    """Build the factory of sockets that the client's connector calls before each connection.

    Raises (from what is returned):
        AddressRefused: The rules do not admit the address.
    """

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if family not in {socket.AF_INET, socket.AF_INET6} or not rules.admits(str(address[0])):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    return make
