"""The activity page: background work, listed and watched by the page's script."""

from fastapi import APIRouter, Request, Response

from rag_service.api.dependencies import container_of
from rag_service.domain.access import Permission
from rag_service.web.pages import PageRoute, render
from rag_service.web.sessions import SignedIn

router = APIRouter(route_class=PageRoute)


@router.get("/activity")
async def activity_page(request: Request, session: SignedIn) -> Response:
    """Show what is being worked on, for those who may upload, publish or evaluate."""
    scope = session.key.scope()
    counts = await container_of(request).jobs.counts(scope)
    return render(
        "activity.html",
        session=session,
        is_quiet=not any(counts.of_state.values()),
        may_upload=scope.may(Permission.UPLOAD),
        may_publish=scope.may(Permission.PUBLISH),
    )
