#!/usr/bin/env python3
"""WebSocket: HOST PORT echo at path=; conns= connections with inflight= messages under way in each."""
import json
import lab


def run(host, port, pid, path="/echo", conns=64, inflight=16):
    def echo(size, inflight):
        def f():
            out, m = lab.timed([lab.LOAD, "ws", host, str(port), path, str(conns), str(inflight), str(size),
                                f"{lab.SECS:g}"], pid)
            r = json.loads(out)
            return lab.figure(r["ops_per_s"], "messages/s", m, ops=r["ops"], mb_per_s=r["mb_per_s"])
        return f

    yield "echo_16", echo(16, int(inflight))
    yield "echo_16_one_by_one", echo(16, 1)
    yield "echo_1k", echo(1024, int(inflight))
    yield "echo_64k", echo(65536, 1)


if __name__ == "__main__":
    lab.cli(run, path="/echo", conns=64, inflight=16)
