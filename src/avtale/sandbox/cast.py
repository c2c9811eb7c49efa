"""The personas that come along, each a small file of its own, and any other by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from avtale.personas import Persona
from avtale.problems import ValidationFailed


@cache
def cast() -> Mapping[str, Persona]:
    """The personas that come along, by the names of their files."""
    files = resources.files("avtale.sandbox").joinpath("personas").iterdir()
    return {
        file.name.removesuffix(".toml"): persona_in(file.read_text("utf-8"))
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(".toml")
    }


def persona_in(text: str) -> Persona:
    """The persona that a file describes; raises ValueError with a sentence about what is wrong."""
    try:
        persona = msgspec.convert(tomllib.loads(text), Persona)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from error
    for place, habit in enumerate(persona.habits, 1):
        fault = habit.fault()
        if fault is not None:
            raise ValueError(f"habit {place}: {fault}")
    return persona


def persona_called(name: str) -> Persona:
    """The persona that comes along under this name; raises ValidationFailed with the names there are."""
    persona = cast().get(name)
    if persona is None:
        known = ", ".join(cast())
        raise ValidationFailed.of("persona", f"must be a persona, or the name of one: {known}")
    return persona
