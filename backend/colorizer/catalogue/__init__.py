"""The catalogue of published models: licences, download, conversion, verification.

`entries` reads the list (`resources/models.json`), `download` fetches one file, `convert` turns published files into a
model folder, and `store` installs, verifies and removes model folders. Nothing is downloaded unless the user asks for
it.
"""
