"""`up`, `api` and `worker` as the command line knows them: an option for every setting, made from the settings."""

from __future__ import annotations

from inspect import Parameter as Argument
from inspect import Signature
from typing import Annotated, Any, Final, get_args, get_origin

from cyclopts import App, Group, Parameter

from avtale.cli.running import Part, run
from avtale.configuration import FILE_NAME, Setting, described

_ABOUT_SETTINGS: Final = (
    "\nEach setting is an option, a variable of the environment, or a line under [server] in "
    f"{FILE_NAME}; an option wins over a variable, a variable over the file.\n"
)

UP: Final = f"""\
Start everything on one port: the API, its reference, the control API, and what is due.

It prints what one needs: the addresses, keys that work, a command to paste.

For example:

    avtale up
    avtale up --port 0 --data memory: --json
    avtale up --data postgresql://avtale@localhost/avtale
{_ABOUT_SETTINGS}"""

API: Final = f"""\
Answer requests, and leave what is due to `avtale worker`; any number, on one PostgreSQL.

For example:

    avtale api --data postgresql://avtale@localhost/avtale --port 8081
{_ABOUT_SETTINGS}"""

WORKER: Final = f"""\
Do what is due (runs, expiries, deliveries), and answer nobody; any number, on one PostgreSQL.

For example:

    avtale worker --data postgresql://avtale@localhost/avtale

It tells what it does on standard error.
{_ABOUT_SETTINGS}"""

_OUTPUT: Final = Group("Output", sort_key=1)
_SETTINGS: Final = Group("Settings", sort_key=2)
_OF_NO_USE: Final[dict[Part, set[str]]] = {
    "up": set(),
    "api": {"tick_seconds"},
    "worker": {"host", "port", "expose", "vendor_limits", "body_seconds"},
}


def _app(part: Part, about: str) -> App:
    def command(**given: Any) -> int:
        as_json, quiet = given.pop("json", False), given.pop("quiet", False)
        settings = {name: value for name, value in given.items() if value is not None}
        return run(part, settings, as_json=as_json, quiet=quiet)

    options = [
        _option(setting, default="info" if name == "log_level" and part == "worker" else None)
        for name, setting in described().items()
        if name not in _OF_NO_USE[part]
    ]
    if part != "worker":
        options += [
            _flag("json", "Print what is printed as one JSON object."),
            _flag("quiet", "Print nothing."),
        ]
    command.__annotations__ = {}
    command.__signature__ = Signature(options)  # type: ignore[attr-defined]  # read by cyclopts
    app = App(name=part, help=about)
    app.default(command)
    return app


def _option(setting: Setting, default: str | None) -> Argument:
    plain = get_args(setting.type)[0] if get_origin(setting.type) is Annotated else setting.type
    shown = default or setting.default
    how = Parameter(
        help=f"{setting.sentence} [{setting.variable}]",
        show_default=str(shown) if shown not in {None, False} else False,
        negative=f"--no-{setting.option[2:]}" if plain is bool else (),
        group=_SETTINGS,
    )
    return Argument(
        setting.name, Argument.KEYWORD_ONLY, default=None, annotation=Annotated[plain | None, how]
    )


def _flag(name: str, sentence: str) -> Argument:
    how = Parameter(help=sentence, negative=(), show_default=False, group=_OUTPUT)
    return Argument(name, Argument.KEYWORD_ONLY, default=False, annotation=Annotated[bool, how])


up = _app("up", UP)
api = _app("api", API)
worker = _app("worker", WORKER)
