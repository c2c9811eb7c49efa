"""The marks before the lines of the checklist, drawn to be told apart without colour and without a font."""

from __future__ import annotations

from typing import Any, Final

from reportlab.lib.colors import HexColor, white

from avtale.checklist.report import Standing

RADIUS: Final = 5.0

_FILLED: Final = {"passed": HexColor(0x0F6B5C), "failed": HexColor(0x7A1526)}
_OUTLINE: Final = HexColor(0x59625E)

_STROKES: Final[dict[Standing, tuple[tuple[float, float, float, float], ...]]] = {
    "passed": ((-2.3, 0.1, -0.7, -1.7), (-0.7, -1.7, 2.4, 1.8)),
    "failed": ((-1.8, -1.8, 1.8, 1.8), (-1.8, 1.8, 1.8, -1.8)),
    "not yet": ((-2.2, 0, 2.2, 0),),
    "to be confirmed": (),
    "stale": ((0, 0, 0, 2.8), (0, 0, 2, -1.2)),
}
"""Lines from the middle of the mark: a tick, a cross, a dash, the hands of a clock."""


def draw_symbol(canvas: Any, standing: Standing, x: float, y: float) -> None:
    """Draw a mark around a point: filled where a machine has judged, hollow where something is open."""
    filled = _FILLED.get(standing)
    pen = white if filled else _OUTLINE
    canvas.saveState()
    canvas.setLineWidth(0.9)
    canvas.setStrokeColor(filled or _OUTLINE)
    canvas.setFillColor(filled or white)
    canvas.circle(x, y, RADIUS, stroke=1, fill=1)
    canvas.setStrokeColor(pen)
    canvas.setLineWidth(1.3)
    canvas.setLineCap(1)
    for x1, y1, x2, y2 in _STROKES[standing]:
        canvas.line(x + x1, y + y1, x + x2, y + y2)
    if standing == "to be confirmed":
        canvas.setFillColor(pen)
        canvas.setFont("Helvetica-Bold", 7)
        canvas.drawCentredString(x, y - 2.5, "?")
    canvas.restoreState()
