"""How many messages were lost on their way, by the numbers that a publisher gives them."""


class SequenceGaps:
    """Counts what is missing between messages of each topic.

    What a slow reader's queue drops is no event in the middleware, but it leaves a gap.

    Attributes:
        total: how many messages are missing so far.
    """

    def __init__(self) -> None:
        """Begin with no message seen."""
        self.total = 0
        self._newest: dict[str, int] = {}

    def note(self, topic: str, number: int | None, *, publishers: int) -> None:
        """Take the number of a message that came.

        Args:
            topic: where it came from.
            number: the publisher's own, which grows by one a message; None where the middleware does not tell.
            publishers: how many the topic has: the numbers of several cannot be told apart, and are left out.
        """
        if number is None or publishers != 1:
            self._newest.pop(topic, None)
            return
        newest = self._newest.get(topic)
        if newest is not None and number > newest:  # else another publisher has taken its place
            self.total += number - newest - 1
        self._newest[topic] = number
