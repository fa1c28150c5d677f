"""What a person is told of their own account: somebody changed how it is signed in to."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from accounts.models import Person
from core.events.accounts import SignInChanged
from core.i18n import gettext as _
from core.i18n import lazy
from escalation.notify.service import Message, tell

WHAT = {
    "factor-enabled": lazy("您的账号启用了二次验证"),
    "factor-disabled": lazy("您的账号关闭了二次验证"),
    "factor-reset": lazy("您的二次验证被管理员重置"),
    "recovery-codes-made": lazy("您的恢复码已重新生成"),
    "recovery-code-used": lazy("您的一个恢复码被使用"),
    "password-reset": lazy("您的口令被管理员重置"),
}


def sign_in_changed(session: Session, event: SignInChanged, now: dt.datetime) -> None:
    """The person hears it whoever did it: what they did not do themselves is what they have to know."""
    by = session.get(Person, event.by_id) if event.by_id else None

    def words() -> tuple[str, str]:
        subject = str(WHAT[event.what])
        who = _("操作人：%(name)s（%(login)s）。", name=by.name, login=by.login) if by else ""
        return subject, f"{subject}。{who}" + _("如果不是您本人所为或本人要求，请立即联系安全管理员。")

    key = f"account:{event.person_id}:{event.what}:{int(now.timestamp())}"
    tell(session, Message("account", key, f"person:{event.person_id}", "/profile", words), [event.person_id], now=now)
