"""The part of a store through which API workers ask the process that ranks."""

from typing import NamedTuple, Protocol


class QueuedQuestion(NamedTuple):
    """A question, and where its reply goes. `is_passed_on`: another process has left it to this one."""

    to: str
    content: bytes
    is_passed_on: bool


class QuestionQueue(Protocol):
    """Questions and their replies, both as bytes. Raises what `Store` raises."""

    async def ask(self, question: bytes, wait_s: float) -> bytes | None:
        """Put a question to whichever process ranks, and wait for its reply; None: none came."""
        ...

    async def next_question(self, wait_s: float, holder: str) -> QueuedQuestion | None:
        """A question that was passed on to `holder`, or one that nobody has taken yet; None: there was none."""
        ...

    async def pass_on(self, question: QueuedQuestion, holder: str) -> None:
        """Leave a question to the process `holder`."""
        ...

    async def reply(self, to: str, content: bytes) -> None:
        """Reply to a question."""
        ...
