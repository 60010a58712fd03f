"""The catalogue of published models: licences, download, conversion, verification.

`entries` is the list (`resources/models.json`), `download` fetches one file, `convert` turns published files into a
model folder, `store` keeps the folders: it installs, verifies and removes. Nothing is fetched unless a person asks.
"""
