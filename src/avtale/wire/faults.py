"""The second pass over a body that was refused: a walk along its shape that collects every fault.

It runs on refusal only, so it may take its time.
A fault names its member by path and never repeats a value.
Source: rulings §5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import NODEFAULT, inspect

from avtale.problems import Fault
from avtale.rulebook import Rulebook
from avtale.wire.members import listed

MOST_FAULTS: Final = 100
MOST_UNKNOWN: Final = 100
LONGEST_NAME: Final = 64

_WHERE: Final = re.compile(r" - at `\$(.*)`$")
_INDEX: Final = re.compile(r"\[(\d+|\.\.\.)\]")

_MISSING: Final = object()


def faults_of(
    value: object, shape: type, refusal: msgspec.ValidationError, rules: Rulebook | None
) -> list[Fault]:
    """Everything that keeps `value` from having the shape, and what `rules` say of the rest.

    `refusal` is the first pass's own word, for what only a type's own check has refused.
    """
    found = list(islice(_walk(value, _info(shape), ""), MOST_FAULTS))
    found = found or [Fault(_where(refusal), "is not valid")]
    if rules is not None and isinstance(value, dict):
        found += _rule_faults(value, shape, rules, found)
    return found


def strangers(value: object, shape: type) -> list[str]:
    """The paths of members that the API does not know and therefore ignored, for a remark."""
    return list(islice(_strangers(value, _known(shape), ""), MOST_UNKNOWN))


@lru_cache(maxsize=256)
def _info(shape: type) -> inspect.Type:
    return inspect.type_info(shape)


def _under(path: str, name: str | int) -> str:
    return f"{path}.{name}" if path else str(name)


def _where(refusal: msgspec.ValidationError) -> str:
    found = _WHERE.search(str(refusal))
    return _INDEX.sub(r".\1", found[1]).strip(".") if found else "body"


# ── The walk ─────────────────────────────────────────────────────────────────────────────────────


def _walk(
    value: object, kind: inspect.Type, path: str, reason: str | None = None
) -> Iterator[Fault]:
    """Yield the faults of a value and all that is in it; `reason` is the kind's own words."""
    match kind:
        case inspect.Metadata():
            own = (kind.extra or {}).get("reason", reason)
            yield from _walk(value, kind.type, path, own)
        case inspect.UnionType():
            yield from _walk_union(value, kind, path, reason)
        case inspect.StructType():
            yield from _walk_struct(value, kind, path)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
            yield from _walk_array(value, kind, path)
        case inspect.DictType():
            if not isinstance(value, dict):
                yield Fault(path or "body", "must be an object")
            else:
                for name, item in value.items():
                    yield from _walk(item, kind.value_type, _under(path, name[:LONGEST_NAME]))
        case _:
            if why := _leaf_reason(value, kind, reason):
                yield Fault(path or "body", why)


