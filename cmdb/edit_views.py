"""Pages to register, change, relate, retire and restore items."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import scope
from accounts.current import viewer
from accounts.models import Team, Unit, UnitLevel
from accounts.validity import standing
from cmdb import queries, service
from cmdb.api_shapes import Names
from cmdb.forms import ItemFields, RelationFields, ServiceFields, starting_values, typed_attributes, with_extra
from cmdb.models import LIFECYCLE_LABELS, SERVICE_TYPE, Item, ItemType, Lifecycle, Mark, RelationKind, Service
from cmdb.service.items import type_schema
from cmdb.shipped_words import worded
from cmdb.views import blueprint, moment
from core import clock
from core.errors import Conflict, FieldError, Invalid
from core.i18n import gettext as _
from web import access, once
from web.db import db
from web.forms import Form


def _back(item_id: int, anchor: str = "") -> ResponseReturnValue:
    return redirect(url_for("cmdb.item", item_id=item_id) + anchor, 303)


@blueprint.get("/items/new")
@access.needs("item.write")
def new_item() -> ResponseReturnValue:
    """Choose a type, then describe the item."""
    code = request.args.get("type")
    if code is None or (kind := db.session().get(ItemType, code)) is None:
        types = db.session().scalars(sa.select(ItemType).order_by(ItemType.position, ItemType.code)).all()
        return render_template("cmdb/choose_type.html", types=types)
    unit = request.args.get("unit") or viewer().unit_code
    fields = ServiceFields if code == SERVICE_TYPE else ItemFields
    return _editor(Form(fields, {"unit": unit, "lifecycle": "live", "user_facing": True}), kind, None)


@blueprint.post("/items/new")
@access.needs("item.write")
def create_item() -> ResponseReturnValue:
    """Register an item or a service."""
    session = db.session()
    kind = session.get(ItemType, request.form.get("type", ""))
    if kind is None:
        return redirect(url_for("cmdb.new_item"), 303)
    led, first = once.begin(request.form.get("key"))
    if led:
        return redirect(led, 303)
    form: Form[Any] = Form(ServiceFields if kind.code == SERVICE_TYPE else ItemFields, request.form)
    values = form.validate()
    attributes = typed_attributes(form, request.form, type_schema(session, kind.code), None)
    if values is None or form.errors:
        return _editor(form, kind, None), 422
    try:
        item = _created(kind, values, {k: v for k, v in attributes.items() if v is not None})
    except (Invalid, Conflict) as error:
        session.rollback()
        _refuse(form, error)
        return _editor(form, session.get_one(ItemType, kind.code), None), 422
    url = url_for("cmdb.item", item_id=item.id)
    once.finish(first, url)
    session.commit()
    flash(_("已登记“%(name)s”。", name=item.name), "success")
    return redirect(url, 303)


def _created(kind: ItemType, values: Any, attributes: dict[str, Any]) -> Item:
    session = db.session()
    names = Names(session, viewer())
    base = {
        "name": values.name,
        "unit": names.unit_to_write(values.unit),
        "now": clock.now(),
        "lifecycle": values.lifecycle,
        "attributes": attributes,
        "address": values.address,
    }
    if kind.code != SERVICE_TYPE:
        return service.create_item(session, type_code=kind.code, **base)
    return service.create_service(session, **base, **_service_side(names, values, {}))


def _service_side(names: Names, values: ServiceFields, targets: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": values.code,
        "group": values.group,
        "summary": values.summary,
        "team": names.team(values.team),
        "vendor": names.vendor(values.vendor),
        "tax_system": values.tax_system,
        "user_facing": values.user_facing,
        "targets": {**targets, "availability": values.availability},
    }


@blueprint.get("/items/<int:item_id>/edit")
@access.needs("item.write")
def edit_item(item_id: int) -> ResponseReturnValue:
    """The editor of an item."""
    item = Names(db.session(), viewer()).item_to_write(item_id)
    schema = type_schema(db.session(), item.type_code)
    fields = ServiceFields if item.service else ItemFields
    return _editor(Form(fields, with_extra(starting_values(item), schema)), item.type, item)


@blueprint.post("/items/<int:item_id>/edit")
@access.needs("item.write")
def change_item(item_id: int) -> ResponseReturnValue:
    """Change an item, unless somebody else did meanwhile."""
    session = db.session()
    names = Names(session, viewer())
    item = names.item_to_write(item_id)
    form: Form[Any] = Form(ServiceFields if item.service else ItemFields, request.form)
    values = form.validate()
    attributes = typed_attributes(form, request.form, type_schema(session, item.type_code), item)
    if request.form.get("revision") != str(item.revision):
        form.errors.append(
            FieldError("", _("在您编辑期间，这个配置项已被他人修改。您填写的内容还在，请核对后再保存。"))
        )
    if values is None or form.errors:
        return _editor(form, item.type, item), 422
    changes = {"name": values.name, "lifecycle": values.lifecycle, "attributes": attributes, "address": values.address}
    try:
        changes["unit"] = names.unit_to_write(values.unit)
        if item.service is not None:
            changes |= _service_side(names, values, item.service.targets)
            service.change_service(session, item, changes, now=clock.now())
        else:
            service.change_item(session, item, changes, now=clock.now())
    except (Invalid, Conflict) as error:
        session.rollback()
        _refuse(form, error)
        item = names.item_to_write(item_id)
        return _editor(form, item.type, item), 422
    session.commit()
    flash(_("已保存。"), "success")
    return _back(item_id)


def _refuse(form: Form[Any], error: Invalid | Conflict) -> None:
    form.refuse(error if isinstance(error, Invalid) else Invalid(error.message))


def _editor(form: Form[Any], kind: ItemType, item: Item | None) -> str:
    session, me = db.session(), viewer()
    units = session.execute(
        sa.select(Unit.code, Unit.name)
        .where(scope.in_scope(me, "item.write", unit=Unit.id), Unit.level != UnitLevel.VENDOR, standing(clock.now()))
        .order_by(Unit.code)
    ).all()
    options: dict[str, Any] = {"teams": [], "vendors": [], "groups": []}
    if kind.code == SERVICE_TYPE:
        teams = session.execute(
            sa.select(Team.code, Team.name)
            .join(Unit, Unit.id == Team.unit_id)
            .where(Team.active, Unit.level.in_((UnitLevel.PROVINCE, UnitLevel.CITY)))
            .order_by(Unit.code, Team.code)
        ).all()
        vendors = session.execute(
            sa.select(Unit.code, Unit.name)
            .where(Unit.level == UnitLevel.VENDOR, standing(clock.now()))
            .order_by(Unit.name)
        ).all()
        groups = session.scalars(sa.select(Service.group).distinct().order_by(Service.group)).all()
        options = {"teams": [tuple(r) for r in teams], "vendors": [tuple(r) for r in vendors], "groups": groups}
    lifecycles = [(str(v), str(label)) for v, label in LIFECYCLE_LABELS.items() if v is not Lifecycle.RETIRED or item]
    return render_template(
        "cmdb/edit.html",
        form=form,
        kind=kind,
        item=item,
        schema=worded(type_schema(session, kind.code)),
        key=once.new_key(),
        units=[tuple(row) for row in units],
        lifecycles=lifecycles,
        **options,
    )


@blueprint.post("/items/<int:item_id>/retire")
@access.needs("item.write")
def retire(item_id: int) -> ResponseReturnValue:
    """End an item's life; its history can bring it back."""
    session = db.session()
    item = Names(session, viewer()).item_to_write(item_id)
    service.retire_item(session, item, now=clock.now())
    session.commit()
    flash(_("已停用“%(name)s”。可以在历史中恢复。", name=item.name), "success")
    return _back(item_id)


