"""The part of a store by which several processes rank one site: a leader asks, those that hold parts answer.

Of each site the last question is there, and the answers to it. A question of an earlier term is refused, as its lists
would be; an answer to another question than the last is dropped.
"""

from typing import NamedTuple, Protocol


class Round(NamedTuple):
    """Which question: the epoch of the leader's term, and a number that grows within it."""

    epoch: int
    number: int


class RoundStore(Protocol):
    """Questions to the processes that hold the parts of a site. Raises what `Store` raises."""

    async def ask(self, site: str, of: Round, question: bytes) -> None:
        """Ask all parts of a site. The answers to the question before are dropped.

        Raises:
            OvertakenError: a later term has asked already.
        """
        ...

    async def asked(self, site: str, known: Round | None) -> tuple[Round, bytes] | None:
        """The last question; None: there is none, or it is the `known` one."""
        ...

    async def answer(self, site: str, of: Round, process: str, answer: bytes) -> None:
        """Answer a question, if it is the last one still."""
        ...

    async def answered(self, site: str, of: Round) -> list[str]:
        """The processes that have answered a question; none where another has been asked since."""
        ...

    async def answers(self, site: str, of: Round) -> dict[str, bytes]:
        """The answers to a question by the process; none where another has been asked since."""
        ...
