"""Factur-X: the XML as an associated file of the PDF/A-3, and the metadata that announces it.

ISO 19005-3 wants every property that is not its own described in the metadata (an extension schema), all of it in
one RDF. WeasyPrint would append a second RDF, so the properties are set into its first, just before it writes.
"""

from datetime import UTC, date, datetime, time
from typing import Any

FILE_NAME = "factur-x.xml"
LEVEL = "EN 16931"
RELATIONSHIP = "Alternative"
DESCRIPTION = "Factur-X"
_NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_END = b"</rdf:RDF>"
_PROPERTIES = {
    "DocumentFileName": (FILE_NAME, "Name of the embedded e-invoice"),
    "DocumentType": ("INVOICE", "Kind of the embedded document"),
    "Version": ("1.0", "Version of the schema of the embedded e-invoice"),
    "ConformanceLevel": (LEVEL, "Profile of the embedded e-invoice"),
}


def attachment(xml: bytes, *, issued_on: date) -> Any:
    """The associated file; dated by the document, so that the same document gives the same bytes."""
    from weasyprint import Attachment  # noqa: PLC0415 - slow import, 1 s

    moment = datetime.combine(issued_on, time.min, UTC)
    return Attachment(
        string=xml.decode(),
        name=FILE_NAME,
        description=DESCRIPTION,
        relationship=RELATIONSHIP,
        created=moment,
        modified=moment,
    )


def announce(document: Any, pdf: Any) -> None:
    """Tell of the e-invoice in the metadata; WeasyPrint calls it when all of the file is laid out (``finisher``).

    WeasyPrint 70 also names each associated file twice, once for each list it finds it in.
    """
    files = pdf.catalog["AF"]
    files[:] = dict.fromkeys(files)
    number = int(bytes(pdf.catalog["Metadata"]).split()[0])
    stream = pdf.objects[number].stream
    before, end, after = stream[0].rpartition(_END)
    if not end:
        raise ValueError("the PDF has no metadata to set the e-invoice into")
    stream[0] = before + _described() + end + after


def _described() -> bytes:
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (value, _) in _PROPERTIES.items())
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{words}</pdfaProperty:description>"
        "</rdf:li>"
        for name, (_, words) in _PROPERTIES.items()
    )
    return (
        f'<rdf:Description rdf:about="" xmlns:fx="{_NAMESPACE}">{values}</rdf:Description>'
        '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
        ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
        ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
        '<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDF/A extension schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>"
        "</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    ).encode()
