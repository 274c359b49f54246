"""The part of a store through which API workers ask the process that ranks."""

from typing import Protocol


class QuestionQueue(Protocol):
    """Questions and their replies, both as bytes. Raises what `Store` raises."""

    async def ask(self, question: bytes, wait_s: float) -> bytes | None:
        """Put a question to whichever process ranks, and wait for its reply; None: none came."""
        ...

    async def next_question(self, wait_s: float) -> tuple[str, bytes] | None:
        """A question that nobody has taken yet, and where its reply goes; None: there was none."""
        ...

    async def reply(self, to: str, content: bytes) -> None:
        """Reply to a question."""
        ...
