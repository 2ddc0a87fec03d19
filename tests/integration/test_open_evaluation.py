"""What is measured is opened beside the service, over its data."""

from pathlib import Path

import pytest

from eval.bootstrap import open_evaluation
from rag_service.errors import Unauthenticated
from rag_service.settings import Settings


async def test_a_key_of_another_data_folder_is_told_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated, match=f"{tmp_path}: run this with the same RAG_… settings"):
        async with open_evaluation(Settings(data_dir=tmp_path), "rag-of-another-service"):
            pass
