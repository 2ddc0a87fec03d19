"""The page of golden questions over a real catalog: who gets it, and who is led to it."""

import pytest

from rag_service import web
from rag_service.domain.access import Permission
from tests.api.parts import Service


@pytest.mark.parametrize(("permission", "status"), [(Permission.EVAL, 200), (Permission.UPLOAD, 404)])
async def test_only_who_may_evaluate_gets_the_page_and_its_link(
    service: Service, permission: Permission, status: int
) -> None:
    web.install(service.app)
    corpus_id = await service.corpus()

    async with service.anonymous() as browser:
        await browser.post("/login", data={"key": await service.key(permission)})
        page = await browser.get(f"/library/{corpus_id}/golden")
        corpus = await browser.get(f"/library/{corpus_id}")

    assert page.status_code == status
    assert (f"/library/{corpus_id}/golden" in corpus.text) is (status == 200)
