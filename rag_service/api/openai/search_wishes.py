"""What a question may say about the search for its passages: `x_rag` of a request."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rag_service.domain.filters import Filter, parse_filter

PerDocument = Annotated[int, Field(ge=1, le=50)]


class SearchWishes(BaseModel):
    """`filters` and `per_document` as in a search. A misspelt wish is refused, or an answer would say too much."""

    model_config = ConfigDict(strict=True, extra="forbid")

    filters: Any = None
    per_document: PerDocument | None = None

    def filter(self) -> Filter | None:
        """Return the filter, None without one.

        Raises:
            InvalidRequest: it cannot be understood.
        """
        return None if self.filters is None else parse_filter(self.filters, at="x_rag.filters")