def _walk_struct(value: object, kind: inspect.StructType, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(path or "body", "must be an object")
        return
    for field in kind.fields:
        item = value.get(field.encode_name, _MISSING)
        if item is not _MISSING:
            yield from _walk(item, field.type, _under(path, field.encode_name))
        elif field.required:
            yield Fault(_under(path, field.encode_name), "is required")


def _walk_array(
    value: object, kind: inspect.ListType | inspect.VarTupleType | inspect.SetType, path: str
) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault(path or "body", "must be an array")
    elif kind.max_length is not None and len(value) > kind.max_length:
        yield Fault(path or "body", f"must hold at most {kind.max_length} items")
    elif kind.min_length is not None and len(value) < kind.min_length:
        yield Fault(path or "body", f"must hold at least {kind.min_length} items")
    else:
        for index, item in enumerate(value):
            yield from _walk(item, kind.item_type, _under(path, index))


def _walk_union(
    value: object, kind: inspect.UnionType, path: str, reason: str | None
) -> Iterator[Fault]:
    if value is None and kind.includes_none:
        return
    structs = _tagged(kind)
    if structs and isinstance(value, dict):
        chosen = structs.get(_tag(value, kind))
        if chosen is not None:
            yield from _walk(value, chosen, path)
        elif _tag(value, kind) is None:
            yield Fault(_under(path, _tag_field(kind)), "is required")
        else:
            yield Fault(
                _under(path, _tag_field(kind)), f"must be {listed([str(tag) for tag in structs])}"
            )
        return
    faults = [list(_walk(value, member, path, reason)) for member in _not_none(kind)]
    if all(faults):
        yield from [Fault(path or "body", reason)] if reason else faults[0]


def _not_none(kind: inspect.UnionType) -> list[inspect.Type]:
    return [member for member in kind.types if not isinstance(member, inspect.NoneType)]


def _tagged(kind: inspect.UnionType) -> dict[object, inspect.StructType]:
    return {
        member.tag: member
        for member in kind.types
        if isinstance(member, inspect.StructType) and member.tag is not None
    }


def _tag_field(kind: inspect.UnionType) -> str:
    structs = (member for member in kind.types if isinstance(member, inspect.StructType))
    return next(struct.tag_field for struct in structs if struct.tag_field is not None)


def _tag(value: dict[str, Any], kind: inspect.UnionType) -> str | None:
    tag = value.get(_tag_field(kind))
    return tag if tag is None or isinstance(tag, str) else ""


# ── Single values ────────────────────────────────────────────────────────────────────────────────


def _leaf_reason(value: object, kind: inspect.Type, reason: str | None) -> str | None:
    """Why a single value is not of its kind, or None where it is or the kind is not known here."""
    match kind:
        case inspect.StrType():
            return _text_reason(value, kind, reason)
        case inspect.IntType():
            return _number_reason(value, kind, "must be a whole number", (int,))
        case inspect.FloatType():
            return _number_reason(value, kind, "must be a number", (int, float))
        case inspect.BoolType():
            return None if isinstance(value, bool) else "must be true or false"
        case inspect.LiteralType():
            known = isinstance(value, str) and value in kind.values
            return None if known else f"must be {listed([str(word) for word in kind.values])}"
        case inspect.DateType():
            return None if _reads_as(value, date) else "must be a date, such as 2026-12-06"
        case inspect.DateTimeType():
            wanted = "must be an instant with an offset, such as 2026-12-06T00:00:00Z"
            return None if _reads_as(value, datetime, aware=kind.tz) else wanted
        case _:
            return None


def _text_reason(value: object, kind: inspect.StrType, reason: str | None) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    if kind.min_length is not None and len(value) < kind.min_length:
        return (
            "must not be empty" if not value else f"must be at least {kind.min_length} characters"
        )
    if kind.max_length is not None and len(value) > kind.max_length:
        return f"must be at most {kind.max_length} characters"
    if kind.pattern is not None and not re.search(kind.pattern, value):
        return reason or "has not the right form"
    return None


def _number_reason(
    value: object,
    kind: inspect.IntType | inspect.FloatType,
    wanted: str,
    kinds: tuple[type[int | float], ...],
) -> str | None:
    if isinstance(value, bool) or not isinstance(value, kinds):
        return wanted
    if kind.ge is not None and value < kind.ge:
        return f"must be at least {kind.ge}"
    if kind.le is not None and value > kind.le:
        return f"must be at most {kind.le}"
    return None


def _reads_as(value: object, kind: type, *, aware: bool | None = None) -> bool:
    if not isinstance(value, str):
        return False
    try:
        read: Any = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return aware is not True or read.tzinfo is not None


# ── What the rules say of the rest ───────────────────────────────────────────────────────────────


def _rule_faults(
    value: dict[str, Any], shape: type, rules: Rulebook, found: list[Fault]
) -> list[Fault]:
    """The faults that the rules find in what could be read, without what follows from `found`."""
    kind = _info(shape)
    if not isinstance(kind, inspect.StructType) or not hasattr(shape, "faults"):
        return []
    more: list[Fault] = _partly(value, kind).faults(rules)
    names = [fault.name for fault in found]
    return [fault for fault in more if not any(_related(fault.name, name) for name in names)]


def _related(name: str, other: str) -> bool:
    return (
        "body" in {name, other}
        or name == other
        or name.startswith(f"{other}.")
        or other.startswith(f"{name}.")
    )


def _partly(value: dict[str, Any], kind: inspect.StructType) -> Any:
    """A struct of all that could be read, with None in place of the rest."""
    members: dict[str, Any] = {}
    for field in kind.fields:
        if field.encode_name in value:
            members[field.name] = _part(value[field.encode_name], field.type)
        elif field.required:
            members[field.name] = None
        elif field.default is not NODEFAULT:
            members[field.name] = field.default
    return kind.cls(**members)


def _part(value: object, kind: inspect.Type) -> Any:
    struct = _struct_in(value, kind)
    if struct is not None:
        return _partly(value, struct) if isinstance(value, dict) else None
    if any(_walk(value, kind, "")):
        return None
    kinds = {type(leaf) for leaf in _leaves(kind)}
    if isinstance(value, str) and inspect.DateType in kinds:
        return msgspec.convert(value, date)
    if isinstance(value, str) and inspect.DateTimeType in kinds:
        return msgspec.convert(value, datetime)
    return value


def _leaves(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.Metadata):
        yield from _leaves(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            yield from _leaves(member)
    else:
        yield kind


def _struct_in(value: object, kind: inspect.Type) -> inspect.StructType | None:
    """The struct that a value is meant to be, if it is meant to be one."""
    structs = [leaf for leaf in _leaves(kind) if isinstance(leaf, inspect.StructType)]
    if len(structs) < 2:
        return structs[0] if structs else None
    tag = value.get(structs[0].tag_field or "") if isinstance(value, dict) else None
    return next((struct for struct in structs if struct.tag == tag), None)


# ── Strangers ────────────────────────────────────────────────────────────────────────────────────


class _Known(NamedTuple):
    """What a value may hold: members by their names, or items; made once, since every body is looked at."""

    tag_field: str | None
    by_tag: Mapping[object, Mapping[str, _Known | None]]
    """The members of each struct that it may be; under None where there is but one."""
    item: _Known | None

    def members_of(self, value: Mapping[str, object]) -> Mapping[str, _Known | None] | None:
        """The members that such a value may have; None where it cannot be told what it is meant to be."""
        only = self.by_tag.get(None)
        if only is not None:
            return only
        tag = value.get(self.tag_field or "")
        return self.by_tag.get(tag) if isinstance(tag, str) else None


@lru_cache(maxsize=256)
def _known(shape: type) -> _Known | None:
    return _known_in(_info(shape))


def _known_in(kind: inspect.Type) -> _Known | None:
    """None where nothing in it has a name."""
    structs = [leaf for leaf in _leaves(kind) if isinstance(leaf, inspect.StructType)]
    items = [leaf for leaf in _leaves(kind) if isinstance(leaf, inspect.CollectionType)]
    if not structs and not items:
        return None
    members: dict[object, Mapping[str, _Known | None]] = {
        (each.tag if len(structs) > 1 else None): {
            field.encode_name: _known_in(field.type) for field in each.fields
        }
        for each in structs
    }
    tag_field = structs[0].tag_field if structs else None
    return _Known(tag_field, members, _known_in(items[0].item_type) if items else None)


def _strangers(value: object, known: _Known | None, path: str) -> Iterator[str]:
    if known is None:
        return
    if isinstance(value, dict):
        members = known.members_of(value)
        if members is None:
            return
        for name, item in value.items():
            if name not in members:
                if name != known.tag_field:
                    yield _under(path, name[:LONGEST_NAME])
            elif isinstance(item, dict | list):
                yield from _strangers(item, members[name], _under(path, name))
    elif isinstance(value, list) and known.item is not None:
        for index, item in enumerate(value):
            yield from _strangers(item, known.item, _under(path, index))
