# What the judges share: read by them, with `set -euo pipefail`.

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# Whether a tool is installed. One that is not is passed over, unless ROPEWALK_REQUIRE_PEERS is 1.
has() {
	command -v "$1" >/dev/null && return 0
	[ "${ROPEWALK_REQUIRE_PEERS:-}" = 1 ] && fail "missing: $1"
	echo "missing: $1"
	return 1
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A certificate for localhost that nobody has signed: cert.pem and key.pem in this folder.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
}
