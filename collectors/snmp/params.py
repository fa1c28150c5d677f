"""The parameters of an SNMP check."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from gufo.snmp import User
from gufo.snmp import user as keys
from pydantic import AfterValidator, Field, model_validator

from collectors.base import About, Params
from collectors.snmp.device import Access
from collectors.text import names
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy

PARTS = ("system", "interfaces", "storage")
AUTH = {
    "none": None,
    "md5": keys.Md5Key,
    "sha1": keys.Sha1Key,
    "sha224": keys.Sha224Key,
    "sha256": keys.Sha256Key,
    "sha384": keys.Sha384Key,
    "sha512": keys.Sha512Key,
}
PRIV = {
    "none": None,
    "des": keys.DesKey,
    "aes128": keys.Aes128Key,
    "aes192": keys.Aes192Key,
    "aes256": keys.Aes256Key,
}
MIN_PASSWORD = 8
"""Source: RFC 3414 section 11.2."""


def _parts(value: str) -> str:
    wrong = [part for part in names(value) if part not in PARTS]
    if wrong or not names(value):
        raise ValueError(
            _("没有 %(wrong)s；可用的有 %(names)s", wrong=", ".join(wrong) or "“”", names=", ".join(PARTS))
        )
    return value


class SnmpParams(Params):
    """How to be let in, what to read, what is too much."""

    version: Annotated[Literal["2c", "3"], About(lazy("SNMP 版本"))] = "2c"
    community: Annotated[str, About(lazy("团体字（v2c）"), secret=True), Field(max_length=200, repr=False)] = "public"
    user: Annotated[str, About(lazy("用户名（v3）")), Field(max_length=100)] = ""
    auth: Annotated[
        Literal["none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"], About(lazy("认证算法（v3）"))
    ] = "sha1"
    auth_password: Annotated[str, About(lazy("认证口令（v3）"), secret=True), Field(max_length=200, repr=False)] = ""
    priv: Annotated[Literal["none", "des", "aes128", "aes192", "aes256"], About(lazy("加密算法（v3）"))] = "none"
    priv_password: Annotated[str, About(lazy("加密口令（v3）"), secret=True), Field(max_length=200, repr=False)] = ""
    key_expansion: Annotated[Literal["blumenthal", "cisco"], About(lazy("AES-192/256 密钥扩展方式（v3）"))] = (
        "blumenthal"
    )
    collect: Annotated[str, About(lazy("读哪些部分：system、interfaces、storage")), AfterValidator(_parts)] = (
        "system,interfaces,storage"
    )
    watch: Annotated[str, About(lazy("必须连通的接口名，逗号分隔，可用 * 通配")), Field(max_length=2000)] = ""
    ignore: Annotated[str, About(lazy("不看的接口名，逗号分隔，可用 * 通配")), Field(max_length=2000)] = "lo,Null*"
    ignore_storage: Annotated[str, About(lazy("不看的存储名，逗号分隔，可用 * 通配")), Field(max_length=2000)] = (
        "/dev*,/run*,/sys*,/proc*"
    )
    request_s: Annotated[float, About(lazy("单个请求的等待时间"), "s"), Field(ge=0.2, le=5)] = 1.5
    uptime_warning: Annotated[RangeText, About(lazy("运行时长警告阈值，如 600: 表示刚重启十分钟内告警"), "s")] = ""
    traffic_warning: Annotated[RangeText, About(lazy("接口利用率警告阈值"), "%")] = "90"
    traffic_critical: Annotated[RangeText, About(lazy("接口利用率严重阈值"), "%")] = ""
    errors_warning: Annotated[RangeText, About(lazy("接口每秒错包数警告阈值"), "1/s")] = "1"
    errors_critical: Annotated[RangeText, About(lazy("接口每秒错包数严重阈值"), "1/s")] = ""
    storage_warning: Annotated[RangeText, About(lazy("存储使用率警告阈值"), "%")] = "85"
    storage_critical: Annotated[RangeText, About(lazy("存储使用率严重阈值"), "%")] = "95"

    @model_validator(mode="after")
    def _v3_is_complete(self) -> SnmpParams:
        if self.version != "3":
            return self
        if not self.user:
            raise ValueError(_("SNMP v3 必须给出参数 user"))
        if self.priv != "none" and self.auth == "none":
            raise ValueError(_("要加密就必须认证：参数 auth 不能是 none"))
        for kind, chosen, password in (
            ("auth", self.auth, self.auth_password),
            ("priv", self.priv, self.priv_password),
        ):
            if chosen != "none" and len(password) < MIN_PASSWORD:
                raise ValueError(_("参数 %(name)s 至少 8 个字符", name=f"{kind}_password"))
        return self

    def access(self) -> Access:
        """What the session needs; its key changes with any part of it, so new credentials get a new session."""
        digest = hashlib.sha256(repr(sorted(self.model_dump(include=_ACCESS_FIELDS).items())).encode()).hexdigest()
        if self.version == "2c":
            return Access(community=self.community, key=digest)
        auth, priv = AUTH[self.auth], PRIV[self.priv]
        return Access(
            key=digest,
            user=User(
                self.user,
                auth_key=auth(self.auth_password.encode()) if auth else None,
                priv_key=priv(self.priv_password.encode()) if priv else None,
                key_expansion=keys.KeyExpansion[self.key_expansion.capitalize()],
            ),
        )


_ACCESS_FIELDS = {
    "version",
    "community",
    "user",
    "auth",
    "auth_password",
    "priv",
    "priv_password",
    "key_expansion",
}
