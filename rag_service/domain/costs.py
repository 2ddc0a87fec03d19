"""What the words of a language model cost."""

from dataclasses import dataclass

_TOKENS_OF_A_PRICE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """An amount of money in `currency` (ISO 4217)."""

    amount: float
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a million tokens cost that a model reads (`input`) and writes (`output`), in `currency` (ISO 4217)."""

    input: float
    output: float
    currency: str

    def __str__(self) -> str:
        return f"{self.input:g} in, {self.output:g} out, for a million tokens"

    def of(self, *, prompt_tokens: int, completion_tokens: int) -> Cost:
        """Return what so many tokens cost."""
        total = prompt_tokens * self.input + completion_tokens * self.output
        return Cost(amount=total / _TOKENS_OF_A_PRICE, currency=self.currency)
