"""httpx as a client: `PLAIN SECURE CERTIFICATE CHECK...`, each check over HTTP/1.1, HTTP/1.1 on TLS and HTTP/2 on TLS."""
import asyncio
import ssl
import sys

import httpx

PLAIN, SECURE, CERTIFICATE = sys.argv[1:4]
NUMBERS = "".join(f"{number}\n" for number in range(20_000))


def equal(came, wanted):
    assert came == wanted, f"came {came!r:.300}, wanted {wanted!r:.300}"


def port(answer):
    """The client's port: which connection it was."""
    return answer.extensions["network_stream"].get_extra_info("client_addr")[1]


def whole(client, version):
    answer = client.get("/hello.txt")
    equal((answer.status_code, answer.http_version, answer.text), (200, version, "hello\n"))
    equal(answer.headers["content-type"], "text/plain; charset=utf-8")
    head = client.head("/numbers.txt", headers={"Accept-Encoding": "identity"})
    equal((head.status_code, head.headers["content-length"], head.content), (200, str(len(NUMBERS)), b""))
    equal(client.get("/deeper/a%20name%20&%20more.txt").text, "deeper\n")
    equal(client.get("/deeper/über.txt").text, "ü\n")
    listing = client.get("/deeper/", headers={"Accept": "application/json"}).json()
    equal(sorted(entry["name"] for entry in listing["entries"]), ["a name & more.txt", "über.txt"])


def absent(client, version):
    answer = client.get("/absent")
    equal((answer.status_code, answer.headers["content-type"]), (404, "text/plain; charset=utf-8"))
    answer = client.post("/hello.txt", content=b"x")
    equal(answer.status_code, 405)
    assert "GET" in answer.headers["allow"], answer.headers
    equal(client.get("/hello.txt").text, "hello\n")


def ranges(client, version):
    plain = {"Accept-Encoding": "identity"}
    first = client.get("/numbers.txt", headers={**plain, "Range": "bytes=0-9999"})
    equal((first.status_code, first.headers["content-range"]), (206, f"bytes 0-9999/{len(NUMBERS)}"))
    same = {**plain, "Range": "bytes=10000-", "If-Range": first.headers["etag"]}
    rest = client.get("/numbers.txt", headers=same)
    equal((rest.status_code, first.text + rest.text), (206, NUMBERS))
    other = client.get("/numbers.txt", headers={**same, "If-Range": '"another"'})
    equal((other.status_code, other.text), (200, NUMBERS))
    beyond = client.get("/numbers.txt", headers={**plain, "Range": f"bytes={len(NUMBERS)}-"})
    equal((beyond.status_code, beyond.headers["content-range"]), (416, f"bytes */{len(NUMBERS)}"))


def conditions(client, version):
    seen = client.get("/hello.txt")
    for field, value in [("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")]:
        answer = client.get("/hello.txt", headers={field: seen.headers[value]})
        equal((answer.status_code, answer.content, answer.headers["etag"]), (304, b"", seen.headers["etag"]))
    equal(client.get("/hello.txt", headers={"If-None-Match": '"another"'}).status_code, 200)
    equal(client.get("/hello.txt", headers={"If-Match": '"another"'}).status_code, 412)


def redirects(client, version):
    equal(client.get("/old/hello.txt").status_code, 301)
    answer = client.get("/old/deeper", follow_redirects=True)
    equal([step.status_code for step in answer.history], [301, 301])
    equal((answer.status_code, answer.url.path), (200, "/deeper/"))
    answer = client.post("/form", data={"a": "b"}, follow_redirects=True)
    equal((answer.status_code, answer.request.method, answer.text), (200, "GET", "hello\n"))


def login(client, version):
    path = "/private/secret.txt"
    answer = client.get(path)
    equal(answer.status_code, 401)
    assert 'Basic realm="restricted"' in answer.headers["www-authenticate"], answer.headers
    equal(client.get(path, auth=("ann", "swordfish")).text, "secret\n")
    for auth in [("ann", "wrong"), ("bob", "swordfish"), ("", "")]:
        answer = client.get(path, auth=auth)
        equal((answer.status_code, "secret\n" in answer.text), (401, False))
    equal(client.get(path, headers={"Authorization": "Bearer none"}).status_code, 401)


def codings(client, version):
    for coding in ["gzip", "br"]:
        answer = client.get("/numbers.txt", headers={"Accept-Encoding": coding})
        equal((answer.headers["content-encoding"], answer.text), (coding, NUMBERS))
        assert "accept-encoding" in answer.headers["vary"].lower(), answer.headers
        assert answer.num_bytes_downloaded < len(NUMBERS), answer.num_bytes_downloaded
        again = {"Accept-Encoding": coding, "If-None-Match": answer.headers["etag"]}
        equal(client.get("/numbers.txt", headers=again).status_code, 304)
    answer = client.get("/numbers.txt", headers={"Accept-Encoding": "identity"})
    equal(("content-encoding" in answer.headers, answer.text), (False, NUMBERS))


def upload(client, version):
    def pieces():
        for number in range(300):
            yield bytes([number % 251]) * 1000

    answer = client.post("/programs/echo.sh", content=pieces())
    equal(answer.request.headers.get("transfer-encoding"), "chunked")
    equal((answer.status_code, answer.headers["x-method"]), (200, "POST"))
    equal(answer.content, b"".join(pieces()))
    equal(client.post("/programs/echo.sh", content=b"").content, b"")
    equal(client.put("/programs/echo.sh", content=b"known").content, b"known")


def reuse(client, version):
    ports = set()
    for _ in range(20):
        ports.add(port(client.get("/hello.txt")))
        ports.add(port(client.get("/absent")))
        ports.add(port(client.post("/programs/echo.sh", content=iter([b"a", b"b"]))))
    equal(len(ports), 1)


def at_once(client, version):
    """Many requests at the same time: over HTTP/2 they share a connection."""

    async def ask():
        async with session(httpx.AsyncClient, version, client.base_url) as both:
            # What is compressed keeps the server busy, and not the connections.
            both.headers["Accept-Encoding"] = "identity"
            tasks = [both.get("/hello.txt" if number % 2 else "/numbers.txt") for number in range(60)]
            answers = await asyncio.gather(*tasks)
            return [answer.text for answer in answers], {port(answer) for answer in answers}

    texts, ports = asyncio.run(ask())
    equal(texts, [NUMBERS, "hello\n"] * 30)
    assert len(ports) == 1 if version == "HTTP/2" else len(ports) <= 10, ports


def session(kind, version, base):
    trust = ssl.create_default_context(cafile=CERTIFICATE)
    limits = httpx.Limits(max_connections=10)
    both = version == "HTTP/2"
    return kind(base_url=base, http2=both, verify=trust, trust_env=False, timeout=8, limits=limits)


for check in sys.argv[4:]:
    for base, version in [(PLAIN, "HTTP/1.1"), (SECURE, "HTTP/1.1"), (SECURE, "HTTP/2")]:
        with session(httpx.Client, version, base) as client:
            try:
                globals()[check](client, version)
            except Exception as error:
                raise SystemExit(f"{check} over {version} at {base}: {error!r}")
        print(f"ok {check} over {version} at {base}")
