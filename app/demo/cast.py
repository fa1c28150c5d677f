"""The demo's people to try (the contract's list): the only ones with a password.

A password is computed from the installation's secret key, so that no two installations share one, nothing
needs to be stored in the clear, and `taxops demo people` can print it again at any time.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what the eye confuses: i l o 0 1


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held at one place: a unit (with everything below it), or a team."""

    role: str
    unit: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A person; `part` is the contract's name of a demo person to try, None for everybody else."""

    login: str
    name: str
    unit: str
    title: str
    teams: tuple[str, ...] = ()
    head_of: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    part: str | None = None
    service_account: bool = False


def password(login: str, secret: str) -> str:
    """The demo password of one login: three groups of four characters, about 59 bits, from the secret key."""
    digest = hmac.new(secret.encode(), f"taxops demo password {login}".encode(), hashlib.sha256).digest()
    letters = [ALPHABET[byte % len(ALPHABET)] for byte in digest[:12]]
    return "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))


def cast() -> list[DemoPerson]:
    """Who is printed by `taxops demo people`, in the order of the contract.

    `county-engineer` is an addition to the contract's list: without that person nobody could be shown accepting a
    matter at the first line of a county.
    """
    return [
        DemoPerson("wangxiulan", "王秀兰", "610122", "办税服务厅科员", part="county-clerk"),
        DemoPerson("zhaocaixia", "赵彩霞", "610424", "办税服务厅科员", part="county-clerk-2"),
        _engineer("zhangpeng", "张鹏", "6101", "信息中心工程师", ("6101-ops",), "city-engineer", unit="6101"),
        _engineer(
            "lijianguo",
            "李建国",
            "61",
            "信息中心高级工程师",
            ("p-core", "p-network", "p-platform"),
            "province-engineer",
            unit="61",  # triages whatever climbs, beside the teams' own matters
        ),
        DemoPerson(
            "zhouwenbin",
            "周文斌",
            "61",
            "信息中心主任",
            teams=("p-core", "p-taxservice"),
            head_of=("p-core", "p-taxservice"),
            grants=(Grant("head", unit="61"), Grant("kb-reviewer", unit="61")),
            part="province-head",
        ),
        DemoPerson(
            "yangfan",
            "杨帆",
            "61",
            "信息中心值班工程师",
            teams=("p-platform", "p-network"),
            grants=(
                Grant("duty", unit="61"),
                Grant("engineer", team="p-platform"),
                Grant("engineer", team="p-network"),
            ),
            part="on-call",
        ),
        DemoPerson(
            "chenzhiyuan",
            "陈志远",
            "v-changfeng",
            "驻场工程师",
            teams=("v-changfeng-team",),
            grants=(Grant("vendor", team="v-changfeng-team"),),
            part="vendor",
        ),
        DemoPerson(
            "luoyongping", "罗永平", "61", "分管信息化副局长", grants=(Grant("leader", unit="61"),), part="leader"
        ),
        _account("wall", "大屏", "wall", "61"),
        _account("sysadmin", "系统管理员", "system-admin", "61"),
        _account("secadmin", "安全管理员", "security-admin", "61"),
        _account("auditadmin", "审计管理员", "audit-admin", "61"),
        DemoPerson(
            "integration",
            "系统对接",
            "61",
            "接口账号",
            grants=(Grant("integration", unit="61"),),
            part="integration",
            service_account=True,
        ),
        _engineer("dangxiaojun", "党晓军", "610122", "信息中心工程师", ("610122-ops",), "county-engineer"),
    ]


def _engineer(
    login: str, name: str, home: str, title: str, teams: tuple[str, ...], part: str, unit: str | None = None
) -> DemoPerson:
    at = (Grant("engineer", unit=unit),) if unit else tuple(Grant("engineer", team=team) for team in teams)
    return DemoPerson(login, name, home, title, teams=teams, grants=at, part=part)


def _account(login: str, name: str, role: str, unit: str) -> DemoPerson:
    return DemoPerson(
        login, name, "61", name, grants=(Grant(role, unit=unit),), part=role, service_account=role == "wall"
    )
