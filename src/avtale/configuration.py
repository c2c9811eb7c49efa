"""Every setting: its default, a sentence, its environment variable and its place in `avtale.toml`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

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


def load(
    given: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Settings from defaults, `avtale.toml` in `folder`, environment variables and `given`, the last winning.

    Raises SettingRefused naming the setting and where it came from.
    """
    merged: dict[str, Any] = {}
    path = (folder or Path()) / FILE_NAME
    if path.is_file():
        try:
            from_file = tomllib.loads(path.read_text("utf-8")).get("server", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingRefused(f"{FILE_NAME} cannot be read: {error}") from error
        merged.update(_checked(from_file, f"{FILE_NAME}, [server]"))
    variables = os.environ if environment is None else environment
    from_variables = {
        name: variables[PREFIX + name.upper()]
        for name in Settings.__struct_fields__
        if variables.get(PREFIX + name.upper(), "") != ""
    }
    merged.update(_checked(from_variables, "the environment", strict=False))
    merged.update(_checked(dict(given or {}), "the command line"))
    return msgspec.convert(merged, Settings)


def _checked(found: dict[str, Any], where: str, *, strict: bool = True) -> dict[str, Any]:
    try:
        settings = msgspec.convert(found, Settings, strict=strict)
    except msgspec.ValidationError as error:
        raise SettingRefused(f"A setting from {where} is refused: {error}") from error
    return {name: getattr(settings, name) for name in found}
