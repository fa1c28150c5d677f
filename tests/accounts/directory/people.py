"""Who of the small province is in the real directory, and how the application is told of it."""

from __future__ import annotations

import dataclasses

from accounts.directory import client
from tests.fixtures.world import World
from tests.servers.slapd import PEOPLE, READER, READER_PASSWORD, Slapd

SECRET = "Mu-Lu-Kou-Ling-7"
ENTRIES = {
    login: {"cn": name, "departmentNumber": unit, "mail": f"{login}@example.test", "userPassword": SECRET}
    for login, name, unit in (
        ("lt-clerk", "李兰", "610122"),
        ("lt-engineer", "蓝工", "610122"),
        ("zz-clerk", "周至安", "610124"),
        ("v1-engineer", "秦信工", "V1"),
    )
}


def use(world: World, url: str, slapd: Slapd, **more: str) -> client.Directory:
    """Set the directory of the running application; returns it as the client sees it."""
    given = {
        "ldap_url": url, "ldap_base": PEOPLE, "ldap_bind_dn": READER, "ldap_bind_password": READER_PASSWORD,
        "ldap_ca_file": str(slapd.authority.ca_file), **more,
    }  # fmt: skip
    settings = dataclasses.replace(world.app.config["TAXOPS"], **given)
    world.app.config["TAXOPS"] = settings
    found = client.of_settings(settings)
    assert found is not None
    return found
