"""Fields of a PDF that people can go on writing in, with what they hold already shown on lines that fit."""

from __future__ import annotations

from typing import Any, Final

from reportlab.lib.colors import HexColor
from reportlab.pdfbase.acroform import AcroForm

from avtale.checklist.lettering import Face, wrapped

WRITING: Final = Face("Helvetica", 8)
PADDING: Final = 8.0
"""Between a field's edge and its text, both sides together."""
MOST_LINES: Final = 40

_BORDER: Final = HexColor(0xB9B5AA)
_GROUND: Final = HexColor(0xFAFAF8)
_INK: Final = HexColor(0x1E2422)
_LINE_WIDTH: Final = 1


def height_of(value: str, width: float, *, least: int) -> float:
    """How tall a field of this width has to be for its value, and for `least` lines in any case."""
    lines = max(least, len(_lines_of(value, width)))
    return round(lines * WRITING.size * 1.2 + PADDING, 2)


def _lines_of(value: str, width: float) -> list[str]:
    """The value as it is shown; where it has more lines than a page has room for, they run on."""
    lines = wrapped(value, WRITING, width - PADDING)
    if len(lines) > MOST_LINES:
        lines = wrapped(" ".join(value.split()), WRITING, width - PADDING)
    return lines


class Fields:
    """The fields of one document."""

    def __init__(self, canvas: Any) -> None:
        self._form = _form_on(canvas)
        canvas.AcroForm = canvas._doc._catalog.AcroForm = self._form

    def text(
        self, name: str, value: str, says: str, place: tuple[float, float, float, float]
    ) -> None:
        """A field for text of several lines; `says` is its name for whoever cannot see it, `place` x, y, width, height.

        The whole value is in the field, even what the font of the page cannot show.
        """
        x, y, width, height = place
        self._form.textfield(
            value=value,
            name=name,
            tooltip=says,
            x=x,
            y=y,
            width=width,
            height=height,
            maxlen=None,
            fontName=WRITING.font,
            fontSize=WRITING.size,
            borderWidth=_LINE_WIDTH,
            borderColor=_BORDER,
            fillColor=_GROUND,
            textColor=_INK,
            fieldFlags="multiline",
        )


def _form_on(canvas: Any) -> Any:
    """A form whose fields show long values on several lines from the start; the library shows them on one."""
    form: Any = AcroForm(canvas)
    draw: Any = form.txAP

    def wrapping(key: str, value: str, *how: Any, width: float, **more: Any) -> Any:
        text = "\n".join(_lines_of(value, width))
        # The library takes each character for the byte that it is in the encoding of forms.
        text = text.encode("pdfdoc").decode("latin-1")
        return draw(key, text, *how, width=width, **more)

    setattr(form, "txAP", wrapping)  # noqa: B010 -- the library's types forbid what it allows
    return form
