"""Every path of the control API in one table: method, template, what it does, and the responder behind it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Resource = Literal[
    "sales_units",
    "partners",
    "clock",
    "payers",
    "agreements",
    "charges",
    "record",
    "checklist",
    "faults",
    "deliveries",
    "inbox",
    "snapshots",
]

_UNITS = "/sandbox/sales-units"
_UNIT = _UNITS + "/{msn}"
_CLOCK = _UNIT + "/clock"
_PAYER = "/sandbox/payers/{phone_number}"
_AGREEMENT = "/sandbox/agreements/{agreement_id}"
_CHARGE = "/sandbox/charges/{charge_id}"
_SNAPSHOTS = _UNIT + "/snapshots"
_INBOX = "/sandbox/inbox/{name}"


class ControlRoute(NamedTuple):
    """One thing that whoever runs the installation can do."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    template: str
    name: str
    resource: Resource
    suffix: str = ""


CONTROL_ROUTES: tuple[ControlRoute, ...] = (
    ControlRoute("GET", _UNITS, "list_sales_units", "sales_units"),
    ControlRoute("POST", _UNITS, "add_sales_unit", "sales_units"),
    ControlRoute("GET", _UNIT, "fetch_sales_unit", "sales_units", "one"),
    ControlRoute("PATCH", _UNIT, "change_sales_unit", "sales_units", "one"),
    ControlRoute("DELETE", _UNIT, "delete_sales_unit", "sales_units", "one"),
    ControlRoute("POST", _UNIT + "/reset", "reset_sales_unit", "sales_units", "reset"),
    ControlRoute("GET", _UNIT + "/faults", "show_faults", "faults"),
    ControlRoute("PUT", _UNIT + "/faults", "set_faults", "faults"),
    ControlRoute("DELETE", _UNIT + "/faults", "clear_faults", "faults"),
    ControlRoute("POST", "/sandbox/partners", "add_partner", "partners"),
    ControlRoute("GET", _CLOCK, "show_clock", "clock"),
    ControlRoute("POST", _CLOCK + "/advance", "advance_clock", "clock", "advance"),
    ControlRoute("POST", _CLOCK + "/freeze", "freeze_clock", "clock", "freeze"),
    ControlRoute("POST", _CLOCK + "/resume", "resume_clock", "clock", "resume"),
    ControlRoute("GET", _CLOCK + "/forecast", "forecast", "clock", "forecast"),
    ControlRoute("POST", _UNIT + "/runs", "run_now", "clock", "runs"),
    ControlRoute("GET", "/sandbox/payers", "list_payers", "payers"),
    ControlRoute("GET", "/sandbox/personas", "list_personas", "payers", "personas"),
    ControlRoute("PUT", _PAYER, "put_payer", "payers", "one"),
    ControlRoute("GET", _PAYER, "fetch_payer", "payers", "one"),
    ControlRoute("DELETE", _PAYER, "delete_payer", "payers", "one"),
    ControlRoute("POST", _AGREEMENT + "/approve", "approve", "agreements", "approve"),
    ControlRoute("POST", _AGREEMENT + "/reject", "reject", "agreements", "reject"),
    ControlRoute("POST", _AGREEMENT + "/stop", "stop", "agreements", "stop"),
    ControlRoute("POST", _AGREEMENT + "/max-amount", "set_max_amount", "agreements", "max_amount"),
    ControlRoute("POST", _CHARGE + "/outcomes", "script_charge", "charges", "outcomes"),
    ControlRoute("POST", _CHARGE + "/process", "process_charge", "charges", "process"),
    ControlRoute("GET", _UNIT + "/requests", "list_requests", "record", "requests"),
    ControlRoute("GET", _UNIT + "/stream", "stream", "record", "stream"),
    ControlRoute("GET", _AGREEMENT + "/timeline", "show_timeline", "record", "timeline"),
    ControlRoute("GET", _CHARGE + "/why", "explain_charge", "record", "why"),
    ControlRoute("GET", _UNIT + "/deliveries", "list_deliveries", "deliveries"),
    ControlRoute("POST", _UNIT + "/deliveries/replay", "replay", "deliveries", "replay"),
    ControlRoute(
        "POST", "/sandbox/deliveries/{delivery_id}/resend", "resend", "deliveries", "resend"
    ),
    ControlRoute("GET", _UNIT + "/events", "list_events", "deliveries", "events"),
    ControlRoute("POST", _UNIT + "/events", "send_event", "deliveries", "events"),
    ControlRoute("GET", _INBOX, "list_inbox", "inbox"),
    ControlRoute("POST", _INBOX, "receive", "inbox"),
    ControlRoute("PUT", _INBOX, "receive", "inbox"),
    ControlRoute("PATCH", _INBOX, "receive", "inbox"),
    ControlRoute("DELETE", _INBOX, "empty_inbox", "inbox"),
    ControlRoute("GET", _SNAPSHOTS, "list_snapshots", "snapshots"),
    ControlRoute("POST", _SNAPSHOTS, "take_snapshot", "snapshots"),
    ControlRoute(
        "POST", _SNAPSHOTS + "/{name}/restore", "restore_snapshot", "snapshots", "restore"
    ),
    ControlRoute("DELETE", _SNAPSHOTS + "/{name}", "delete_snapshot", "snapshots", "one"),
    ControlRoute("GET", _UNIT + "/remarks", "list_remarks", "checklist", "remarks"),
    ControlRoute("GET", _UNIT + "/checklist", "show_checklist", "checklist", "checklist"),
    ControlRoute("GET", _UNIT + "/checklist.md", "print_checklist", "checklist", "markdown"),
    ControlRoute("GET", _UNIT + "/checklist.pdf", "print_checklist_as_pdf", "checklist", "pdf"),
    ControlRoute("GET", _UNIT + "/checklist.html", "show_checklist_as_page", "checklist", "html"),
    ControlRoute("PUT", _UNIT + "/checklist/{item}", "note_checklist_item", "checklist", "item"),
)
