"""/v1/models: every corpus that the key may read is a model that answers from it."""

from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter

from rag_service.api.dependencies import Parts, Scope
from rag_service.api.lists import ItemList, Listed, item_list
from rag_service.api.texts import Ref
from rag_service.domain.access import AccessScope
from rag_service.domain.pages import MAX_LIMIT, PageRequest
from rag_service.domain.versions import Corpus
from rag_service.ports.catalog import Transaction

router = APIRouter(prefix="/v1/models", tags=["models"])


class Model(Listed):
    """A corpus, by the name it is asked under. `version` is the published one, 0 before the first."""

    object: Literal["model"] = "model"
    created: int
    owned_by: str
    vector_store_id: str
    description: str
    version: int


@router.get("")
async def list_models(parts: Parts, scope: Scope) -> ItemList[Model]:
    """List them all: OpenAI's clients ask for one page only."""
    async with parts.catalog.reading() as tx:
        corpora = await _all_corpora(tx, scope)
    return item_list([_model(corpus) for corpus in corpora], has_more=False)


@router.get("/{model}")
async def read_model(parts: Parts, scope: Scope, model: Ref) -> Model:
    """Describe one, by name or id."""
    async with parts.catalog.reading() as tx:
        return _model(await tx.corpora.get(scope, model))


async def _all_corpora(tx: Transaction, scope: AccessScope) -> Sequence[Corpus]:
    corpora: list[Corpus] = []
    has_more = True
    while has_more:
        after = corpora[-1].id if corpora else None
        page = await tx.corpora.list(scope, PageRequest(limit=MAX_LIMIT, order="asc", after=after))
        corpora += page.items
        has_more = page.has_more
    return corpora


def _model(corpus: Corpus) -> Model:
    return Model(
        id=corpus.name,
        created=int(corpus.created_at.timestamp()),
        owned_by=corpus.tenant_id,
        vector_store_id=corpus.id,
        description=corpus.description,
        version=corpus.published,
    )
