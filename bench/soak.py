#!/usr/bin/env python3
"""Serves at full load while peers misbehave: soak.py [MINUTES]; 20 if nothing is said.

wrk and h2load ask as fast as they can, and are killed at random; beside them, clients of its own cut, stall and talk nonsense, in
clear text and under TLS. It fails where memory grows (RSS in the last minute above 1.1 times that in minute 2; in less
than ten minutes, which is no more than a warm-up, above 1.6 times that of the second quarter), where descriptors are left over, where an error is logged that is not a peer's, and where the server does not
answer at the end. Needs wrk, h2load and openssl, and target/release/ropewalk, or the program in ROPEWALK.
"""
import os
import pathlib
import random
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import lab
import peers

SHORT = 600         # seconds of a run that is too short to be judged strictly
CLIENTS = 24        # of the misbehaving ones
END = threading.Event()
DONE = dict()       # what was done, and how often


# ---- peers that misbehave ----

def connect(port, tls=False):
    s = socket.create_connection(("127.0.0.1", port), timeout=15)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        s = context.wrap_socket(s)
    return s


def reset(s):
    """Ends it by a reset: nothing that was sent is owed."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def get(name, more=""):
    return f"GET /{name} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


def read_some(s, most):
    while most > 0 and (data := s.recv(min(most, 65536))):
        most -= len(data)


def half_a_head(s):
    s.sendall(get("1k")[:random.randrange(1, 30)])


def in_mid_answer(s):
    s.sendall(get("10m"))
    read_some(s, random.randrange(1, 1 << 20))


def without_reading(s):
    s.sendall(get("10m") + get("100k") * 3)
    END.wait(random.uniform(0, 3))


def many_at_once(s):
    s.sendall(get("1k") * random.randrange(1, 200))
    read_some(s, random.randrange(1, 50_000))


def half_closed(s):
    s.sendall(get("100k") + get("1k", "Connection: close\r\n"))
    s.shutdown(socket.SHUT_WR)
    read_some(s, 1 << 30)


def half_a_body(s):
    s.sendall(b"POST /1k HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + bytes(random.randrange(50_000)))
    read_some(s, 100)


def broken_chunks(s):
    s.sendall(b"POST /1k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + random.randbytes(20))
    read_some(s, 1 << 16)


def in_drops(s):
    for byte in get("1k"):
        s.sendall(bytes([byte]))
        if END.wait(random.uniform(0, 0.05)):
            return
    read_some(s, 100)


def silent(s):
    END.wait(random.uniform(0, 12))


def nonsense(s):
    s.sendall(random.randbytes(random.randrange(1, 3000)))
    read_some(s, 1 << 16)


def listing(s):
    s.sendall(get("", "Accept: application/json\r\n"))
    read_some(s, random.randrange(1, 100_000))


def ranges(s):
    s.sendall(get("10m", "Range: bytes=%d-,-1,5-5\r\n" % random.randrange(10 << 20)))
    read_some(s, random.randrange(1, 1 << 20))


def half_a_preface(s):
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[:random.randrange(1, 25)])
    END.wait(random.uniform(0, 1))


def streams_and_gone(s):
    """HTTP/2 in clear text: settings, then streams that ask for a large file, some of them reset."""
    frame = lambda kind, flags, stream, data: struct.pack(">I", len(data))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + data
    head = bytes([0x82, 0x86, 0x04, 4]) + b"/10m" + bytes([0x41, 1]) + b"x"
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
    for stream in range(1, random.randrange(3, 100), 2):
        s.sendall(frame(1, 5, stream, head))
        if random.random() < 0.1:
            s.sendall(frame(3, 0, stream, struct.pack(">I", 8)))
    read_some(s, random.randrange(1, 200_000))


def half_a_handshake(port):
    s = connect(port)
    s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(random.randrange(200)))
    END.wait(random.uniform(0, 0.5))
    s.close()


DEEDS = [half_a_head, in_mid_answer, without_reading, many_at_once, half_closed, half_a_body, broken_chunks, in_drops, silent, nonsense,
         listing, ranges, half_a_preface, streams_and_gone]


def misbehave(ports):
    while not END.is_set():
        deed = random.choice(DEEDS)
        tls = random.random() < 0.3
        try:
            if tls and random.random() < 0.2:
                half_a_handshake(ports["tls"])
                continue
            s = connect(ports["tls"] if tls else ports["http"], tls)
            try:
                deed(s)
            except OSError:
                pass        # It was refused, as it should be.
            reset(s) if random.random() < 0.5 else s.close()
        except OSError:
            pass
        DONE[deed.__name__] = DONE.get(deed.__name__, 0) + 1


def load(command):
    """Runs it again and again; two times of three it is killed in the midst of it."""
    while not END.is_set():
        proc = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if random.random() < 2 / 3:
            END.wait(random.uniform(0.5, 6))
            proc.kill()
        while proc.poll() is None and not END.wait(0.2):
            pass
        proc.kill()
        proc.wait()
        DONE[command[0]] = DONE.get(command[0], 0) + 1


# ---- the server ----

def rss(pid):
    """KiB."""
    return int(next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS:")).split()[1])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def median(samples):
    return sorted(samples)[len(samples) // 2]


def start(ports, log):
    where = lab.tmp()
    cert, key = peers.cert()
    key.chmod(0o600)
    config = where / "soak.toml"
    config.write_text(f"""
