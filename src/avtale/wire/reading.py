"""Reading bodies: strict JSON first, then a shape, or every fault of the body at once.

Source: rulings §5; reliability 2H, I-1, I-2.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from avtale.problems import InvalidJson, PayloadTooLarge, ValidationFailed
from avtale.rulebook import Rulebook
from avtale.wire.faults import faults_of, strangers

T = TypeVar("T")

LIMIT_BYTES: Final = 64 * 1024
DEEPEST: Final = 16

_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
# NUL and half surrogate pairs get into strict JSON of strict UTF-8 only by such an escape.
_TELLING_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NUL_OR_SURROGATE: Final = re.compile("[\x00\ud800-\udfff]")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def read(
    body: bytes, shape: type[T], limit_bytes: int = LIMIT_BYTES, *, rules: Rulebook | None = None
) -> T:
    """The body in the given shape.

    Raises PayloadTooLarge and InvalidJson as `read_json` does, ValidationFailed as `shaped` does.
    """
    return shaped(read_json(body, limit_bytes), shape, rules)


def read_json(body: bytes, limit_bytes: int = LIMIT_BYTES) -> object:
    """Strict JSON as plain values.

    Raises PayloadTooLarge above `limit_bytes`, and InvalidJson, with a sentence that says what is
    wrong and where, for all that two readers could understand differently.
    """
    if len(body) > limit_bytes:
        raise PayloadTooLarge(f"The body may be at most {limit_bytes} bytes.")
    text = _text_of(body)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJson(_sentence(error)) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # Python refuses to make an integer of thousands of digits, since that takes quadratic time.
        raise InvalidJson("The body holds a number with too many digits.") from None
    if text.count("{") + text.count("[") > DEEPEST:
        _refuse_depth(value)
    if _TELLING_ESCAPE.search(text):
        _refuse_bad_text(value, "", outermost=True)
    return value


def shaped(value: object, shape: type[T], rules: Rulebook | None = None) -> T:
    """A value that was read as JSON in the given shape; null means not given.

    Raises ValidationFailed with every fault. With `rules`, a value that has not the shape is told
    what those say of the rest of it too; one that has the shape is left for its own `faults`.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError:
        pass
    value = _without_nulls(value)
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as refusal:
        raise ValidationFailed(*faults_of(value, shape, refusal, rules)) from None


def unknown_members(value: object, shape: type) -> list[str]:
    """The JSON paths of members that the API does not know and so ignored, for a remark."""
    return strangers(value, shape)


def _text_of(body: bytes) -> str:
    if not body or body.isspace():
        raise InvalidJson("The body is empty.")
    if body.startswith(_BYTE_ORDER_MARKS):
        raise InvalidJson("The body begins with a byte order mark; send UTF-8 without one.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidJson(f"The body is not UTF-8 at byte {error.start}.") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidJson(f"{_called(twice)} appears more than once in one object.")
    return members


def _called(name: str) -> str:
    return f"The member {name}" if _PLAIN_NAME.fullmatch(name) else "A member"


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidJson("The body holds a number that is too large.")
    return number


def _no_constant(name: str) -> NoReturn:
    raise InvalidJson(f"The body holds {name}, which is not JSON.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_finite, parse_constant=_no_constant
)


def _sentence(error: json.JSONDecodeError) -> str:
    what = error.msg.removesuffix(" at").removesuffix(" starting at").removesuffix(":")
    what = what[:1].lower() + what[1:]
    return f"The body is not JSON at line {error.lineno}, column {error.colno}: {what}."


def _too_deep() -> InvalidJson:
    return InvalidJson(f"The body is nested deeper than {DEEPEST} levels.")


def _refuse_depth(value: object) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [item for parent in level for item in _containers_in(parent)]
        if not level:
            return
    raise _too_deep()


def _containers_in(parent: Any) -> Iterator[Any]:
    items = parent.values() if isinstance(parent, dict) else parent
    return (item for item in items if isinstance(item, dict | list))


def _refuse_bad_text(value: object, path: str, *, outermost: bool = False) -> None:
    """Refuse NUL and half surrogate pairs, which not every database and no UTF-8 can hold."""
    if isinstance(value, str):
        if _NUL_OR_SURROGATE.search(value):
            raise _bad_text(path)
    elif isinstance(value, dict):
        for name, item in value.items():
            if _NUL_OR_SURROGATE.search(name):
                raise InvalidJson(
                    f"{_in(path)} a member's name holds NUL or half a surrogate pair."
                )
            _refuse_bad_text(item, name if outermost else f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_bad_text(item, str(index) if outermost else f"{path}.{index}")


def _bad_text(path: str) -> InvalidJson:
    where = path if _PLAIN_NAME.fullmatch(path) else "A text"
    return InvalidJson(f"{where} holds NUL or half a surrogate pair.")


def _in(path: str) -> str:
    return f"In {path}," if _PLAIN_NAME.fullmatch(path) else "In the body,"


def _without_nulls(value: object) -> object:
    """The same without members that are null; an array keeps its nulls."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
