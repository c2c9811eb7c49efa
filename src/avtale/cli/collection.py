"""The guide as a collection and an environment for Postman.

Scripts carry along what the next request needs; what only a sandbox can do skips itself elsewhere.
"""

from __future__ import annotations

import json
import uuid
from typing import Any, Final

from avtale.cli.guide import FOLDERS, SECRETS, TOKEN, VARIABLES, Folder, Step

NAMESPACE: Final = uuid.UUID("6e1d3a70-52ab-4cf5-a1f0-3c6f6b9a2d11")
SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection() -> dict[str, Any]:
    """The collection."""
    return {
        "info": {
            "_postman_id": _id("collection"),
            "name": "Recurring API",
            "description": (
                "Every step of the Recurring API's guide, in its order. "
                "Select the environment that was exported beside it, and fill in its current values."
            ),
            "schema": SCHEMA,
        },
        "item": [_item(each, "") for each in FOLDERS],
    }


def environment(name: str, values: dict[str, str]) -> dict[str, Any]:
    """The environment; `values` in place of what variables are at first."""
    return {
        "id": _id(f"environment {name}"),
        "name": name,
        "values": [
            {
                "key": key,
                "value": values.get(key, value),
                "type": "secret" if key in SECRETS else "default",
                "enabled": True,
            }
            for key, value in VARIABLES.items()
        ],
        "_postman_variable_scope": "environment",
    }


def _item(item: Step | Folder, path: str) -> dict[str, Any]:
    place = f"{path}/{item.name}"
    if isinstance(item, Folder):
        inside = [_item(each, f"{place}/{i}") for i, each in enumerate(item.items)]
        return {"id": _id(place), "name": item.name, "item": inside}
    return {
        "id": _id(place),
        "name": item.name,
        "request": _request(item),
        "response": [],
        "event": [
            {"listen": "prerequest", "script": _script(_before(item))},
            {"listen": "test", "script": _script(_after(item))},
        ],
    }


def _request(step: Step) -> dict[str, Any]:
    path, _, query = step.path.partition("?")
    url: dict[str, Any] = {
        "raw": "{{base_url}}" + step.path,
        "host": ["{{base_url}}"],
        "path": path.strip("/").split("/"),
    }
    if query:
        pairs = (pair.partition("=") for pair in query.split("&"))
        url["query"] = [{"key": key, "value": value} for key, _, value in pairs]
    request: dict[str, Any] = {
        "method": step.method,
        "header": [{"key": key, "value": value} for key, value in _headers(step).items()],
        "url": url,
    }
    if step.says:
        request["description"] = step.says
    if step.body is not None:
        raw = json.dumps(step.body, indent=2)
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    return request


def _headers(step: Step) -> dict[str, str]:
    headers: dict[str, str] = {}
    if step.in_sandbox:
        return {"Content-Type": "application/json"}
    if step is TOKEN:
        headers |= {"client_id": "{{client_id}}", "client_secret": "{{client_secret}}"}
    else:
        headers["Authorization"] = "Bearer {{access_token}}"
    headers |= {
        "Ocp-Apim-Subscription-Key": "{{Ocp-Apim-Subscription-Key}}",
        "Merchant-Serial-Number": "{{merchantSerialNumber}}",
        "Vipps-System-Name": "{{systemName}}",
        "Vipps-System-Version": "{{systemVersion}}",
        "Vipps-System-Plugin-Name": "{{systemPluginName}}",
        "Vipps-System-Plugin-Version": "{{systemPluginVersion}}",
    }
    if step.key:
        headers["Idempotency-Key"] = "{{" + step.key + "}}"
    if step.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


_SKIPPED: Final = """\
// A payer's yes and time that passes: a sandbox has them on request, other environments in their own time.
if (pm.environment.get("sandbox") !== "true") {
    pm.execution.skipRequest();
}"""
_FRESH_KEY: Final = """\
// A new request gets a new key. To repeat one as it was, set keep_keys to true.
if (pm.environment.get("keep_keys") !== "true" || !pm.environment.get("%(key)s")) {
    pm.environment.set("%(key)s", pm.variables.replaceIn("{{$guid}}"));
}"""
_DUE: Final = """\
// Due in two days; a sandbox says what day it is there.
const dueAfter = (now) => {
    const due = new Date(new Date(now).getTime() + 2 * 24 * 3600 * 1000);
    pm.environment.set("due", due.toISOString().slice(0, 10));
};
dueAfter(Date.now());
if (pm.environment.get("sandbox") === "true") {
    const unit = pm.environment.get("merchantSerialNumber");
    pm.sendRequest(`${pm.environment.get("base_url")}/sandbox/sales-units/${unit}/clock`, (error, answer) => {
        if (!error) { dueAfter(answer.json().now); }
    });
}
pm.environment.set("orderId", pm.variables.replaceIn("{{$guid}}"));"""


def _before(step: Step) -> str:
    parts = []
    if step.in_sandbox:
        parts.append(_SKIPPED)
    if step.key:
        parts.append(_FRESH_KEY % {"key": step.key})
    if step.needs_due:
        parts.append(_DUE)
    return "\n".join(parts)


def _after(step: Step) -> str:
    lines = [
        f'pm.test("is answered {step.status}", () => pm.response.to.have.status({step.status}));'
    ]
    for variable, member in step.keeps:
        lines.append(
            f"if (pm.response.code < 300 && pm.response.json().{member}) "
            f'{{ pm.environment.set("{variable}", pm.response.json().{member}); }}'
        )
    if step.becomes:
        lines.append(
            f'if (pm.environment.get("sandbox") === "true") {{ pm.test("is {step.becomes}", '
            f'() => pm.expect(pm.response.json().status).to.eql("{step.becomes}")); }}'
        )
    if ("landing_page_url", "vippsConfirmationUrl") in step.keeps:
        lines.append('console.log("The landing page:", pm.environment.get("landing_page_url"));')
    return "\n".join(lines)


def _script(text: str) -> dict[str, Any]:
    return {"type": "text/javascript", "exec": text.split("\n")}


def _id(place: str) -> str:
    """The same id at every export, so that importing again replaces what was there."""
    return str(uuid.uuid5(NAMESPACE, place))
