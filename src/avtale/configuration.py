"""Every setting: its default, a sentence, its environment variable and its place in `avtale.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec

from avtale.rulebook import Environment

LogLevel = Literal["debug", "info", "warning", "error"]
FILE_NAME = "avtale.toml"
PREFIX = "AVTALE_"


class SettingRefused(ValueError):
    """A setting that makes no sense, or that nobody knows; the sentence says which and what would do."""


def _says(sentence: str, **bounds: Any) -> msgspec.Meta:
    return msgspec.Meta(description=sentence, **bounds)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings of an installation."""

    environment: Annotated[
        Environment,
        _says("`test` has simulated payers and clocks that obey; `production` has neither."),
    ] = "test"
    data: Annotated[
        str,
        _says("Where data is kept: a file (SQLite), `postgresql://…`, or `memory:` for nowhere."),
    ] = "avtale.db"
    host: Annotated[str, _says("The address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, _says("The port to listen on; 0 for any that is free.", ge=0, le=65535)
    ] = 8080
    public_url: Annotated[
        str | None,
        _says("The URL under which others reach this server; made of host and port if unset."),
    ] = None
    expose: Annotated[
        bool, _says("Listen on an address that is not loopback although the public keys work.")
    ] = False
    vendor_limits: Annotated[bool, _says("Count requests as the vendor does, and answer 429.")] = (
        False
    )
    receiver_subnets: Annotated[
        str | None,
        _says(
            "Subnets of your own whose receivers are sent to although they are private, with commas between."
        ),
    ] = None
    private_receivers: Annotated[
        bool,
        _says(
            "In the environment test, send webhooks to receivers in any private network, over http and on any port too."
        ),
    ] = False
    record_days: Annotated[
        int, _says("How many days requests are kept in the record; 0 keeps none.", ge=0, le=3650)
    ] = 30
    secret: Annotated[
        str | None,
        _says(
            "The installation's secret, from which keys are derived; kept in the database if unset."
        ),
    ] = None
    log_level: Annotated[LogLevel, _says("What is written to the log, on standard error.")] = (
        "warning"
    )
    batch_size: Annotated[
        int, _says("How many commands may share a transaction.", ge=1, le=10_000)
    ] = 256
    queue_size: Annotated[
        int, _says("How many commands may wait before new ones are answered 503.", ge=1)
    ] = 4096
    run_batch_size: Annotated[
        int, _says("How many charges a run attempts in one transaction.", ge=1, le=10_000)
    ] = 1000
    tick_seconds: Annotated[
        float, _says("How often the processing loop looks for what is due.", gt=0)
    ] = 1.0
    body_seconds: Annotated[
        float, _says("How long the body of a request may take to arrive.", gt=0)
    ] = 15.0


class Setting(NamedTuple):
    """One setting, as options and the reference show it."""

    name: str
    sentence: str
    type: Any
    """With its bounds, as msgspec reads them."""
    default: Any

    @property
    def option(self) -> str:
        """On the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """In the environment."""
        return PREFIX + self.name.upper()


@cache
def described() -> dict[str, Setting]:
    """Every setting by its name, in order."""
    fields = msgspec.structs.fields(Settings)
    return {
        field.name: Setting(
            field.name, field.type.__metadata__[0].description, field.type, field.default
        )
        for field in fields
    }


def load(
    given: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from `defaults`, `avtale.toml` in `folder`, environment variables and `given`, the last winning.

    Raises SettingRefused naming the setting and where it came from.
    """
    merged: dict[str, Any] = dict(defaults or {})
    for name, value in section("server", folder).items():
        if name not in Settings.__struct_fields__:
            raise SettingRefused(_unknown(name, f"{FILE_NAME}, [server]"))
        merged[name] = _checked(name, value, f"{FILE_NAME}, [server] {name}", strict=True)
    variables = os.environ if environment is None else environment
    for name in Settings.__struct_fields__:
        variable = PREFIX + name.upper()
        if variables.get(variable, "") != "":
            merged[name] = _checked(name, variables[variable], variable)
    for name, value in (given or {}).items():
        merged[name] = _checked(name, value, "--" + name.replace("_", "-"))
    return msgspec.convert(merged, Settings)


def section(name: Literal["server", "client"], folder: Path | None = None) -> dict[str, Any]:
    """What `avtale.toml` in `folder` says under a heading; raises SettingRefused where it cannot be read."""
    path = (folder or Path()) / FILE_NAME
    if not path.is_file():
        return {}
    import tomllib  # noqa: PLC0415 -- only where there is such a file

    try:
        found = tomllib.loads(path.read_text("utf-8")).get(name, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingRefused(f"{FILE_NAME} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise SettingRefused(f"{FILE_NAME}: [{name}] must be a table of settings.")
    return found


def _checked(name: str, value: Any, spelled: str, *, strict: bool = False) -> Any:
    setting = described()[name]
    try:
        return msgspec.convert(value, setting.type, strict=strict)
    except msgspec.ValidationError as error:
        choices = get_args(get_args(setting.type)[0]) if "enum" in str(error) else ()
        why = f"one of {', '.join(choices)} is expected" if choices else _lowered(str(error))
        raise SettingRefused(f"{spelled} is refused: {why}. {setting.sentence}") from error


def _unknown(name: str, where: str) -> str:
    import difflib  # noqa: PLC0415 -- only for whoever misspells

    near = difflib.get_close_matches(name, Settings.__struct_fields__, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{where}: there is no setting {name}.{hint}"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
