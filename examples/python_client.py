#!/usr/bin/env python3
"""A client of the tour's search service in Python's standard library, written from PROTOCOL.md alone.

    python3 examples/python_client.py unix:/run/search.sock DIRECTORY QUERY

It lists what the server serves, has it index a directory, and prints the hits of a query. The numbers in comments are
the protocol's rules.
"""
import socket
import struct
import sys

MAGIC = b"\xffTWIRE\xfe\n"  # P-1
CALL, REPLY, REPLY_DATA, PING, PONG, GO_AWAY = 1, 3, 4, 6, 7, 8  # P-11
PARTIAL, ERROR, FAILURE = 0x01, 0x04, 0x08  # P-12

# The signatures that are known here, as `traitwire list --json` shows them: a peer with others is not called (P-8).
FINGERPRINTS = {"index": 0x31B3A6ABE1EC78D9, "search": 0x713949E782E229DE}


def varint(number):  # P-13
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def text(string):
    return varint(len(string.encode())) + string.encode()


class Values:
    """Reads values one after another (P-60)."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("the bytes end before the value does")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        number, shift, byte = 0, 0, 0x80
        while byte >= 0x80:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
        return number

    def text(self):
        return self.take(self.varint()).decode()

    def many(self, one):
        return [one() for _ in range(self.varint())]


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        # P-4: max_frame, max_message, max_calls, max_inflight, stream_window, features, generation; no services.
        limits = [512 << 10, 16 << 20, 1, 64 << 20, 256 << 10, 0, 0]
        body = b"".join(map(varint, limits)) + varint(0)
        self.socket.sendall(MAGIC + struct.pack("<HHI", 1, 1, len(body)) + body)  # P-2
        magic, lowest, highest, length = struct.unpack("<8sHHI", self.take(16))
        if magic != MAGIC or not lowest <= 1 <= highest:
            raise ValueError("this is no server of protocol version 1")
        hello = Values(self.take(length))
        for _ in limits:
            hello.varint()
        self.services = hello.many(lambda: (hello.text(), hello.many(lambda: (hello.text(), hello.varint()))))

    def take(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise ConnectionError("the server has closed the connection")
        return data

    def send(self, kind, payload):  # P-10; one call at a time, so its id is always 0 (P-21)
        self.socket.sendall(struct.pack("<IBBI", len(payload), kind, 0, 0) + payload)

    def number(self, service, method, fingerprint):
        """The number of a method, counted through all services (P-7)."""
        methods = [(name, *each) for name, served in self.services for each in served]
        if (service, method, fingerprint) not in methods:
            raise LookupError(f"the server has no {service}.{method} of this signature")
        return methods.index((service, method, fingerprint))

    def call(self, number, arguments):
        """Calls a method, and gives its result, or its own error, with what it is."""
        self.send(CALL, varint(number) + arguments)  # P-20
        flags, body, whole = 0, b"", None
        while whole is None or len(body) < whole:
            length, kind, bits, _ = struct.unpack("<IBBI", self.take(10))
            payload = self.take(length)
            if kind == REPLY:  # P-22
                reply = Values(payload)
                flags, whole = bits, reply.varint() if bits & PARTIAL else length
                body = payload[reply.at:]
            elif kind == REPLY_DATA:  # P-30
                body += payload
            elif kind == PING:  # P-41
                self.send(PONG, payload)
        if flags & FAILURE:  # P-23
            failure = Values(body)
            code, _, message = failure.varint(), failure.varint(), failure.text()
            raise RuntimeError(f"failure {code}: {message}")
        return Values(body), bool(flags & ERROR)

    def close(self):  # P-44
        self.send(GO_AWAY, b"done")
        self.socket.close()


class Search:
    """The tour's service, as `traitwire describe` shows it."""

    def __init__(self, connection):
        self.connection = connection
        self.numbers = {method: connection.number("Search", method, fingerprint)
                        for method, fingerprint in FINGERPRINTS.items()}

    def index(self, root):
        value, failed = self.connection.call(self.numbers["index"], text(root))
        if failed:
            variant = ["NoDocument", "OutsideRoot", "Unreadable"][value.varint()]
            raise RuntimeError(f"{variant}: {value.text()}")
        return {name: value.varint() for name in ["documents", "lines", "bytes", "words"]}

    def search(self, query):
        value, _ = self.connection.call(self.numbers["search"], text(query))
        return value.many(lambda: {"path": value.text(), "line": value.varint(), "excerpt": value.text()})


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python_client.py unix:PATH DIRECTORY QUERY")
    connection = Connection(sys.argv[1].removeprefix("unix:"))
    for name, methods in connection.services:
        print(f"{name}: {', '.join(method for method, _ in methods)}")
    service = Search(connection)
    print(service.index(sys.argv[2]))
    for hit in service.search(sys.argv[3]):
        print(f"{hit['path']}:{hit['line']}: {hit['excerpt']}")
    connection.close()
