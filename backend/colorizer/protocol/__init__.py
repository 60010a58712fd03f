"""The contract between docker and backend: every message on the wire, once, as pydantic models.

`options` and `request` are what clients send, `engines`, `answers` and `result` what they get, `errors` the codes of
refusals, `routes` which route takes and gives what. `describe` makes JSON schema, OpenAPI and the tables of
docs/wire.md of them; `checks` is what must fit together. Values and their ranges only: no HTTP, no numpy, no engine.
"""
