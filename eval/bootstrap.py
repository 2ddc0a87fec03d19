"""Opens what is measured: the very parts the service is made of, over the same data."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rag_service.bootstrap import Container, open_container
from rag_service.domain.access import AccessScope
from rag_service.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The service's parts and the rights of the key that measures."""

    container: Container
    scope: AccessScope


@asynccontextmanager
async def open_evaluation(settings: Settings, secret: str) -> AsyncIterator[Evaluation]:
    """Open the parts of the service at `settings`; its index host must be running.

    Raises:
        Unauthenticated: the key does not work.
    """
    async with open_container(settings) as container:
        scope = await container.keys.authenticate(secret)
        await container.embedder.warm_up()
        yield Evaluation(container=container, scope=scope)
