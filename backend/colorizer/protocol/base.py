"""The base class of all messages, and common field types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

API = 3
"""The version of the protocol. It is raised by changes that an older docker or backend would misunderstand."""

FAR = 2**31

Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
Count = Annotated[int, Field(ge=0)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Message(BaseModel):
    """A message or a part of one: no unknown fields, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def first_rule(error: ValidationError, root: str) -> str:
    """A sentence for the first violated rule: the field in backticks, the rule, and the value if it is short."""
    details = error.errors(include_url=False, include_context=False)[0]
    field = ".".join([root, *(str(part) for part in details["loc"])])
    value = repr(details["input"])
    received = f", not {value}" if len(value) <= 60 and details["type"] != "missing" else ""
    return f"`{field}`: {details['msg'][:1].lower()}{details['msg'][1:]}{received}."
