"""XML parts of office files: read without entities and network, related to one another by their .rels parts."""

import posixpath
import zipfile
from typing import Any, Final

from lxml import etree

from ingestion.parsing.containers.archive import UNREADABLE
from rag_service.errors import DocumentRejected
from rag_service.reasons import ReasonCode

SAFE: Final[dict[str, Any]] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "remove_pis": True}


def xml_root(content: bytes) -> Any:
    """Return the root of an XML part, None when it is not well-formed."""
    try:
        return etree.fromstring(content, etree.XMLParser(**SAFE))
    except etree.LxmlError:
        return None


def part(archive: zipfile.ZipFile, name: str) -> Any:
    """Return the root of the part `name`, None when it is missing or broken."""
    try:
        return xml_root(archive.read(name))
    except KeyError:
        return None
    except UNREADABLE as exc:
        raise DocumentRejected(ReasonCode.DAMAGED, "unreadable archive entry") from exc


def related(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, str]]:
    """Return, by relation id, the last word of the type and the name of each part that the part `name` refers to."""
    folder, base = posixpath.split(name)
    root = part(archive, f"{folder}/_rels/{base}.rels".lstrip("/"))
    if root is None:
        return {}
    return {
        relation.get("Id", ""): (
            relation.get("Type", "").rsplit("/", 1)[-1],
            posixpath.normpath(posixpath.join("/", folder, relation.get("Target", ""))).lstrip("/"),
        )
        for relation in root.iter("{*}Relationship")
        if relation.get("TargetMode") != "External"
    }


def local(element: Any) -> str:
    """Return the name of an element without its namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def core_title(archive: zipfile.ZipFile) -> str | None:
    """Return the title in the document's properties."""
    root = part(archive, "docProps/core.xml")
    return root.findtext("{*}title") if root is not None else None
