"""The checklist on paper: fields to go on writing in, text that can be found, and nothing that is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PageObject, PdfReader, PdfWriter

from avtale.checklist.items import ITEMS, Line, checklist
from avtale.checklist.lettering import Face, shown, wrapped
from avtale.checklist.paper import COLUMNS, FOOT, MARGIN, WIDTH, as_pdf
from avtale.checklist.report import Cover, as_markdown
from avtale.record import Note
from tests.checklist.merchant import ACTIVE, MSN, NOON, REFUNDED, asked, evidence, requests

LONGEST_ID = "order-" + 58 * "9"
EVERY_FIELD = {"partner", "description", *(f"comment_{item.name}" for item in ITEMS)}
MULTILINE = 1 << 12
READ_ONLY = 1


def lines(comments: dict[str, str] | None = None, **members: Any) -> tuple[Line, ...]:
    notes = {
        item: Note(MSN, item, confirmed=True, comment=comment, noted=NOON)
        for item, comment in (comments or {}).items()
    }
    return checklist(evidence(**members), notes)


def cover(**members: Any) -> Cover:
    return Cover(**{"unit": MSN, "name": "Nordic News", "at": NOON, **members})


def read(found: tuple[Line, ...] | None = None, **members: Any) -> PdfReader:
    return PdfReader(BytesIO(as_pdf(found or lines(), cover(**members))))


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def boxes(reader: PdfReader) -> Iterator[tuple[str, PageObject, tuple[float, ...], Any]]:
    """Each field with its page, its place and what it looks like."""
    for page in reader.pages:
        for each in page.get("/Annots", []):
            widget = each.get_object()
            place = tuple(float(each) for each in widget["/Rect"])
            yield widget["/T"], page, place, widget


def printed_in(widget: Any) -> list[str]:
    """The lines of text in a field, as it looks before anybody has touched it."""
    stream = widget["/AP"]["/N"].get_object().get_data().decode("latin-1")
    shown_lines = [line for line in stream.splitlines() if line.endswith("Tj")]
    return [line[1 : line.rindex(")")] for line in shown_lines]


# ── Fields ───────────────────────────────────────────────────────────────────────────────────────


def test_there_is_a_field_for_partner_description_and_each_line_and_all_can_be_written_in() -> None:
    reader = read()
    fields = reader.get_fields()
    assert fields is not None
    assert set(fields) == EVERY_FIELD
    for name, _, _, widget in boxes(reader):
        assert widget["/FT"] == "/Tx"
        assert widget["/Ff"] & MULTILINE
        assert not widget["/Ff"] & READ_ONLY
        assert "/MaxLen" not in widget
        assert widget["/TU"], name


def test_fields_hold_what_is_known_already() -> None:
    comment = "100 % (see the video) \\ done\nby Ida"
    found = lines({"design_guidelines": comment})
    fields = read(found, partner="Blåbær & sønner", description="News").get_form_text_fields()
    assert fields["partner"] == "Blåbær & sønner"
    assert fields["description"] == "News"
    assert fields["comment_design_guidelines"] == comment
    assert not fields["comment_refund_charge"]


def test_somebody_else_can_fill_it_in() -> None:
    writer = PdfWriter(clone_from=read(partner="Acme"))
    written = {"partner": "Acme Ødegård", "comment_webhooks": "orderId paid-1,\nsee the video"}
    for page in writer.pages:
        writer.update_page_form_field_values(page, written, auto_regenerate=False)
    sent = BytesIO()
    writer.write(sent)
    assert written.items() <= PdfReader(sent).get_form_text_fields().items()


def test_fields_hold_even_what_the_font_lacks_and_the_page_says_so() -> None:
    found = lines({"webhooks": "Żaneta 日本 – 5 €"})
    reader = read(found, partner="Čáhci")
    fields = reader.get_form_text_fields()
    assert (fields["partner"], fields["comment_webhooks"]) == ("Čáhci", "Żaneta 日本 – 5 €")
    looks = {name: printed_in(widget) for name, _, _, widget in boxes(reader)}
    assert looks["partner"] == ["?\\341hci"]
    assert looks["comment_webhooks"] == ["?aneta ?? \\205 5 \\240"]
    said = "Some letters are not in the fonts of this document"
    assert said in " ".join(text_of(reader).split())
    plain = read(lines({"webhooks": "Is this så? – 5 €"}))
    assert said not in " ".join(text_of(plain).split())


def test_a_long_comment_is_shown_whole_on_lines_within_its_field() -> None:
    comment = ("We create charges five days before they are due. " * 11)[:500]
    reader = read(lines({"create_charge": comment, "refund_charge": "W" * 500}))
    for name, _, (left, bottom, right, top), widget in boxes(reader):
        printed = printed_in(widget)
        if name == "comment_create_charge":
            assert " ".join(printed) == comment.strip()
        if name == "comment_refund_charge":
            assert "".join(printed) == "W" * 500
        font = Face("Helvetica", 8)
        assert len(printed) * 8 * 1.2 <= top - bottom
        assert all(font.width(line) <= right - left - 8 for line in printed)


def test_a_comment_of_very_many_lines_does_not_run_out_of_the_page() -> None:
    reader = read(lines({"create_charge": "a\n" * 250}))
    looks = {name: printed_in(widget) for name, _, _, widget in boxes(reader)}
    assert "".join(looks["comment_create_charge"]).count("a") == 250
    assert all(bottom >= FOOT for _, _, (_, bottom, _, _), _ in boxes(reader))
    assert reader.get_form_text_fields()["comment_create_charge"] == "a\n" * 250


# ── What stands on the pages ─────────────────────────────────────────────────────────────────────


def test_everything_that_the_vendor_asks_for_can_be_found_in_the_text() -> None:
    text = text_of(read(lines({"refund_charge": "ok"}), label="3.1.2"))
    for words in ("Checklist", MSN, "Nordic News", "17 of 22 lines passed", "2026-11-02", "3.1.2"):
        assert words in text
    flat = "".join(text.split())
    for item in ITEMS:
        title, _, call = item.title.partition(" (")
        assert "".join(title.split()) in flat
        assert "".join(call.rstrip(")").split()) in flat
    assert REFUNDED in text
    for section in ("Endpoints", "Quality assurance", "Pitfalls", "End states"):
        assert section in text


def test_what_is_left_to_do_is_said() -> None:
    text = " ".join(text_of(read(lines(registrations=[]))).split())
    assert "Register a webhook too, and keep polling beside it." in text
    assert "failed" in text


def test_what_a_person_says_is_told_from_what_was_seen() -> None:
    assert "confirmed" not in text_of(read()).splitlines()
    text = text_of(read(lines({"design_guidelines": "by Ida"})))
    assert text.splitlines().count("confirmed") == 1
    assert text.splitlines().count("passed") == 17
    assert "18 of 22 lines passed" in text
    markdown = as_markdown(lines({"design_guidelines": "by Ida"}), cover())
    assert "| ✓ | The design guidelines are followed |  | Confirmed; by Ida |" in markdown
    assert markdown.count("Confirmed;") == 1


def test_what_is_too_old_counts_as_stale_and_not_as_passed() -> None:
    text = text_of(read(lines(real_now=NOON + timedelta(days=40))))
    assert "0 of 22 lines passed" in text
    assert "17 stale" in text


def test_the_longest_order_id_is_there_whole() -> None:
    made = asked("create_charge", 200, agreement_id=ACTIVE, charge_id=LONGEST_ID)
    text = text_of(read(lines(requests=[*requests(), made])))
    assert LONGEST_ID in "".join(text.split())


LONG = {item.name: "A comment that has quite a few words. " * 12 for item in ITEMS}


@pytest.mark.parametrize("comments", [{}, LONG])
def test_nothing_reaches_beyond_the_margins_or_over_another(comments: dict[str, str]) -> None:
    name = "Blåbærsyltetøy " * 6 + "W" * 60
    reader = read(lines(comments), name=name, partner="P" * 100, description="D " * 250)
    assert len(reader.pages) >= (5 if comments else 2)
    for number, page in enumerate(reader.pages, 1):
        assert f"Page {number} of {len(reader.pages)}" in page.extract_text()
        for text, x, y, width in placed(page):
            assert x >= MARGIN - 1, text
            assert x + width <= WIDTH - MARGIN + 1, text
            assert y >= FOOT - 21, text
            for column, after in pairwise(COLUMNS):
                assert x != column.x or x + width < after.x, text
        spans = sorted((b, t) for _, on, (_, b, _, t), _ in boxes(reader) if on is page)
        for (_, top), (bottom, _) in pairwise(spans):
            assert top <= bottom
        assert spans[0][0] >= FOOT


def placed(page: PageObject) -> list[tuple[str, float, float, float]]:
    """Each run of text with where it begins and how wide it is."""
    found = []

    def visit(text: str, _cm: Any, tm: list[float], font: Any, size: float) -> None:
        if text.strip():
            face = Face(font["/BaseFont"].lstrip("/"), size)
            found.append((text.strip(), tm[4], tm[5], face.width(text.strip())))

    page.extract_text(visitor_text=visit)
    return found


def test_the_document_says_what_it_is() -> None:
    reader = read(partner="Acme AS")
    assert reader.metadata is not None
    assert reader.metadata.title == "Recurring API: checklist, Merchant Serial Number 123456"
    assert reader.metadata.author == "Acme AS"
    assert reader.metadata.creation_date == NOON
    outline: list[Any] = reader.outline
    titles = ["Endpoints", "Quality assurance", "Pitfalls", "End states"]
    assert [each["/Title"] for each in outline] == titles


def test_the_same_input_gives_the_same_bytes() -> None:
    found = lines({"webhooks": "yes"})
    assert as_pdf(found, cover(partner="Acme")) == as_pdf(found, cover(partner="Acme"))
    assert as_pdf(found, cover(partner="Acme")) != as_pdf(found, cover(partner="Acne"))


@settings(max_examples=25)
@given(said=st.text(max_size=300), name=st.text(min_size=1, max_size=60))
def test_whatever_people_write_can_be_printed(said: str, name: str) -> None:
    note = Note(MSN, "webhooks", confirmed=True, comment=said, noted=NOON)
    found = checklist(evidence(), {note.item: note})
    reader = read(found, name=name, partner=name, description=said, label=name)
    assert len(reader.get_form_text_fields()) == len(EVERY_FIELD)
    assert "lines passed" in reader.pages[0].extract_text()


# ── Lettering ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Blåbær Æøå ÅÄÖ", "Blåbær Æøå ÅÄÖ"),
        ("e\u0301", "é"),
        ("日本", "??"),
        ("👩\u200d👧", "??"),
        ("a\u0000b\u0007c", "a?b?c"),
        ("tab\there\u00a0too\u2028so", "tab here too so"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("soft\u00adhyphen\u202e", "softhyphen"),
        ("“quoted” – 5 € …", "“quoted” – 5 € …"),
    ],
)
def test_what_cannot_be_shown_is_a_question_mark(text: str, found: str) -> None:
    assert shown(text) == found


@pytest.mark.parametrize("width", [1, 20, 60, 300])
def test_wrapping_loses_nothing_and_keeps_within_the_width(width: float) -> None:
    face = Face("Helvetica", 8)
    text = "POST /recurring/v3/agreements/{agreementId}/charges and more, in " + "W" * 40 + " i"
    found = wrapped(text, face, width)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(face.width(line) <= width or len(line) == 1 for line in found)
