"""XLSX through calamine: a sheet is a page under its name, dates and percentages read as people see them."""

import zipfile
from itertools import chain
from typing import BinaryIO, Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from ingestion.parsing.canonical import CanonicalBuilder
from ingestion.parsing.cleaning import clean
from ingestion.parsing.containers.archive import check_archive
from ingestion.parsing.limits import ParsingLimits
from ingestion.parsing.office.xlsx_notes import notes
from ingestion.parsing.office.xlsx_rows import filled_columns, shown_rows
from ingestion.parsing.office.xlsx_scan import Percentages, scan
from ingestion.parsing.office.xml_parts import core_title, part, related
from ingestion.parsing.records.tables import TableWriter, one_line
from rag_service.domain.documents import BlockKind, ParsedDocument
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

_WORKBOOK: Final = "xl/workbook.xml"


def parse_xlsx(file: BinaryIO, limits: ParsingLimits) -> ParsedDocument:
    """Return the sheets of a workbook as tables; formulas are read as the values that were saved with them."""
    check_archive(file, limits)
    builder = CanonicalBuilder(max_chars=limits.max_text_chars)
    try:
        # calamine reads from where the file stands, so it comes first.
        with CalamineWorkbook.from_filelike(file) as workbook, zipfile.ZipFile(file) as archive:
            if len(workbook.sheet_names) > limits.max_pages:
                raise DocumentRejected(ReasonCode.TOO_MANY_PAGES, f"{len(workbook.sheet_names)} sheets")
            _add_sheets(builder, archive, workbook, limits)
            return builder.build(title=core_title(archive), page_count=len(workbook.sheet_names))
    except PasswordError as exc:
        raise DocumentRejected(ReasonCode.NEEDS_PASSWORD, "encrypted workbook") from exc
    except (CalamineError, zipfile.BadZipFile, ValueError, OverflowError, OSError) as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, type(exc).__name__) from exc


def _add_sheets(
    builder: CanonicalBuilder, archive: zipfile.ZipFile, workbook: CalamineWorkbook, limits: ParsingLimits
) -> None:
    percentages = scan(archive, limits)
    parts = _parts_of_sheets(archive)
    for number, sheet in enumerate(workbook.sheets_metadata, start=1):
        name, title = parts.get(sheet.name, ""), one_line(clean(sheet.name))
        cells = workbook.get_sheet_by_name(sheet.name)
        columns = filled_columns(cells)
        rows = shown_rows(cells, columns, percentages.get(name) or Percentages())
        remarks = notes(archive, name)
        first = next(rows, None)
        if first is None and not remarks:
            continue
        if sheet.visible is not SheetVisibleEnum.Visible:
            # Formulas of the visible sheets refer to it, so it is part of what the workbook says.
            builder.warn("hidden sheets were read too")
        builder.add(title, BlockKind.HEADING, level=1, page=number)
        writer = TableWriter(builder, limits, gaps_part=True, page=number, name=title, columns=columns)
        for row, shown in chain([first] if first else [], rows):
            writer.add(shown, row)
        writer.close()
        for remark in remarks:
            builder.add(remark, page=number)


def _parts_of_sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the part of each sheet by its name."""
    root, relations = part(archive, _WORKBOOK), related(archive, _WORKBOOK)
    if root is None:
        return {}
    return {
        sheet.get("name", ""): relations[relation][1]
        for sheet in root.iterfind("{*}sheets/{*}sheet")
        for key, relation in sheet.attrib.items()
        if key.endswith("}id") and relation in relations
    }
