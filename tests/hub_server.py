"""A Hugging Face hub of a few routes on this machine: what its client asks for to make, fill and read a repository."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class Repository:
    """Commits of files, the newest last, and what branches and tags mean."""

    def __init__(self, private: bool = False):
        self.private = private
        self.commits: dict[str, dict[str, bytes]] = {}
        self.names: dict[str, str] = {}

    def commit(self, branch: str, files: dict[str, bytes], message: str = "") -> str:
        """Put files beside those of the branch; returns the commit's name."""
        content = {**self.commits.get(self.names.get(branch, self.names.get("main", "")), {}), **files}
        name = hashlib.sha1(repr((len(self.commits), sorted(content), message)).encode()).hexdigest()
        self.commits[name], self.names[branch] = content, name
        return name

    def find(self, revision: str) -> str | None:
        """The commit that a revision means."""
        return revision if revision in self.commits else self.names.get(revision)


class HubServer:
    """The server, which runs within a ``with``.

    Attributes:
        repositories: by OWNER/NAME.
        asked: the method and path of each request.
        url: where it is.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

            def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def _json(self, content: object, status: int = 200, **headers: str) -> None:
                self._answer(status, json.dumps(content).encode(), {"Content-Type": "application/json", **headers})

            def _missing(self, what: str) -> None:
                self._json({"error": f"{what} not found"}, 404, **{"X-Error-Code": what})

            def _body(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def _path(self) -> tuple[str, list[str]]:
                raw = urlsplit(self.path).path
                return unquote(raw), [unquote(word) for word in raw.strip("/").split("/")]

            def do_POST(self) -> None:
                path, words = self._path()
                hub.asked.append(f"POST {path}")
                body = self._body()
                if path == "/api/repos/create":
                    told = json.loads(body)
                    name = "/".join([told["organization"], told["name"]]) if told.get("organization") else told["name"]
                    if name in hub.repositories:
                        self._json({"error": "it exists", "url": f"{hub.url}/{name}"}, 409)
                        return
                    hub.repositories[name] = Repository(
                        bool(told.get("private")) or told.get("visibility") == "private"
                    )
                    hub.repositories[name].commit("main", {".gitattributes": b""})
                    self._json({"url": f"{hub.url}/{name}", "name": name})
                    return
                if len(words) < 5:  # the client asks more than it needs: whether a card's head is well-formed, say
                    self._json({"errors": [], "warnings": []})
                    return
                name, verb, revision = "/".join(words[2:4]), words[4], "/".join(words[5:])
                repository = hub.repositories.get(name)
                if repository is None:
                    self._missing("RepoNotFound")
                elif verb == "preupload":
                    files = [
                        {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for file in json.loads(body)["files"]
                    ]
                    self._json({"files": files})
                elif verb == "branch":
                    repository.names.setdefault(revision, repository.names["main"])
                    self._json({})
                elif verb == "commit":
                    lines = [json.loads(line) for line in body.splitlines() if line.strip()]
                    put = {
                        line["value"]["path"]: base64.b64decode(line["value"]["content"])
                        for line in lines
                        if line["key"] == "file"
                    }
                    (head,) = (line["value"] for line in lines if line["key"] == "header")
                    oid = repository.commit(revision, put, head["summary"])
                    url = f"{hub.url}/{name}/commit/{oid}"
                    self._json({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})
                else:
                    self._missing("EntryNotFound")

            def do_GET(self) -> None:
                path, words = self._path()
                hub.asked.append(f"{self.command} {path}")
                api = words[0] == "api"
                name = "/".join(words[2:4] if api else words[:2])
                repository = hub.repositories.get(name)
                if repository is None:
                    self._missing("RepoNotFound")
                    return
                rest = words[4:] if api else words[2:]
                if api and (not rest or rest[0] in ("revision", "tree")):
                    commit = repository.find("/".join(rest[1:]) or "main")
                    if commit is None:
                        self._missing("RevisionNotFound")
                        return
                    files = repository.commits[commit]
                    if rest and rest[0] == "tree":
                        tree: list[dict[str, Any]] = [
                            {"type": "file", "path": path, "size": len(files[path]), "oid": _oid(files[path])}
                            for path in files
                        ]
                        self._json(tree)
                        return
                    siblings = [{"rfilename": file, "size": len(files[file])} for file in files]
                    known = {"id": name, "modelId": name, "private": repository.private, "tags": []}
                    self._json({**known, "sha": commit, "siblings": siblings})
                elif rest[0] == "resolve":
                    commit = repository.find(rest[1])
                    content = None if commit is None else repository.commits[commit].get("/".join(rest[2:]))
                    if commit is None or content is None:
                        self._missing("EntryNotFound" if commit else "RevisionNotFound")
                        return
                    self._answer(200, content, {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": commit})
                else:
                    self._missing("EntryNotFound")

            do_HEAD = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
