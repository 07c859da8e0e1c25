#!/usr/bin/env python3
"""Verifies a journal that Signalbox exported, without Signalbox: verify_export.py FILE [PUBLIC_KEY_HEX]

Needs nothing but Python's standard library. core/journal/README.md says what each hash and the signature cover.
Prints "N entries verified" and exits 0, or names the first bad entry and exits 1. With a public key (from
`signalbox-node doctor`, or kept elsewhere) the export must be signed by that key; without one, the key that stands in
the export is used, which proves that the file is whole but not whose it is.
"""
import hashlib
import json
import struct
import sys


class Bad(Exception):
    pass


# Ed25519, RFC 8032 section 5.1, verification only.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t = 2 * a[3] * b[3] * D % P
    z = 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_mul(factor, point):
    result = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        factor >>= 1
    return result


def point_equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_from_y(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else (0, y, 1, 0)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P != 0:
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def point_decode(data):
    y = int.from_bytes(data, "little")
    return point_from_y(y & ((1 << 255) - 1), y >> 255)


BASE = point_from_y(4 * pow(5, P - 2, P) % P, 0)


def signature_holds(public_key, message, signature):
    if len(public_key) != 32 or len(signature) != 64:
        return False
    a, r = point_decode(public_key), point_decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    return point_equal(point_mul(s, BASE), point_add(r, point_mul(h, a)))


# The journal's own bytes.
def field(data):
    return struct.pack(">I", len(data)) + data


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def entry_hash(e):
    return sha256(
        b"\x00",
        field(b"signalbox.entry.1"),
        field(e["agent"].encode()),
        struct.pack(">qq", e["seq"], e["time_us"]),
        *(field(e[name].encode()) for name in ("process", "kind", "cause", "trace_id", "span_id")),
        field(bytes.fromhex(e["payload_hash"])),
        field(bytes.fromhex(e["prev_hash"])),
    )


def root_from(leaf, index, count, proof):
    """The root that RFC 6962's audit path gives for the leaf at index in a tree of count leaves."""
    node, last, used = leaf, count - 1, 0
    while last > 0:
        if index % 2 == 1 or index < last:
            if used == len(proof):
                return None
            sibling, used = proof[used], used + 1
            node = sha256(b"\x01", sibling, node) if index % 2 == 1 else sha256(b"\x01", node, sibling)
        index, last = index // 2, last // 2
    return node if used == len(proof) else None


def verify(lines, trusted_key):
    try:
        head = json.loads(next(lines, "null"))
        if head["format"] != "signalbox.journal.1":
            raise Bad("this is no export of a journal")
        count, root, last_hash = head["count"], bytes.fromhex(head["root"]), bytes.fromhex(head["last_hash"])
        public_key = bytes.fromhex(head["public_key"])
        message = b"\x03" + field(b"signalbox.head.1") + field(head["agent"].encode())
        message += struct.pack(">qq", count, head["time_us"]) + field(root) + field(last_hash)
        signature = bytes.fromhex(head["signature"])
    except (ValueError, KeyError, TypeError, struct.error):
        raise Bad("the first line is no signed head") from None
    if trusted_key and public_key != trusted_key:
        raise Bad("the export is signed with another key")
    if not public_key:
        raise Bad("the export is not signed")
    if not signature_holds(public_key, message, signature):
        raise Bad("the signature of the head is not valid")

    previous, seq, erased = bytes(32), 0, 0
    for line in lines:
        seq += 1
        where = f"entry {seq}: "
        try:
            e = json.loads(line)
            if e["seq"] != seq:
                raise Bad(where + f"it is missing (entry {e['seq']} stands in its place)")
            if e["agent"] != head["agent"]:
                raise Bad(where + "it belongs to another journal")
            leaf = entry_hash(e)
            if leaf.hex() != e["hash"]:
                raise Bad(where + "its fields do not fit its hash")
            if bytes.fromhex(e["prev_hash"]) != previous:
                raise Bad(where + "it does not follow the entry before it")
            if e["payload"] is None:
                erased += 1
            else:
                payload = sha256(b"\x02", field(bytes.fromhex(e["salt"])), field(e["payload"].encode()))
                if payload.hex() != e["payload_hash"]:
                    raise Bad(where + "its payload was changed")
            if root_from(leaf, seq - 1, count, [bytes.fromhex(node) for node in e["proof"]]) != root:
                raise Bad(where + "its proof does not lead to the signed root")
        except (ValueError, KeyError, TypeError, AttributeError, struct.error):
            raise Bad(where + "it cannot be read") from None
        previous = leaf
    if seq != count:
        raise Bad(f"entry {seq + 1}: it is missing, {count} entries were signed")
    if previous != last_hash:
        raise Bad(f"entry {seq}: it is not the last one that was signed")
    return seq, erased


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    try:
        key = bytes.fromhex(sys.argv[2]) if len(sys.argv) == 3 else None
        with open(sys.argv[1], encoding="utf-8", newline="\n") as file:
            count, erased = verify(iter(file), key)
    except (OSError, ValueError, Bad) as error:
        print(f"verify_export: {error}", file=sys.stderr)
        return 1
    print(f"{count} entries verified" + (f", {erased} of them with their payload erased" if erased else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
