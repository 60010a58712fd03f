"""Small wheels that stand in for the big ones, and a folder or package index of them.

Their `colorizer` answers `doctor --json` and `serve` as the real one does; everything around it (Python, pip, the
environment, the switch) is real.
"""

import base64
import hashlib
import http.server
import json
import threading
import zipfile
from urllib.parse import quote, unquote

DOCTOR = """
import json, pathlib, sys
works = not (pathlib.Path(__file__).parent / "broken").exists()
if "doctor" in sys.argv:
    torch = {"name": "torch", "works": works, "detail": "can't be loaded (test)", "needed": True}
    print(json.dumps({"usable": works, "findings": [torch]}))
    sys.exit(not works)
print(json.dumps({"event": "failed", "message": "a stand-in"}), flush=True)
"""


EXTRA = 'diffusers; extra == "diffusion"'
"""What the published systems need: set-up brings it along."""


def wheel(folder, name, version, files, requires=()):
    """Writes NAME-VERSION-py3-none-any.whl."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {item}\n" for item in requires)
    needs += "Provides-Extra: diffusion\n" if EXTRA in requires else ""
    whole = dict(files)
    whole[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}".encode()
    whole[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    lines = [f"{path},sha256={digest(data)},{len(data)}" for path, data in whole.items()]
    whole[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in whole.items():
            archive.writestr(path, data)
    return target


def metadata(path):
    """What a package index tells of a wheel beside it."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def bundle(folder, version="1.0", *, broken=False):
    """What the packed zip brings: the backend's wheel and the constraints."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "constraints.txt").write_text("torch==2.13.0\n")
    files = {"colorizer/__init__.py": b"", "colorizer/__main__.py": DOCTOR.encode()}
    if broken:
        files["colorizer/broken"] = b""
    wheel(folder, "krita_colorize", version, files, ["torch>=2.10", "numpy", EXTRA])
    return folder


def wheels(folder, *, megabytes=0):
    """A folder as `pip download` makes it."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel(folder, "torch", "2.13.0+cpu", {"torch/__init__.py": b"", "torch/big": bytes(megabytes << 20)})
    wheel(folder, "numpy", "2.4.6", {"numpy/__init__.py": b""})
    wheel(folder, "diffusers", "0.42.0", {"diffusers/__init__.py": b""})
    return folder


def index_pages(folder, url):
    """A package index over a folder: path -> page, as PEP 691 has them."""
    pages = {}
    for path in folder.glob("*.whl"):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        file = {"filename": path.name, "url": f"{url}/files/{quote(path.name)}", "hashes": {"sha256": sha256}}
        pages[f"/files/{path.name}.metadata"] = metadata(path)
        file["core-metadata"] = file["dist-info-metadata"] = True
        name = path.name.split("-")[0].replace("_", "-")
        page = {"meta": {"api-version": "1.0"}, "name": name, "files": [file]}
        pages[f"/simple/{name}/"] = json.dumps(page).encode()
    return pages


class Index(http.server.ThreadingHTTPServer):
    """A package index whose files can be told to misbehave."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pages = index_pages(folder, self.url)
        self.tricks = []  # one for each of the next requests of files: cut, gone, false
        self.always = ""
        self.heard = []  # what set-up's own downloads asked for: name and range
        self.pip_took = []  # whole wheels that pip itself took
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, *_):
        """A client that goes away in the middle is what these tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        index, path = self.server, unquote(self.path)
        if path in index.pages or not path.startswith("/files/"):
            page = index.pages.get(path)
            return self.answer(200 if page else 404, page or b"", "application/vnd.pypi.simple.v1+json")
        name = path.rpartition("/")[2]
        data = (index.folder / name).read_bytes()
        if self.headers.get("User-Agent") != "krita-colorize":
            index.pip_took.append(name)
            return self.give(data, cut=False)
        index.heard.append((name, self.headers.get("Range", "")))
        trick = index.tricks.pop(0) if index.tricks else index.always
        if trick == "gone":
            return self.answer(404, b"")
        if trick == "false":
            data = b"x" * len(data)
        return self.give(data, cut=trick == "cut")

    def give(self, data, *, cut):
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", '"same"')
        self.end_headers()
        end = start + (len(data) - start) // 2 if cut else len(data)
        self.wfile.write(data[start:end])

    def answer(self, status, data, kind="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
