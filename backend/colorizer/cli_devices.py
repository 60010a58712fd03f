"""`colorize devices`: which machines may use this one's backend (`colorize serve --listen`).

Reads the words, calls `server.devices`, prints.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Pair machines with the backend of this one, or end that.")

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON line.")]


@app.command()
def pair() -> None:
    """Print a code for one more device, good for ten minutes; the code before it is void."""
    from colorizer.server.devices import Devices

    print(Devices().new_code())


@app.command("list")
def list_devices(as_json: Json = False) -> None:
    """Show which devices are paired."""
    from colorizer.server.devices import Devices

    devices = Devices().all()
    if as_json:
        shown = [asdict(device) for device in devices]
        print(json.dumps([{"name": one["name"], "paired": one["paired"]} for one in shown]))
        return
    for device in devices:
        print(f"{device.name:32} paired {device.paired}")
    if not devices:
        print("No device is paired. `colorize devices pair` gives a code for one.")


@app.command()
def revoke(name: Annotated[str, typer.Argument(metavar="NAME", help="A name of the list.")]) -> None:
    """Take a device's rights away; its jobs end at once."""
    from colorizer.server.devices import Devices

    print(f"{Devices().revoke(name).name} is no longer paired.")