@blueprint.post("/items/<int:item_id>/restore")
@access.needs("item.write")
def restore(item_id: int) -> ResponseReturnValue:
    """Bring an item back to how it was (C-01)."""
    session = db.session()
    item = Names(session, viewer()).item_to_write(item_id)
    at = moment(request.form.get("at"))
    try:
        service.restore_item(session, item, at or clock.now(), now=clock.now())
    except (Invalid, Conflict) as error:
        session.rollback()
        errors = getattr(error, "errors", None) or [FieldError("", error.message)]
        flash(_("没有恢复：%(why)s", why=" ".join(e.message for e in errors)), "error")
        return redirect(url_for("cmdb.history", item_id=item_id), 303)
    session.commit()
    flash(_("已恢复，过程记入历史和审计。"), "success")
    return _back(item_id)


@blueprint.post("/items/<int:item_id>/relations")
@access.needs("item.write")
def relate(item_id: int) -> ResponseReturnValue:
    """Say what the item hangs on."""
    session = db.session()
    item = Names(session, viewer()).item_to_write(item_id)
    values = Form(RelationFields, request.form).validate()
    if values is None or values.kind not in list(RelationKind):
        flash(_("没有保存：请选择关系，并填写目标配置项。"), "error")
        return _back(item_id, "#relations")
    try:
        target = _named(item, values.target)
        service.relate(
            session,
            source=item,
            kind=RelationKind(values.kind),
            target=target,
            now=clock.now(),
            redundancy_group=values.redundancy_group,
        )
    except (Invalid, Conflict) as error:
        session.rollback()
        flash(_("没有保存：%(why)s", why=error.message), "error")
        return _back(item_id, "#relations")
    session.commit()
    flash(_("已建立与“%(name)s”的关系。", name=target.name), "success")
    return _back(item_id, "#relations")


