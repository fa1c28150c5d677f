"""The room's pages and APIs (sub-rooms with routes of their own are found by themselves)."""

from escalation.notify import api as notify_api
from escalation.notify import views as notify
from escalation.oncall import api as oncall_api
from escalation.oncall import setup_views as oncall_setup
from escalation.oncall import views as oncall
from escalation.outside import api as receivers_api
from escalation.outside import views as receivers

BLUEPRINTS = (
    notify.inbox,
    notify.channels,
    notify.deliveries,
    notify_api.api.blueprint,
    oncall.blueprint,
    oncall_setup.blueprint,
    oncall_api.api.blueprint,
    receivers.blueprint,
    receivers_api.api.blueprint,
)
