#!/usr/bin/env python3
"""Reloads a large zone under load: reload_dns.py [PEER ...] (ropewalk_dns nsd knot bind).

The zone has $LAB_NAMES names (1,000,000). While dnsperf asks 2,000 questions a second, its file is replaced
by one with the next serial and the server gets SIGHUP. Shown: seconds until the new serial is answered and
until the processor is idle again, processor seconds, memory before, at its peak and after, and questions lost.
"""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

os.environ.setdefault("LAB_NAMES", "1000000")

import drive_dns
import lab
import peers

RATE, SECS = 2000, float(os.environ.get("LAB_SECS", 60))
ASK = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + b"\3lab\4test\0" + struct.pack(">2H", 6, 1)


def serial(port, wait=1.0):
    """The serial that is answered, or None."""
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(wait)
        s.sendto(ASK, ("127.0.0.1", port))
        try:
            answer = s.recv(4096)
        except OSError:
            return None
    # The serial is before the other numbers of the SOA.
    at = answer.find(struct.pack(">4I", 3600, 600, 86400, 300))
    return struct.unpack_from(">I", answer, at - 4)[0] if at > 4 else None


def await_serial(port, want, until):
    while time.time() < until:
        if serial(port) == want:
            return True
        time.sleep(0.02)
    return False


class Watch(threading.Thread):
    """The most memory that a server has (PSS, MiB), looked at all the time."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.on = pid, 0.0, True
        self.start()

    def run(self):
        while self.on:
            self.peak = max(self.peak, lab.memory(self.pid)[1])
            time.sleep(0.05)


def idle(pid, until):
    """Waits until a server uses a tenth of a core only, beyond what the load needs."""
    before = lab.cpu(pid)
    while time.time() < until:
        time.sleep(0.5)
        now = lab.cpu(pid)
        if now - before < 0.1:
            return
        before = now


def measure(name):
    with peers.started(name) as (pid, keys):
        port = keys["dns"]
        if not await_serial(port, 1, time.time() + 120):
            raise RuntimeError("the zone is not answered")
        idle(pid, time.time() + 20)
        before = lab.memory(pid)[1]
        new = peers.zone(2)
        load = subprocess.Popen(
            ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", drive_dns.queries("lab.test"), "-T", "1",
             "-c", "4", "-Q", str(RATE), "-t", "2", "-l", f"{SECS:g}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(2)
        aside = keys["zone"].with_suffix(".new")
        shutil.copy(new, aside)
        watch, cpu, begun = Watch(pid), lab.cpu(pid), time.time()
        os.rename(aside, keys["zone"])
        os.kill(pid, signal.SIGHUP)
        served = await_serial(port, 2, begun + SECS)
        took = time.time() - begun
        idle(pid, begun + SECS)
        settled = time.time() - begun - 0.5
        used = lab.cpu(pid) - cpu
        watch.on = False
        watch.join()
        out = load.communicate()[0]
        lost = int(re.search(r"Queries lost:\s+(\d+)", out)[1])
        return dict(served=served, seconds=round(took, 2), settled=round(settled, 2), cpu_s=round(used, 2),
                    before_mib=before, peak_mib=watch.peak, after_mib=lab.memory(pid)[1], lost=lost)


def main():
    lab.subreaper()
    signal.signal(signal.SIGTERM, lambda *a: sys.exit(1))
    for name in sys.argv[1:] or ["ropewalk_dns", "nsd", "knot", "bind"]:
        print(name, measure(name), flush=True)


if __name__ == "__main__":
    main()
