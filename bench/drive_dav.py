#!/usr/bin/env python3
"""WebDAV: HOST PORT serve small/f0000..f0999; up/ is writable. One connection; this program is the client,
so that a figure is a span as a client sees it, and the server's processor time says more."""
import base64
import http.client
import re
import statistics
import time
import lab

PROPS = (b'<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>')


def run(host, port, pid, user="lab", password="lab", count=40):
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {word}"}

    def median(status, send):
        """The median of `count` spans in milliseconds, and the server's processor time of one."""
        lab.settle()
        conn = http.client.HTTPConnection(host, port, timeout=30)
        took, cpu = [], lab.cpu(pid)
        for i in range(int(count)):
            begun = time.perf_counter()
            send(conn, i)
            answer = conn.getresponse()
            text = answer.read()
            took.append(time.perf_counter() - begun)
            if answer.status not in status:
                raise RuntimeError(f"{answer.status}: {text[:200]}")
        conn.close()
        cpu = (lab.cpu(pid) - cpu) / int(count)
        return lab.figure(statistics.median(took) * 1000, "ms", None, server_cpu_ms=round(cpu * 1000, 2)), text

    def propfind(body):
        def f():
            figure, text = median([207], lambda conn, _: conn.request(
                "PROPFIND", "/small/", body, {**headers, "Depth": "1", "Content-Type": "application/xml"}))
            if len(re.findall(rb"</\w+:response>", text)) != 1001:
                raise RuntimeError("not 1,001 responses")
            return figure
        return f

    def put():
        block = b"x" * 1024
        figure, _ = median([200, 201, 204], lambda conn, i: conn.request("PUT", f"/up/f{i}", block, headers))
        median([200, 204], lambda conn, i: conn.request("DELETE", f"/up/f{i}", None, headers))
        return figure

    yield "propfind_1000_allprop", propfind(b"")
    yield "propfind_1000_four", propfind(PROPS)
    yield "put_1k", put


if __name__ == "__main__":
    lab.cli(run, user="lab", password="lab", count=40)
