"""Checking one unit against the passages."""

from rag_service.ports.unit_checker import CheckedUnit, Verdict
from rag_service.verification.checker import QuoteChecker
from rag_service.verification.lexical import LexicalVerifier
from tests.unit.answer_values import PASSAGES


async def check(unit: str) -> CheckedUnit:
    checker = QuoteChecker(LexicalVerifier(), threshold=0.6)
    return await checker.check(unit, question="?", passages=PASSAGES)


def quotes(unit: CheckedUnit) -> list[str]:
    return [support.quote.of(support.passage.text) for support in unit.supports]


async def test_a_supported_unit_keeps_its_citation() -> None:
    unit = await check("Rollback takes a second. [2] ")

    assert (unit.text, unit.verdict, quotes(unit)) == (
        "Rollback takes a second. ",
        Verdict.SUPPORTED,
        ["Rollback takes a second."],
    )


async def test_a_wrong_mark_is_replaced_by_the_passage_that_supports() -> None:
    unit = await check("Rollback takes a second. [1]")

    assert (unit.verdict, unit.supports[0].passage.rank) == (Verdict.REPAIRED, 2)


async def test_a_missing_mark_is_added() -> None:
    unit = await check("The service starts on port 8000.")

    assert (unit.verdict, unit.supports[0].passage.rank) == (Verdict.REPAIRED, 1)


async def test_a_mark_of_a_passage_that_does_not_exist_is_repaired() -> None:
    assert (await check("Rollback takes a second. [9]")).verdict is Verdict.REPAIRED


async def test_an_invented_unit_is_dropped_whatever_it_cites() -> None:
    unit = await check("Updates go through a custom thread-safe queue. [1][2]")

    assert (unit.verdict, unit.supports) == (Verdict.DROPPED, ())


async def test_of_two_marks_only_the_supporting_one_stays() -> None:
    unit = await check("The service starts on port 8000. [2][1]")

    assert [support.passage.rank for support in unit.supports] == [1]


async def test_a_rule_says_nothing_and_needs_no_support() -> None:
    assert (await check("---\n")).verdict is Verdict.LAYOUT
