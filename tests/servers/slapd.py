"""OpenLDAP's slapd with TLS and a small directory: the real server of Debian, private to its module."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ldap3

from tests.servers.base import HOST, Daemon, free_port, require_program
from tests.servers.tls import Authority

SUFFIX = "dc=tax,dc=test"
PEOPLE = f"ou=people,{SUFFIX}"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{SUFFIX}", "directory-admin-secret"
READER, READER_PASSWORD = f"uid=taxops-reader,ou=programs,{SUFFIX}", "directory-reader-secret"
NARROW = f"uid=narrow-reader,ou=programs,{SUFFIX}"  # may see three entries and no more
CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.so
pidfile {home}/slapd.pid
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
security simple_bind=128
database mdb
maxsize 16777216
suffix "{suffix}"
rootdn "{admin}"
rootpw {password}
directory {home}/data
dbnosync
limits dn.exact="{narrow}" size.soft=3 size.hard=3 size.prtotal=3
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""


class Slapd(Daemon):
    """A private directory: one loopback port for StartTLS (a bind is refused there before), one for ldaps."""

    name = "slapd"

    def __init__(self, home: Path, authority: Authority) -> None:
        super().__init__(home)
        self.authority = authority
        self.tls_port = free_port()
        issued = authority.issue("localhost")
        (home / "data").mkdir(exist_ok=True)
        self._config = home / "slapd.conf"
        self._config.write_text(
            CONFIG.format(
                home=home, ca=authority.ca_file, certificate=issued.certificate, key=issued.key, suffix=SUFFIX,
                admin=ADMIN, password=ADMIN_PASSWORD, narrow=NARROW,
            )
        )  # fmt: skip

    def command(self) -> list[str]:
        return [require_program("slapd"), "-f", str(self._config), "-h", f"{self.url} {self.ldaps_url}", "-d", "0"]

    @property
    def url(self) -> str:
        return f"ldap://{HOST}:{self.port}"

    @property
    def ldaps_url(self) -> str:
        return f"ldaps://{HOST}:{self.tls_port}"

    @contextmanager
    def connection(self) -> Iterator[ldap3.Connection]:
        """The directory's own administrator, over TLS."""
        context = ldap3.Tls(validate=ssl.CERT_NONE)
        server = ldap3.Server(self.ldaps_url, use_ssl=True, tls=context, get_info=ldap3.NONE, connect_timeout=5)
        made = ldap3.Connection(server, ADMIN, ADMIN_PASSWORD, auto_bind=True, raise_exceptions=True)
        try:
            yield made
        finally:
            made.unbind()

    def begin(self) -> None:
        """Make the tree, without people."""
        with self.connection() as directory:
            directory.add(SUFFIX, ["dcObject", "organization"], {"dc": "tax", "o": "税务局"})
            for name in ("people", "programs"):
                directory.add(f"ou={name},{SUFFIX}", ["organizationalUnit"])
            for dn in (READER, NARROW):
                given = {"sn": "reader", "cn": "reader", "userPassword": READER_PASSWORD}
                directory.add(dn, ["inetOrgPerson"], given)

    def put(self, people: Mapping[str, Mapping[str, str]]) -> None:
        """Have exactly these people below ou=people: uid → attributes."""
        with self.connection() as directory:
            directory.search(PEOPLE, "(objectClass=inetOrgPerson)", attributes=None)
            for entry in list(directory.response or []):
                directory.delete(entry["dn"])
            for uid, attributes in people.items():
                given = {"cn": uid, "sn": uid, "uid": uid, **attributes}
                directory.add(f"uid={uid},{PEOPLE}", ["inetOrgPerson"], given)
