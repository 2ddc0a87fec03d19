"""Statements that are built once for all scopes of a shape."""

import pytest
import sqlalchemy as sa

from rag_service.catalog.scoping import ScopeShape, allowed_corpora, visible_documents

NARROW = ScopeShape(sees_all_documents=False, narrowed=True)


@pytest.mark.parametrize("condition", [allowed_corpora(NARROW), visible_documents(NARROW)])
def test_conditions_of_a_shape_do_not_run_without_a_scopes_values(condition: sa.ColumnElement[bool]) -> None:
    with pytest.raises(sa.exc.InvalidRequestError):
        condition.compile().construct_params({"scope_tenant": "tenant_a"})
