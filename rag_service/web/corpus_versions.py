"""The versions and open drafts of a corpus, as its page shows them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.drafts import Draft, DraftState
from rag_service.domain.pages import PageRequest
from rag_service.domain.versions import Corpus, LabelledVersion
from rag_service.web.draft_gates import ShownGate, shown_gate

if TYPE_CHECKING:
    from rag_service.bootstrap import Container

_SHOWN = 20
_STATES = {
    DraftState.OPEN: ("Open", ""),
    DraftState.SEALING: ("Being sealed", "busy"),
    DraftState.SEALED: ("Sealed", "good"),
    DraftState.UNSEALING: ("Being opened again", "busy"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDraft:
    """A held draft, its state in words, and its gate if that says something."""

    draft: Draft
    state: str
    tone: str
    gate: ShownGate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the page tells about versions. `is_cut`: there are older ones."""

    versions: tuple[LabelledVersion, ...]
    drafts: tuple[ShownDraft, ...]
    is_cut: bool
    may_publish: bool


async def history_of(container: "Container", scope: AccessScope, corpus: Corpus) -> History | None:
    """Return the newest versions and the held drafts, None for readers who may not know of them."""
    if not (scope.may(Permission.HISTORY) or scope.may(Permission.PUBLISH)):
        return None
    page = await container.versions.list(scope, corpus=corpus.id, page=PageRequest(limit=_SHOWN))
    drafts = await container.drafts.list(scope, corpus=corpus.id)
    return History(
        versions=tuple(page.items),
        drafts=tuple([await _shown(container, scope, draft) for draft in drafts if not draft.automatic]),
        is_cut=page.has_more,
        may_publish=scope.may(Permission.PUBLISH),
    )


def when(at: datetime) -> str:
    """Return a moment as people read it."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


async def _shown(container: "Container", scope: AccessScope, draft: Draft) -> ShownDraft:
    state, tone = _STATES[draft.state]
    gate = shown_gate(await container.gates.read(scope, corpus=draft.corpus_id, draft=draft.id))
    if gate is not None:
        state, tone = gate.state, gate.tone
    return ShownDraft(draft=draft, state=state, tone=tone, gate=gate)
