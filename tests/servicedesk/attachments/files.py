"""Files as people send them, and as they should not; made here, so that nothing binary lies in the repository."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage

import docx
import openpyxl
import pptx

OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (
    f"{OFFICE}wordprocessingml.document", f"{OFFICE}spreadsheetml.sheet", f"{OFFICE}presentationml.presentation",
)  # fmt: skip
PDF, TEXT = "application/pdf", "text/plain"


def pdf(*pages: str, more: str = "", kids: str | None = None, count: int | None = None) -> bytes:
    """A PDF whose Chinese font is not in it: the reader has to know Adobe-GB1. `more`: further lines of the trailer."""
    font = (
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType0"
        "/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>/FontDescriptor<</Type/FontDescriptor"
        "/FontName/STSong-Light/Flags 6/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 800/StemV 80>>>>]>>"
    )
    own = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{own if kids is None else kids}]/Count {count or len(pages)}>>",
        font,
    ]
    for i, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 50 700 Td <{text.encode('utf-16-be').hex()}> Tj ET"
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {5 + 2 * i} 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
        )
        objects.append(f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream")
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{at:010} 00000 n \n" for at in places)
    start = len(out)
    return (
        out
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<</Size {len(objects) + 1}/Root 1 0 R{more}>>\n"
            f"startxref\n{start}\n%%EOF"
        ).encode()
    )


def locked_pdf() -> bytes:
    """One that wants a password: nobody knows one that fits these bytes."""
    secret = "ab" * 32
    return pdf("机密", more=f"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{secret}>/U<{secret}>>>")


def document(*paragraphs: str, cell: str = "", header: str = "") -> bytes:
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    made.add_table(1, 1).cell(0, 0).text = cell
    made.sections[0].header.paragraphs[0].text = header
    return _saved(made)


def book(*rows: tuple[object, ...], sheet: str = "台账") -> bytes:
    made = openpyxl.Workbook()
    made.active.title = sheet
    for row in rows:
        made.active.append(row)
    return _saved(made)


def slides(*titles: str, note: str = "") -> bytes:
    made = pptx.Presentation()
    for title in titles:
        slide = made.slides.add_slide(made.slide_layouts[5])
        slide.shapes.title.text = title
        slide.notes_slide.notes_text_frame.text = note
    return _saved(made)


def mail() -> bytes:
    """As the bureau's mail programs write it: GBK, as plain text and as a page, with a file whose name only is read."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "张三 <zhangsan@tax.example>", "it@tax.example", "征期扩容申请"
    made["Message-ID"] = "<1@tax.example>"
    made.set_content("附上扩容方案。", charset="gb2312")
    made.add_alternative("<p>详见<b>容量评估</b></p><style>p{}</style>", subtype="html", charset="gb2312")
    made.add_attachment(b"x", maintype="application", subtype="pdf", filename="扩容方案.pdf")
    return made.as_bytes()


def bomb(inner: str = "word/document.xml", *, size: int = 120_000_000) -> bytes:
    """An Office file of a few hundred kilobytes whose text unpacks to `size` bytes of one paragraph."""
    head = b'<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p>'
    whole = zipfile.ZipFile(io.BytesIO(document("x")))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for entry in whole.infolist():
            if entry.filename != inner:
                archive.writestr(entry.filename, whole.read(entry))
        with archive.open(inner, "w", force_zip64=True) as file:
            file.write(head)
            piece = b"<w:r><w:t>a</w:t></w:r>" * 40_000
            for _ in range(size // len(piece)):
                file.write(piece)
            file.write(b"</w:p></w:body></w:document>")
    return out.getvalue()


def _saved(made: object) -> bytes:
    out = io.BytesIO()
    made.save(out)  # type: ignore[attr-defined]  each of the three has it
    return out.getvalue()
