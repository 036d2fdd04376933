#!/usr/bin/env python3
"""Runs the functional tests of pyftpdlib 2.2 against `ropewalk ftp`.

Usage: pyftpdlib_suite.py ROPEWALK SOURCE [PYTEST-ARGUMENT...]

SOURCE is the unpacked source of pyftpdlib 2.2.0; this Python has it installed, with pytest and psutil. Each test's server is a
process of ours, configured by what the test says of pyftpdlib's. The texts of replies are ours: where a test looks at one, only its code
is compared. What of pyftpdlib's inside a test needs (its handlers, its event loop) is not there: those tests fail, and
are listed in pyftpdlib.expected with the reason.
"""

import ftplib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

PROGRAM, SOURCE = map(os.path.abspath, sys.argv[1:3])
EXPECTED = pathlib.Path(__file__).with_name("pyftpdlib.expected")
sys.path.insert(0, SOURCE)


def seconds(value):
    """A time of pyftpdlib's; 0 is never."""
    return f"{int(value * 1000)}ms" if value else "24h"


class Server:
    """A process with the interface of the thread that the tests start."""

    def __init__(self, addr=None):
        from pyftpdlib.handlers import FTPHandler
        from pyftpdlib.servers import FTPServer

        self.handler, self.server = FTPHandler, self
        self.host = addr[0] if addr else "127.0.0.1"
        self.max_cons = FTPServer.max_cons
        self.max_cons_per_ip = FTPServer.max_cons_per_ip
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as free:
            free.bind((self.host, 0))
            self.port = free.getsockname()[1]

    def endpoint(self):
        # No interface is all of them, by IPv4 and IPv6.
        if self.host in ("", "::"):
            return f"tcp:{self.port}"
        return f"tcp:{self.port}:interface={self.host.replace(':', chr(92) * 2 + ':')}"

    def config(self):
        handler = self.handler
        ports = handler.passive_ports
        lines = [
            "[files.home]",
            f'path = "{os.getcwd()}"',
            'write = true\nhidden = "show"',
            "[accounts.home]",
            'users = ["user:12345"]',
            "[[service]]",
            'kind = "ftp"',
            f'listen = ["{self.endpoint()}"]',
            'accounts = "home"\nfiles = "home"\nanonymous = "home"',
            "active = true",
            f"fxp = {['0.0.0.0/0', '::/0'] if handler.permit_foreign_addresses else []}",
            f"login_attempts = {handler.max_login_attempts}",
            f'welcome = "{handler.banner}"',
            f'passive = "{min(ports)}-{max(ports)}"' if ports else 'passive = "0"',
            f'stall = "{seconds(handler.dtp_handler.timeout)}"',
            f'connect = "{seconds(handler.passive_dtp.timeout)}"',
        ]
        if handler.masquerade_address:
            lines.append(f'masquerade = ["0.0.0.0/0={handler.masquerade_address}"]')
        elif handler.masquerade_address_map:
            maps = [f'"{address}={said}"' for address, said in handler.masquerade_address_map.items()]
            lines.append(f"masquerade = [{', '.join(maps)}]")
        lines.append("[service.limits]")
        lines.append(f'idle = "{seconds(handler.timeout)}"')
        if self.max_cons:
            lines.append(f"connections = {self.max_cons}")
        return "\n".join(lines) + "\n"

    def start(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as file:
            file.write(self.config())
        self.file = file.name
        self.process = subprocess.Popen(
            [PROGRAM, "run", "--allow-root", "--config", self.file], stderr=subprocess.PIPE, text=True
        )
        log = []
        for line in self.process.stderr:
            log.append(line)
            if "ready" in line:
                break
        else:
            raise RuntimeError("".join(log) + self.config())

    def stop(self):
        # A second one cuts, and the first need not be waited for.
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()
        os.unlink(self.file)
        import tests

        tests.reset_server_opts()


def by_code(raises):
    """`pytest.raises`, which of the text of a reply compares the code."""

    def relaxed(expected, *args, match=None, **kwargs):
        code = re.match(r"\^?(\d{3})", match or "")
        return raises(expected, *args, match=code and code.group(0), **kwargs)

    return relaxed


class Reply(str):
    """A reply, which is equal to another of the same code."""

    def __eq__(self, other):
        replies = re.match(r"\d{3} ", self) and re.match(r"\d{3} ", other)
        return self[:3] == other[:3] if replies else str.__eq__(self, other)

    # It stays one as the text of an exception.
    def __str__(self):
        return self

    __hash__ = str.__hash__


class Line(bytes):
    """The same, as octets."""

    def __eq__(self, other):
        return Reply(self.decode()) == Reply(other.decode())

    __hash__ = bytes.__hash__


class Control(socket.socket):
    """The control connection of a client, from which some tests read a reply themselves."""

    __slots__ = ()

    def recv(self, *args):
        return Line(super().recv(*args))


def replies(getmultiline):
    return lambda client: Reply(getmultiline(client))


def control(connect):
    def connected(client, *args, **kwargs):
        welcome = connect(client, *args, **kwargs)
        client.sock.__class__ = Control
        return welcome

    return connected


class Results:
    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[-1].replace("::", ".")
        if report.skipped:
            self.skipped.append(name)
        elif report.failed and name not in self.failed:
            self.failed.append(name)
        elif report.when == "call" and report.passed:
            self.passed.append(name)


def main():
    # Files of the tests are made in the current directory, which is the one that is served.
    os.chdir(tempfile.mkdtemp(prefix="ftp-"))
    import tests

    tests.FtpdThreadWrapper = Server
    pytest.raises = by_code(pytest.raises)
    ftplib.FTP.getmultiline = replies(ftplib.FTP.getmultiline)
    ftplib.FTP.connect = control(ftplib.FTP.connect)
    results = Results()
    suite = str(pathlib.Path(SOURCE) / "tests" / "test_functional.py")
    arguments = ["-q", "-p", "no:cacheprovider", "--rootdir", SOURCE, "-c", os.devnull, "--noconftest", *sys.argv[3:]]
    pytest.main([*arguments, suite], plugins=[results])
    lines = [line.split("#")[0].strip() for line in EXPECTED.read_text().splitlines()]
    either = {line[1:].strip() for line in lines if line.startswith("?")}
    known = {line for line in lines if line and not line.startswith("?")}
    unexpected = sorted(set(results.failed) - known - either)
    better = sorted(known & set(results.passed))
    print(f"{len(results.passed)} passed, {len(results.failed)} failed, {len(results.skipped)} skipped")
    for name in unexpected:
        print(f"failed unexpectedly: {name}")
    for name in better:
        print(f"passed unexpectedly: {name}")
    sys.exit(1 if unexpected or better else 0)


main()
