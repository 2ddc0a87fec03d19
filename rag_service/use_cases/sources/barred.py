"""What was erased does not come back from its source."""

from rag_service.domain.ids import CorpusId
from rag_service.ports.signer import HashPurpose, KeyedHash


def key_hash_of(keyed_hash: KeyedHash, corpus_id: CorpusId, document_key: str) -> str:
    """Return what stays of the key of a document that was erased."""
    return keyed_hash.keyed_hash(HashPurpose.DOCUMENT_KEY, corpus_id, document_key)
