"""Opens a source of any kind."""

from collections.abc import Mapping
from importlib import import_module

from ingestion.connectors.folder import open_folder
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.port import OpensConnector
from rag_service.domain.sources import FolderSource, GitSource, ObjectStoreSource, SourceSettings, WebsiteSource
from rag_service.errors import SourceRefused


def open_connector(settings: SourceSettings, credentials: Mapping[str, str], limits: SourceLimits) -> OpensConnector:
    """Return the source as a context manager.

    Raises:
        SourceRefused: this installation lacks the library for it. More is found out on entering.
    """
    opens: OpensConnector
    try:
        match settings:
            case FolderSource():
                return open_folder(settings, limits)
            case GitSource():
                opens = import_module("ingestion.connectors.git").open_git(settings, credentials, limits)
            case WebsiteSource():
                opens = import_module("ingestion.connectors.website").open_website(settings, credentials, limits)
            case ObjectStoreSource():
                opens = import_module("ingestion.connectors.object_store").open_object_store(
                    settings, credentials, limits
                )
    except ImportError as exc:
        raise SourceRefused(
            f"The library for sources of kind {settings.kind} is not installed. Ask your operator."
        ) from exc
    return opens
