"""`colorize devices`: which machines may use this machine's backend (`colorize serve --listen`).

Parses the options, calls `server.devices` and prints the results.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Pair other machines with this machine's backend, or revoke them."
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]


@app.command()
def pair() -> None:
    """Print a code for pairing one device. It is valid for ten minutes and replaces an earlier code."""
    from colorizer.server.devices import Devices

    print(Devices().new_code())


@app.command("list")
def list_devices(as_json: Json = False) -> None:
    """List the paired devices."""
    from colorizer.server.devices import Devices

    devices = Devices().all()
    if as_json:
        shown = [asdict(device) for device in devices]
        print(json.dumps([{"name": one["name"], "paired": one["paired"]} for one in shown]))
        return
    for device in devices:
        print(f"{device.name:32} paired {device.paired}")
    if not devices:
        print("No device is paired. `colorize devices pair` prints a code for pairing one.")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `colorize devices list`.")],
) -> None:
    """Unpair a device; its jobs are stopped at once."""
    from colorizer.server.devices import Devices

    print(f"{Devices().revoke(name).name} is no longer paired.")
