"""Messages between the two processes."""

from __future__ import annotations

import io

from colorizer.server import pipe
from colorizer.server.pipe import Kind, Message
from hypothesis import given
from hypothesis import strategies as st

MESSAGES = st.builds(
    Message,
    st.sampled_from(Kind),
    st.text(),
    st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()),
    st.lists(st.binary()).map(tuple),
)


@given(st.lists(MESSAGES, max_size=3))
def test_messages_arrive_in_order(messages: list[Message]) -> None:
    stream = io.BytesIO()
    for message in messages:
        pipe.write(stream, message)
    stream.seek(0)
    for message in messages:
        found = pipe.read(stream)
        assert (found.kind, found.job, found.fields) == (message.kind, message.job, message.fields)
        assert found.payload == b"".join(message.parts)
    assert pipe.read(stream) is None


@given(MESSAGES, st.data())
def test_broken_off_message_is_the_end(message: Message, data: st.DataObject) -> None:
    stream = io.BytesIO()
    pipe.write(stream, message)
    whole = stream.getvalue()
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert pipe.read(io.BytesIO(whole[:cut])) is None
