"""fal.ai's files: generated ones, whose names determine their contents, and uploaded ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from ceos.simulator.chance import hex_hash
from ceos.simulator.fal.pixels import black, film, gradient, vector
from ceos.simulator.timeline import Timeline
from ceos.simulator.wire import Handler, Refusal, Reply, Request, json_reply

FILES, REST, UPLOADS = "/fal-files/", "/fal-rest/", "/fal-uploads/"
#: More uploaded files are not kept.
_KEPT = 50


class Files:
    """The files behind /fal-files, and the storage behind /fal-rest and /fal-uploads."""

    def __init__(self, seed: int, timeline: Timeline, check_key: Callable[[Request], None]) -> None:
        self.seed = seed
        self.timeline = timeline
        self._check_key = check_key
        self._count = 0
        #: Name → type and bytes.
        self._uploads: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def prefixes(self) -> dict[str, Handler]:
        """Routes with a name in the path."""
        return {FILES: self.file, REST: self.initiate, UPLOADS: self.take}

    def file(self, request: Request) -> Reply:
        """Return a file."""
        name = request.path.removeprefix(FILES)
        if name in self._uploads:
            content_type, data = self._uploads[name]
            return Reply(200, data, content_type.encode())
        kind, _, rest = name.partition("-")
        stem, _, suffix = rest.partition(".")
        match kind, suffix:
            case "black", _:
                data, content_type = black(), "image/png"
            case "empty", _:
                data, content_type = b"", "image/png"
            case "page", _:
                data, content_type = b"<!doctype html><title>Not here</title>", "text/html"
            case "ok", "mp4":
                data, content_type = film(), "video/mp4"
            case "ok", "svg":
                data, content_type = vector(stem), "image/svg+xml"
            case "ok", _:
                data, content_type = gradient(stem), "image/png"
            case _:
                raise refuse(404, "File not found")
        return Reply(200, data, content_type.encode())

    def initiate(self, request: Request) -> Reply:
        """Begin an upload: name the address for the bytes and that of the file."""
        if (request.method, request.path.removeprefix(REST)) != ("POST", "storage/upload/initiate"):
            raise refuse(404, "Not Found")
        self._check_key(request)
        body = request.json()
        if not isinstance(body, dict) or not all(
            isinstance(body.get(key), str) for key in ("file_name", "content_type")
        ):
            raise refuse(422, [{"loc": ["body", "file_name"], "msg": "Field required", "type": "missing"}])
        self._count += 1
        name = f"own-{hex_hash(8, self.seed, 'upload', self._count)}.{body['file_name'].rpartition('.')[2]}"
        self._uploads[name] = (body["content_type"], b"")
        if len(self._uploads) > _KEPT:
            self._uploads.popitem(last=False)
        return json_reply(
            {"upload_url": f"{request.origin}{UPLOADS}{name}", "file_url": f"{request.origin}{FILES}{name}"}
        )

    def take(self, request: Request) -> Reply:
        """Take the bytes of a file; its address is enough, and no key is needed."""
        name = request.path.removeprefix(UPLOADS)
        content_type, _ = self._uploads.get(name, ("", b""))
        if request.method != "PUT" or request.header(b"content-type") != content_type:
            raise refuse(403, "Signature does not match")
        self._uploads[name] = (content_type, request.body)
        self.timeline.record("fal", "file.stored", name=name, size=len(request.body))
        return Reply(200)


def refuse(status: int, detail: object, **headers: str) -> Refusal:
    """Return an error in fal's form; header names are written with underscores."""
    return Refusal(json_reply({"detail": detail}, status, **headers))