def _named(item: Item, text: str) -> Item:
    """The item somebody meant by a number or a whole name; of several, the one of the same unit. Raises Invalid."""
    session, me = db.session(), viewer()
    if text.isdecimal() and len(text) <= 15:  # noqa: PLR2004  ids are far shorter
        return Names(session, me).item("target", int(text))
    allowed = sa.or_(queries.visible(me), queries.items.visible_services(me))
    found = session.scalars(
        sa.select(Item).where(Item.name == text.strip(), Item.lifecycle != Lifecycle.RETIRED, allowed).limit(10)
    ).all()
    own = [other for other in found if other.unit_id == item.unit_id]
    if len(own or found) == 1:
        return (own or found)[0]
    if found:
        choices = "、".join(f"{other.id}（{other.unit.name}）" for other in found)
        raise Invalid.of("target", _("有多个同名的配置项，请改填编号：%(choices)s。", choices=choices))
    raise Invalid.of("target", _("没有名为“%(name)s”的配置项，或您无权查看。", name=text))


@blueprint.post("/relations/<int:relation_id>/end")
@access.needs("item.write")
def end_relation(relation_id: int) -> ResponseReturnValue:
    """The relation holds no longer."""
    session = db.session()
    relation = Names(session, viewer()).relation_to_write(relation_id)
    service.end_relation(session, relation, now=clock.now())
    session.commit()
    flash(_("关系已解除，历史中仍可查看。"), "success")
    return _back(relation.source_id, "#relations")


@blueprint.post("/items/<int:item_id>/marks")
@access.needs("item.write")
def mark(item_id: int) -> ResponseReturnValue:
    """A person's word on the impact list (C-02)."""
    session = db.session()
    names = Names(session, viewer())
    item = names.item_to_write(item_id)
    word = request.form.get("mark", "")
    try:
        affected = _named(item, request.form.get("affected", ""))
        if word == Mark.COMPUTED:
            service.unmark_impact(session, item, affected, now=clock.now())
        else:
            wanted = Mark.EXCLUDED if word == Mark.EXCLUDED else Mark.DECLARED
            service.mark_impact(session, item, affected, wanted, request.form.get("reason", ""), now=clock.now())
    except Invalid as error:
        session.rollback()
        flash(_("没有保存：%(why)s", why=error.message), "error")
        return _back(item_id, "#impact")
    session.commit()
    flash(_("影响范围已更新。"), "success")
    return _back(item_id, "#impact")
