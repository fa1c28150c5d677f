"""The connection to a syslog receiver over UDP, TCP or TLS. What goes wrong is an OSError."""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from accounts.audit import syslog

WAIT_S = 10
UDP_AT_ONCE, UDP_PAUSE_S = 32, 0.02
PORTS = {"udp": 514, "tcp": 601, "tls": 6514}


class Receiver:
    """One connection, made when it is first used. `url`: udp://, tcp:// or tls://host[:port]."""

    def __init__(self, url: str, ca_file: str = "") -> None:
        parts = urlsplit(url)
        self.kind = parts.scheme
        self._host, self._port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        self._ca_file = ca_file
        self._socket: socket.socket | None = None

    @property
    def most(self) -> int:
        """Bytes a message may have."""
        return syslog.MOST_UDP if self.kind == "udp" else syslog.MOST_STREAM

    def send(self, messages: Sequence[bytes]) -> None:
        """Hand all of them to the network. Raises OSError; then none of them is sure to have arrived."""
        if self._socket is None:
            self._socket = self._connect()
        if self.kind == "udp":
            for number, one in enumerate(messages, 1):
                self._socket.send(one)
                if number % UDP_AT_ONCE == 0:  # nobody says when a receiver's buffer is full: it just loses the rest
                    time.sleep(UDP_PAUSE_S)
        else:
            for one in messages:  # each with the time limit of its own: a slow line is not one that has ended
                self._socket.sendall(syslog.counted(one))

    def _connect(self) -> socket.socket:
        if self.kind == "udp":
            family, kind, _protocol, _name, address = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_DGRAM
            )[0]
            plain = socket.socket(family, kind)
            plain.connect(address)  # so that a refusal comes back as an error
            return plain
        plain = socket.create_connection((self._host, self._port), timeout=WAIT_S)
        try:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, WAIT_S * 3 * 1000)
            if self.kind == "tls":
                context = ssl.create_default_context(cafile=self._ca_file or None)
                return context.wrap_socket(plain, server_hostname=self._host)
        except OSError:
            plain.close()
            raise
        return plain

    def look(self) -> bool:
        """Whether all that was sent has reached the other machine. Raises OSError where the connection has ended."""
        if self._socket is None or self.kind == "udp":
            return True
        self._socket.settimeout(0)
        try:
            if self._socket.recv(512) == b"":  # receivers say nothing; what they say is not for us
                raise ConnectionResetError("closed by the receiver")
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            self._socket.settimeout(WAIT_S)
        waiting = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
        return bool(struct.unpack("i", waiting)[0] == 0)

    def close(self) -> None:
        """Forget the connection; the next send makes a new one."""
        gone, self._socket = self._socket, None
        if gone is not None:
            gone.close()
