"""The checklist on paper: a PDF in A4 to be sent, with fields for the partner, the solution and a comment on each line.

Nothing in it depends on the machine: the fonts are those that every reader has, and the same input gives the same
bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any, Final, NamedTuple

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from avtale.checklist.fields import Fields, height_of
from avtale.checklist.items import Line
from avtale.checklist.lettering import UNSHOWN, Face, is_all_shown, shown, wrapped
from avtale.checklist.report import (
    CLOSING,
    Cover,
    counts,
    ids_of,
    latest_of,
    score,
    standing,
    title_and_call,
    word_of,
)
from avtale.checklist.symbols import draw_symbol

TITLE: Final = "Recurring API: checklist"

WIDTH, HEIGHT = A4
MARGIN: Final = 42.0
FOOT: Final = 46.0
"""What is left free below for the foot of the page."""
INNER: Final = WIDTH - 2 * MARGIN

INK, SOFT, RULE, MAIN = (HexColor(each) for each in (0x1E2422, 0x59625E, 0xC9C6BC, 0x0F6B5C))

HUGE: Final = Face("Helvetica-Bold", 20)
HEAD: Final = Face("Helvetica-Bold", 11)
BOLD: Final = Face("Helvetica-Bold", 8.5)
TEXT: Final = Face("Helvetica", 8.5)
SMALL: Final = Face("Helvetica", 7.5)
TINY: Final = Face("Helvetica", 6.5)
CALL: Final = Face("Courier", 7)


class Column(NamedTuple):
    """Where a column of the table begins, and how wide its text may be."""

    x: float
    width: float
    head: str


MARK: Final = Column(MARGIN, 46, "")
LINE: Final = Column(MARGIN + 50, 192, "Line")
IDS: Final = Column(MARGIN + 252, 120, "Order id or agreement")
COMMENT: Final = Column(MARGIN + 380, INNER - 380, "Comment")
COLUMNS: Final = (LINE, IDS, COMMENT)

LABEL: Final = 12.0
"""What the words above a field of the head take."""
HALF: Final = (INNER - 14) / 2
SECOND: Final = MARGIN + HALF + 14
THIRD: Final = SECOND + 110


class Row(NamedTuple):
    """One line of the checklist with its texts already on lines of print."""

    line: Line
    text: tuple[tuple[Face, str], ...]
    ids: tuple[tuple[Face, str], ...]
    field_height: float

    @property
    def height(self) -> float:
        """With the space around it."""
        return max(_height(self.text), _height(self.ids), self.field_height) + 10


class Section(NamedTuple):
    """Rows of a section that stand on one page."""

    title: str
    goes_on: bool
    """Whether it began on the page before."""
    rows: list[Row]


HEAD_HEIGHT: Final = 44.0
"""What a section's title and the names of its columns take."""
CLOSE_HEIGHT: Final = 3 * SMALL.leading + 4
"""What is kept for the words below the last line."""


def as_pdf(lines: Sequence[Line], cover: Cover) -> bytes:
    """The whole document."""
    made = BytesIO()
    canvas = Canvas(made, pagesize=A4, invariant=1, lang="en", pdfVersion=(1, 7))
    canvas.setTitle(f"{TITLE}, Merchant Serial Number {cover.unit}")
    canvas.setSubject(shown(cover.description) or "What is integrated, and what shows it")
    canvas.setAuthor(cover.partner or cover.name)
    canvas.setCreator("avtale")
    # Otherwise it would be the turn of the century, since what is invariant may not know the hour.
    canvas.setDateFormatter(lambda *_: f"D:{cover.at:%Y%m%d%H%M%S}+00'00'")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    _Paper(canvas, lines, cover).draw()
    canvas.save()
    return made.getvalue()


