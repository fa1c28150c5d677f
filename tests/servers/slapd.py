"""OpenLDAP's slapd with TLS and a small directory: the real server of Debian, private to its test."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import ldap3

from tests.servers.base import HOST, Daemon, require_program
from tests.servers.tls import Authority

SUFFIX = "dc=tax,dc=test"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{SUFFIX}", "directory-secret"
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
index objectClass,uid eq
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""


class Slapd(Daemon):
    """A private directory on a loopback port: plain (a bind is refused there before StartTLS) with StartTLS."""

    name = "slapd"

    def __init__(self, home: Path, authority: Authority) -> None:
        super().__init__(home)
        self.authority = authority
        issued = authority.issue("localhost")
        (home / "data").mkdir(exist_ok=True)
        self._config = home / "slapd.conf"
        self._config.write_text(
            CONFIG.format(
                home=home, ca=authority.ca_file, certificate=issued.certificate, key=issued.key, suffix=SUFFIX,
                admin=ADMIN, password=ADMIN_PASSWORD,
            )
        )  # fmt: skip

    def command(self) -> list[str]:
        return [require_program("slapd"), "-f", str(self._config), "-h", self.url, "-d", "0"]

    @property
    def url(self) -> str:
        return f"ldap://{HOST}:{self.port}"

    def connection(self) -> ldap3.Connection:
        """The directory's own administrator, over TLS."""
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(self.authority.ca_file))
        server = ldap3.Server(self.url, tls=tls, connect_timeout=5)
        found = ldap3.Connection(server, ADMIN, ADMIN_PASSWORD, auto_bind="NONE", raise_exceptions=True)
        found.start_tls()
        found.bind()
        return found

    def fill(self, people: Mapping[str, Mapping[str, str]]) -> None:
        """Make the tree, with these people below ou=people: uid → attributes."""
        with self.connection() as directory:
            directory.add(SUFFIX, ["dcObject", "organization"], {"dc": "tax", "o": "税务局"})
            directory.add(f"ou=people,{SUFFIX}", ["organizationalUnit"])
            for uid, attributes in people.items():
                given = {"cn": uid, "sn": uid, **attributes}
                directory.add(f"uid={uid},ou=people,{SUFFIX}", ["inetOrgPerson"], given)