[log]
level = "info"
[tls.main]
cert = "{cert}"
key = "{key}"
[files.www]
path = "{peers.www()}"
[[service]]
kind = "http"
listen = ["tcp:{ports['http']}:interface=127.0.0.1", "tls:{ports['tls']}:interface=127.0.0.1:cert=main"]
files = "www"
access_log = "off"
head_time = "5 s"
body_time = "5 s"
keep_alive = "10 s"
""")
    program = os.environ.get("ROPEWALK", lab.HERE.parent / "target/release/ropewalk")
    return subprocess.Popen([program, "run", "--allow-root", "--config", config], stderr=log, stdin=subprocess.DEVNULL)


def answers(ports):
    """One whole answer in clear text, and one under TLS."""
    for tls in (False, True):
        with connect(ports["tls" if tls else "http"], tls) as s:
            s.sendall(get("1k", "Connection: close\r\n"))
            said = b""
            while data := s.recv(65536):
                said += data
        if not said.startswith(b"HTTP/1.1 200 ") or len(said) < 1024:
            raise RuntimeError(f"no answer: {said[:80]!r}")


def settled(pid, before):
    """Descriptors, once the last connections have been given up."""
    for _ in range(40):
        if descriptors(pid) <= before:
            break
        time.sleep(0.5)
    return descriptors(pid)


def main(minutes):
    seconds = max(45, int(minutes * 60))
    early, window, growth = (120, 60, 1.1) if seconds >= SHORT else (seconds // 2, seconds // 4, 1.6)
    ports = dict(http=lab.free_port(), tls=lab.free_port())
    log_file = lab.tmp() / "soak.log"
    h1, h2 = (f"http://127.0.0.1:{ports['http']}", f"https://127.0.0.1:{ports['tls']}")
    loads = [["wrk", "-t1", "-c32", "-d10s", f"{h1}/1k"], ["wrk", "-t1", "-c16", "-d10s", f"{h1}/100k"],
             ["wrk", "-t1", "-c8", "-d10s", f"{h2}/10m"], ["h2load", "-t1", "-c8", "-m16", "-D", "10", f"{h2}/1k"],
             ["h2load", "-t1", "-c4", "-m8", "-D", "10", f"{h2}/100k"]]
    with open(log_file, "wb") as log:
        server = start(ports, log)
    samples = []
    try:
        for _ in range(100):
            try:
                answers(ports)
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError("it does not listen: " + log_file.read_text()[-500:])
        time.sleep(1)
        before = descriptors(server.pid)
        threads = [threading.Thread(target=load, args=(command,)) for command in loads]
        threads += [threading.Thread(target=misbehave, args=(ports,)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for second in range(seconds):
            time.sleep(1)
            if server.poll() is not None:
                raise RuntimeError(f"the server ended: {server.returncode}")
            samples.append(rss(server.pid))
            if second % 60 == 59 or second == seconds - 1:
                print(f"{second + 1:5} s: {samples[-1]} KiB, {descriptors(server.pid)} descriptors, {sum(DONE.values())} deeds", flush=True)
        END.set()
        for thread in threads:
            thread.join()
        answers(ports)
        after = settled(server.pid, before)
        rest = rss(server.pid)
    finally:
        END.set()
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(40)
            except subprocess.TimeoutExpired:
                server.kill()
                print("it did not stop by itself")
    reference, end = median(samples[early - window:early]), median(samples[-window:])
    lines = log_file.read_text(errors="replace").splitlines()
    errors = [line for line in lines if " ERROR " in line or " WARN " in line]
    print("deeds: " + ", ".join(f"{name} {n}" for name, n in sorted(DONE.items())))
    print(f"RSS: {reference} KiB in the {window} s to {early}, {end} KiB in the last ({end / reference:.2f}; {growth} is allowed), "
          f"{rest} KiB at rest")
    if os.environ.get("SOAK_SAMPLES"):
        print(*samples)
    print(f"descriptors: {before} before, {after} after")
    print(f"log: {len(lines)} lines, {len(errors)} errors and warnings")
    for line in errors[:20]:
        print("   ", line)
    failures = [what for what, failed in [("memory grows", end > growth * reference), ("descriptors are left", after > before),
                                          ("errors were logged", errors), ("the server failed", server.returncode != 0)] if failed]
    print("failed: " + ", ".join(failures) if failures else "passed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20))