class _Paper:
    def __init__(self, canvas: Canvas, lines: Sequence[Line], cover: Cover) -> None:
        self._canvas: Any = canvas
        self._fields = Fields(canvas)
        self._lines = lines
        self._cover = cover

    def draw(self) -> None:
        head = _head_of(self._cover)
        pages = list(_pages(self._lines, head.table))
        for number, sections in enumerate(pages, 1):
            y = HEIGHT - MARGIN
            if number == 1:
                self._head(head)
                y = head.table
            for section in sections:
                y = self._section(section, y)
            if number == len(pages):
                self._close(y)
            self._foot(number, len(pages))
            self._canvas.showPage()

    # ── what stands above the lines ──

    def _head(self, head: Head) -> None:
        y, right = HEIGHT - MARGIN, WIDTH - MARGIN
        self._say("RECURRING API", Face("Helvetica-Bold", 8), MARGIN, y - 8, MAIN)
        self._say("Checklist", HUGE, MARGIN, y - 31)
        self._say(score(self._lines), HEAD, right - HEAD.width(score(self._lines)), y - 16)
        date = f"{self._cover.at:%Y-%m-%d %H:%M} UTC"
        self._say(date, SMALL, right - SMALL.width(date), y - 29, SOFT)
        self._rule(head.whose + 12, INK, 1)
        self._whose(head)
        self._tally(head.tally)

    def _whose(self, head: Head) -> None:
        """Partner, serial number, description: what the vendor asks for above all lines."""
        cover, y = self._cover, head.whose
        self._say("Partner name", SMALL, MARGIN, y - 7, SOFT)
        place = (MARGIN, y - LABEL - head.partner, HALF, head.partner)
        self._fields.text("partner", cover.partner, "Partner name", place)
        self._say("Merchant Serial Number", SMALL, SECOND, y - 7, SOFT)
        self._say(cover.unit, HEAD, SECOND, y - 24)
        self._say("Sales unit", SMALL, THIRD, y - 7, SOFT)
        for count, line in enumerate(wrapped(cover.name, TEXT, WIDTH - MARGIN - THIRD)):
            self._say(line, TEXT, THIRD, y - 23 - count * TEXT.leading)
        y = head.solution
        self._say("Description of the solution", SMALL, MARGIN, y - 7, SOFT)
        place = (MARGIN, y - LABEL - head.description, INNER, head.description)
        self._fields.text("description", cover.description, "Description of the solution", place)

    def _tally(self, y: float) -> None:
        """How many lines stand how, which is the key to the marks as well."""
        x = MARGIN
        for each, count in counts(self._lines).items():
            said = f"{count} {each}"
            draw_symbol(self._canvas, each, x + 5, y - 5)
            self._say(said, TEXT, x + 14, y - 8)
            x += 14 + TEXT.width(said) + 18
        if self._cover.limits:
            self._several(self._cover.limits, y - 22)

    # ── the lines ──

    def _section(self, section: Section, y: float) -> float:
        """Draw from `y` downwards; answers with where it ends."""
        title = f"{section.title}, continued" if section.goes_on else section.title
        if not section.goes_on:
            self._canvas.bookmarkPage(title)
            self._canvas.addOutlineEntry(title, title, 0)
        self._say(title, HEAD, MARGIN, y - 19)
        for column in COLUMNS:
            self._say(column.head, TINY, column.x, y - 33, SOFT)
        y -= HEAD_HEIGHT - 6
        self._rule(y, INK, 0.7)
        for row in section.rows:
            self._row(row, y)
            y -= row.height
            self._rule(y, RULE, 0.4)
        return y - 6

    def _row(self, row: Row, y: float) -> None:
        line = row.line
        draw_symbol(self._canvas, standing(line), MARK.x + 5, y - 10)
        for count, words in enumerate(wrapped(word_of(line), TINY, MARK.width)):
            self._say(words, TINY, MARK.x, y - 23 - count * TINY.leading, SOFT)
        self._column(row.text, LINE, y)
        self._column(row.ids, IDS, y)
        place = (COMMENT.x, y - row.height + 5, COMMENT.width, row.height - 10)
        self._fields.text(f"comment_{line.item}", line.comment, f"Comment: {line.title}", place)

    def _column(self, texts: tuple[tuple[Face, str], ...], column: Column, y: float) -> None:
        y -= 5
        for face, text in texts:
            self._say(text, face, column.x, y - face.size, INK if face in {BOLD, CALL} else SOFT)
            y -= face.leading

    # ── what stands below ──

    def _close(self, y: float) -> None:
        said = CLOSING
        cover = self._cover
        texts = (
            cover.name,
            cover.partner,
            cover.description,
            *(line.comment for line in self._lines),
        )
        if not all(map(is_all_shown, texts)):
            said += (
                f" Some letters are not in the fonts of this document: {UNSHOWN} stands for them,"
                " and the fields hold what was written."
            )
        self._several(said, y - SMALL.leading - 4)

    def _foot(self, number: int, pages: int) -> None:
        cover = self._cover
        self._rule(FOOT - 8, RULE, 0.4)
        page = f"Page {number} of {pages}"
        said = f"Merchant Serial Number {cover.unit}, {cover.at:%Y-%m-%d}, {cover.name}"
        left = wrapped(said, TINY, INNER - 80)[0]
        self._say(left, TINY, MARGIN, FOOT - 20, SOFT)
        self._say(page, TINY, WIDTH - MARGIN - TINY.width(page), FOOT - 20, SOFT)

    # ── the pen ──

    def _several(self, text: str, y: float) -> None:
        for count, line in enumerate(wrapped(text, SMALL, INNER)):
            self._say(line, SMALL, MARGIN, y - count * SMALL.leading, SOFT)

    def _say(self, text: str, face: Face, x: float, y: float, colour: Any = INK) -> None:
        self._canvas.setFont(*face)
        self._canvas.setFillColor(colour)
        self._canvas.drawString(x, y, text)

    def _rule(self, y: float, colour: Any, width: float) -> None:
        self._canvas.setStrokeColor(colour)
        self._canvas.setLineWidth(width)
        self._canvas.line(MARGIN, y, WIDTH - MARGIN, y)


