"""Let no process go on with what it keeps of earlier searches."""

from rag_service.domain.access import system_scope
from rag_service.ports.catalog import Catalog
from rag_service.use_cases.every_corpus import every_corpus


async def forget_found(catalog: Catalog) -> None:
    """Raise the epoch of every corpus of every tenant.

    To be called when the index holds what shall be found: what is searched before is kept under the former epochs.
    """
    async with catalog.reading() as tx:
        scopes = [system_scope(tenant_id) for tenant_id in await tx.points.tenants()]
    for scope in scopes:
        corpora = [corpus async for corpus in every_corpus(catalog, scope)]
        async with catalog.writing() as tx:
            for corpus in corpora:
                await tx.corpora.raise_rights_epoch(scope, corpus.id)