# ── Where everything goes ────────────────────────────────────────────────────────────────────────


class Head(NamedTuple):
    """Where the parts of the head begin, from the bottom of the page, and how tall its fields are."""

    whose: float
    solution: float
    tally: float
    table: float
    partner: float
    description: float


def _head_of(cover: Cover) -> Head:
    whose = HEIGHT - MARGIN - 54
    partner = height_of(cover.partner, HALF, least=1) + 4
    name = len(wrapped(cover.name, TEXT, WIDTH - MARGIN - THIRD)) * TEXT.leading
    solution = whose - LABEL - max(partner, name + 4) - 10
    description = height_of(cover.description, INNER, least=3)
    tally = solution - LABEL - description - 14
    limits = len(wrapped(cover.limits, SMALL, INNER)) * SMALL.leading if cover.limits else 0
    return Head(whose, solution, tally, tally - 16 - limits, partner, description)


def _pages(lines: Sequence[Line], top: float) -> Iterator[list[Section]]:
    """The sections of each page; no row is cut, and no title stands alone at the end of a page."""
    page: list[Section] = []
    y = top
    for title, of_section in groupby(lines, key=lambda line: line.section):
        section: Section | None = None
        goes_on = False
        for row in map(_row, of_section):
            needs = row.height + (0 if section else HEAD_HEIGHT)
            if y - needs < FOOT + CLOSE_HEIGHT and page:
                yield page
                page, y, section = [], HEIGHT - MARGIN, None
            if section is None:
                section = Section(title, goes_on, [])
                page.append(section)
                y -= HEAD_HEIGHT
            section.rows.append(row)
            goes_on = True
            y -= row.height
    yield page


def _row(line: Line) -> Row:
    title, call = title_and_call(line)
    text = [
        *((BOLD, each) for each in wrapped(title, BOLD, LINE.width)),
        *((CALL, each) for each in wrapped(call, CALL, LINE.width) if call),
        *((SMALL, each) for each in wrapped(line.left_to_do, SMALL, LINE.width) if line.left_to_do),
    ]
    ids = [(CALL, each) for each in wrapped(", ".join(ids_of(line)), CALL, IDS.width) if each]
    latest = latest_of(line)
    if ids and latest is not None:
        ids.append((TINY, f"latest on {latest:%Y-%m-%d}"))
    return Row(line, tuple(text), tuple(ids), height_of(line.comment, COMMENT.width, least=2))


def _height(texts: tuple[tuple[Face, str], ...]) -> float:
    return sum(face.leading for face, _ in texts)
